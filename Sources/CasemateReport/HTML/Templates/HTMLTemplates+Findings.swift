extension HTMLTemplates {
    /// The findings, the worst first.
    static let findings = """
        <section aria-labelledby="findings">
        <h2 id="findings">Findings <span class="count">{{findingCount}}</span></h2>
        {{^hasFindings}}
        <p class="none">The probes that were run found nothing to report.</p>
        {{/hasFindings}}
        {{#findings}}
        <article class="finding {{severity}}{{#isAccepted}} accepted{{/isAccepted}}" aria-labelledby="finding-{{number}}">
        <header>
        <p class="severity">{{{icon}}}<span class="word">{{severity}}</span>{{#isAccepted}} <span class="tag">accepted</span>{{/isAccepted}} <span class="rule">{{id}}</span></p>
        <h3 id="finding-{{number}}">{{#title}}{{#isCode}}<code>{{text}}</code>{{/isCode}}{{^isCode}}{{text}}{{/isCode}}{{/title}}</h3>
        </header>
        {{#isFolded}}<details class="more"><summary>Evidence, and what to do</summary>{{/isFolded}}
        {{#isAccepted}}
        <p class="acceptance"><strong>Accepted risk:</strong> {{accepted}}</p>
        {{/isAccepted}}
        {{#hasTexts}}
        <ul class="texts">
        {{#texts}}
        <li>{{> parts}}</li>
        {{/texts}}
        </ul>
        {{/hasTexts}}
        {{#tables}}
        {{> table}}
        {{/tables}}
        {{#hasChanges}}
        <h4>Rows that turn</h4>
        {{> changes}}
        {{/hasChanges}}
        <div class="remedy"><h4>What to do</h4><p>{{#remedy}}{{#isCode}}<code>{{text}}</code>{{/isCode}}{{^isCode}}{{text}}{{/isCode}}{{/remedy}}</p></div>
        {{> references}}
        <details class="accept"><summary>Fingerprint <code>{{fingerprint}}</code> and how to accept this risk</summary>
        <p>Write this into <code>casemate.yaml</code>; the finding stays in every report, marked as accepted, until the day named.</p>
        <div class="code"><code>policy:</code><code>&nbsp; accept:</code><code>&nbsp; &nbsp; - fingerprint: {{fingerprint}}</code><code>&nbsp; &nbsp; &nbsp; reason: who accepts it, and why</code><code>&nbsp; &nbsp; &nbsp; expires: YYYY-MM-DD</code></div>
        </details>
        {{#isFolded}}</details>{{/isFolded}}
        </article>
        {{/findings}}
        {{#findingsCut}}<p class="note">{{findingsNote}}</p>{{/findingsCut}}
        </section>

        """
}
