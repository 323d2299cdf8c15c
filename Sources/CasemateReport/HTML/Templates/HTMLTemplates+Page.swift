extension HTMLTemplates {
    /// The page around its sections.
    static let page = """
        <!doctype html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark">
        <meta name="referrer" content="no-referrer">
        <meta name="generator" content="Casemate {{version}}">
        <link rel="icon" href="data:,">
        <title>{{verdictWord}}: {{subject}} – Casemate {{verb}}</title>
        <style>{{{style}}}</style>
        </head>
        <body>
        <a class="skip" href="#main">Skip to the report</a>
        <header class="banner {{verdict}}">
        <div class="wide">
        <p class="maker">Casemate <span>{{verb}} report</span>{{#isRedacted}} <span class="tag">personal data masked</span>{{/isRedacted}}</p>
        <div class="verdict">{{{icon}}}
        <h1><span class="word">{{verdictWord}}</span> <span class="subject">{{subject}}</span></h1></div>
        <p class="reason"><strong>{{verdictSentence}}.</strong> {{#reason}}{{#isCode}}<code>{{text}}</code>{{/isCode}}{{^isCode}}{{text}}{{/isCode}}{{/reason}}</p>
        <dl class="facts">{{#bannerFacts}}<div><dt>{{name}}</dt><dd>{{value}}</dd></div>{{/bannerFacts}}</dl>
        </div>
        </header>
        <nav class="contents" aria-label="Sections"><ul class="wide">
        <li><a href="#attacker">Attacker</a></li><li><a href="#findings">Findings</a></li>{{#hasRules}}<li><a href="#policy">Policy</a></li>{{/hasRules}}{{#hasProbes}}<li><a href="#probes">Probe by probe</a></li>{{/hasProbes}}<li><a href="#coverage">Coverage</a></li><li><a href="#reproduction">Reproduction</a></li>
        </ul></nav>
        <main id="main" class="wide">
        <section aria-labelledby="attacker">
        <h2 id="attacker">What an attacker can do to this model today</h2>
        {{#hasAttacker}}
        <ul class="attacker{{#isGrouped}} grouped{{/isGrouped}}">
        {{#attacker}}
        <li>{{> parts}}</li>
        {{/attacker}}
        {{#attackers}}
        <li><h3><a href="#{{anchor}}">{{title}}</a></h3>
        {{#sentences}}
        <p>{{> parts}}</p>
        {{/sentences}}
        </li>
        {{/attackers}}
        </ul>
        {{/hasAttacker}}
        {{^hasAttacker}}
        <p class="attacker none">{{noAttacker}}</p>
        {{/hasAttacker}}
        </section>
        {{#hasCards}}
        <section aria-labelledby="numbers">
        <h2 id="numbers">Key numbers</h2>
        <ul class="cards">
        {{#cards}}
        <li{{#isBroken}} class="broken"{{/isBroken}}>
        <p class="name"><span>{{probe}}</span> {{name}}</p>
        <p class="value">{{value}}</p>
        <p class="interval"><span>{{interval}}</span> · <span>n = {{n}}</span></p>
        {{#hasNote}}<p class="faint">{{note}}</p>{{/hasNote}}
        {{#isBroken}}<p class="state">✗ breaks the rule {{rule}}</p>{{/isBroken}}
        {{#isKept}}<p class="state">✓ keeps the rule {{rule}}</p>{{/isKept}}
        </li>
        {{/cards}}
        </ul>
        </section>
        {{/hasCards}}
        {{> findings}}
        {{> policy}}
        {{> probes}}
        {{#hasFacts}}
        <section aria-labelledby="facts">
        <h2 id="facts">What was examined</h2>
        <div class="pair">
        {{#facts}}
        <div>{{> table}}</div>
        {{/facts}}
        </div>
        </section>
        {{/hasFacts}}
        {{> coverage}}
        {{> reproduction}}
        </main>
        <footer class="wide"><p>Made by Casemate {{version}}. This page holds everything that it shows and asks nothing of any network.</p></footer>
        </body>
        </html>

        """

    /// The rules of the policy.
    static let policy = """
        {{#hasRules}}
        <section aria-labelledby="policy">
        <h2 id="policy">Policy</h2>
        <ul class="rules">
        {{#rules}}
        <li class="{{status}}">{{{icon}}}<div><p><strong class="word">{{status}}</strong> <code>{{rule}}</code></p><p class="faint">{{#detail}}{{#isCode}}<code>{{text}}</code>{{/isCode}}{{^isCode}}{{text}}{{/isCode}}{{/detail}}</p></div></li>
        {{/rules}}
        </ul>
        </section>
        {{/hasRules}}

        """
}
