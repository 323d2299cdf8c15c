/// The templates of the page by the names that they call each other by.
enum HTMLTemplates {
    /// Every template.
    static let all = [
        "page": page, "parts": parts, "table": table, "changes": changes, "references": references,
        "findings": findings, "policy": policy, "probes": probes, "coverage": coverage, "reproduction": reproduction,
    ]

    /// A sentence with names set as code.
    static let parts = "{{#parts}}{{#isCode}}<code>{{text}}</code>{{/isCode}}{{^isCode}}{{text}}{{/isCode}}{{/parts}}"

    /// A table that scrolls inside its own box.
    static let table = """
        <div class="scroll" role="region" tabindex="0" aria-label="{{#hasTitle}}{{title}}{{/hasTitle}}{{^hasTitle}}Table{{/hasTitle}}">
        <table>
        {{#hasTitle}}<caption>{{title}}</caption>{{/hasTitle}}
        <thead><tr>{{#columns}}<th scope="col"{{#isNumber}} class="number"{{/isNumber}}>{{text}}</th>{{/columns}}</tr></thead>
        <tbody>
        {{#rows}}
        <tr>{{#cells}}<td{{#isNumber}} class="number"{{/isNumber}}{{#isLong}} class="long"{{/isLong}}>{{text}}</td>{{/cells}}</tr>
        {{/rows}}
        </tbody>
        </table>
        </div>
        {{#hasNote}}<p class="note">{{note}}</p>{{/hasNote}}

        """

    /// Changed rows before and after.
    static let changes = """
        <ol class="changes">
        {{#changes}}
        <li>
        <p class="turn"><strong>{{row}}</strong> <span class="decision">{{before}} <span aria-hidden="true">→</span><span class="hidden"> turns into </span> {{after}}</span> <span class="distance">distance {{distance}}</span></p>
        <ul>
        {{#steps}}<li>{{verb}} <code>{{feature}}</code>{{^isMasked}} from <b>{{from}}</b> to <b>{{to}}</b>{{/isMasked}}{{#isMasked}} <span class="faint">(values masked)</span>{{/isMasked}}</li>
        {{/steps}}
        </ul>
        </li>
        {{/changes}}
        </ol>
        {{#changesCut}}<p class="note">{{changesNote}}</p>{{/changesCut}}

        """

    /// Identifiers of the catalogues.
    static let references = """
        <ul class="chips" aria-label="Catalogue entries">{{#references}}<li><span class="faint">{{catalogue}}</span> {{identifier}}{{#hasName}} <span class="faint">{{name}}</span>{{/hasName}}</li>{{/references}}</ul>

        """
}
