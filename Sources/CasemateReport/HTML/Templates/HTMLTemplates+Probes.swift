extension HTMLTemplates {
    /// Probe by probe: sentences, drawings, tables, numbers, changed rows.
    static let probes = """
        {{#hasProbes}}
        <section aria-labelledby="probes">
        <h2 id="probes">Probe by probe</h2>
        {{#areClosed}}<p class="note">Press a probe to unfold what it measured; printing shows all.</p>{{/areClosed}}
        {{#probes}}
        <details class="probe" id="{{anchor}}"{{#areOpen}} open{{/areOpen}}>
        <summary><h3>{{title}}</h3> <span class="status">{{{statusIcon}}}<span>{{status}}</span></span> <span class="faint">{{findingCount}} · {{id}} · {{duration}}{{#isCached}} · from the cache{{/isCached}}</span></summary>
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
        {{#hasPictures}}
        {{#pictures}}
        <figure>
        <h4>{{title}}</h4>
        <div class="scroll">{{{image}}}</div>
        <figcaption>{{#summary}}{{#isCode}}<code>{{text}}</code>{{/isCode}}{{^isCode}}{{text}}{{/isCode}}{{/summary}}</figcaption>
        </figure>
        {{/pictures}}
        {{/hasPictures}}
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
        </details>
        {{/probes}}
        </section>
        {{/hasProbes}}

        """
}
