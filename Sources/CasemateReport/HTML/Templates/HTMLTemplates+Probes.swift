extension HTMLTemplates {
    /// Probe by probe: sentences, drawings, tables, numbers, changed rows.
    static let probes = """
        {{#hasProbes}}
        <section aria-labelledby="probes">
        <h2 id="probes">Probe by probe</h2>
        {{#probes}}
        <section class="probe">
        <header><h3>{{title}}</h3><p class="status">{{{statusIcon}}}<span>{{status}}</span> <span class="faint">{{id}} · {{duration}}</span></p></header>
        {{#hasReason}}
        <p class="because">{{#reason}}{{#isCode}}<code>{{text}}</code>{{/isCode}}{{^isCode}}{{text}}{{/isCode}}{{/reason}}</p>
        {{/hasReason}}
        {{#summary}}
        <p>{{> parts}}</p>
        {{/summary}}
        {{#hasPlots}}
        <div class="plots">
        {{#plots}}
        <figure>
        <h4>{{title}}</h4>
        {{{svg}}}
        <figcaption>{{#summary}}{{#isCode}}<code>{{text}}</code>{{/isCode}}{{^isCode}}{{text}}{{/isCode}}{{/summary}}</figcaption>
        <details><summary>The numbers as a table</summary>
        {{#data}}
        {{> table}}
        {{/data}}
        </details>
        </figure>
        {{/plots}}
        </div>
        {{#plotsCut}}<p class="note">{{plotsNote}}</p>{{/plotsCut}}
        {{/hasPlots}}
        {{#tables}}
        {{> table}}
        {{/tables}}
        {{#hasChanges}}
        <h4>Rows that turn</h4>
        {{> changes}}
        {{/hasChanges}}
        {{#hasMetrics}}
        <details{{#fewMetrics}} open{{/fewMetrics}}><summary>Every number of this probe ({{metricCount}})</summary>
        {{#metrics}}
        {{> table}}
        {{/metrics}}
        </details>
        {{/hasMetrics}}
        {{#hasSettings}}
        <details><summary>Settings</summary>
        {{#settings}}
        {{> table}}
        {{/settings}}
        </details>
        {{/hasSettings}}
        {{> references}}
        </section>
        {{/probes}}
        </section>
        {{/hasProbes}}

        """
}
