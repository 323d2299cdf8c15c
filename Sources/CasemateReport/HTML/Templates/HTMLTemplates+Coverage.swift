extension HTMLTemplates {
    /// What was tested and what was not.
    static let coverage = """
        <section aria-labelledby="coverage">
        <h2 id="coverage">Coverage <span class="count">{{coverageCount}}</span></h2>
        <p>What was not tested is not known to be safe.</p>
        <div class="scroll" role="region" tabindex="0" aria-label="Coverage matrix">
        <table class="matrix">
        <thead><tr><th scope="col">Probe</th><th scope="col">Status</th><th scope="col">Stage</th><th scope="col">Influence</th><th scope="col">Violation</th><th scope="col">Attacker knows</th></tr></thead>
        <tbody>
        {{#coverage}}
        <tr{{#hasReason}} class="explained"{{/hasReason}}><th scope="row">{{#hasAnchor}}<a href="#{{anchor}}">{{title}}</a>{{/hasAnchor}}{{^hasAnchor}}{{title}}{{/hasAnchor}}</th><td class="status">{{{icon}}}<span>{{status}}</span>{{#isCached}} <span class="cached">from the cache</span>{{/isCached}}</td>{{#places}}<td{{#isEmpty}} class="nil"{{/isEmpty}}>{{words}}</td>{{/places}}</tr>
        {{#hasReason}}
        <tr class="why"><td colspan="6">{{#reason}}{{#isCode}}<code>{{text}}</code>{{/isCode}}{{^isCode}}{{text}}{{/isCode}}{{/reason}}</td></tr>
        {{/hasReason}}
        {{/coverage}}
        </tbody>
        </table>
        </div>
        </section>

        """

    /// How to repeat the run.
    static let reproduction = """
        <section aria-labelledby="reproduction">
        <h2 id="reproduction">Reproduction</h2>
        <div class="code"><code>{{command}}</code></div>
        <dl class="facts">{{#runFacts}}<div><dt>{{name}}</dt><dd>{{value}}</dd></div>{{/runFacts}}</dl>
        {{#runTables}}
        {{> table}}
        {{/runTables}}
        </section>

        """
}
