public import CasemateCore
import CasemateReport
import CasemateScan
public import Foundation

/// `casemate data lineage`: what data were made from.
public struct DataLineageJob: Sendable {
    /// The tree, for people and programs.
    public struct Result: Sendable {
        /// The envelope.
        public let report: Report
        /// The tree in lines.
        public let text: String
        let lineage: LineageNode
        /// The envelope with `lineage` beside its members.
        public func json() throws -> Data { try report.renderJSON(adding: [("lineage", lineage)]) }
    }
    private let target: String, ledger: String?, keys: [String], search: EngineSearch, isRedacted: Bool

    /// Makes a job about a file, or an entry by number or hash.
    public init(_ target: String, ledger: String?, keys: [String], search: EngineSearch, isRedacted: Bool = false) {
        (self.target, self.ledger, self.keys, self.search) = (target, ledger, keys, search)
        self.isRedacted = isRedacted
    }

    /// Follows parents to the sources and checks the files on the way.
    /// - Throws: `CasemateError` when there is no ledger or no such entry; `Cancelled`.
    public func run(context: RunContext, command: String, started: Date) throws -> Result {
        let clock = ContinuousClock()
        let start = clock.now
        let opened = try OpenLedger(ledger, keys: keys)
        let verifier = DataVerifier(
            opened.location, entries: opened.review.entries, search: search, context: context, limit: 100)
        let lineage = DataLineage(opened.location, entries: opened.review.entries, verifier: verifier)
        let tree = try lineage.tree(of: lineage.entry(target))
        let checked = LineageNode.checked(tree)
        let provenance = ProvenanceReport(
            ledger: opened.location.path, review: opened.review, problems: opened.review.problems,
            offsets: opened.offsets, checked: checked, hasKeys: !keys.isEmpty, asksAll: false,
            isRedacted: isRedacted)
        var outcome = provenance.outcome()
        outcome.seconds = (clock.now - start).inSeconds
        // why: raw data may well be gone; that they are is said in the tree.
        outcome.findings = outcome.findings.filter { $0.id != "provenance.file_missing" }
        let isBroken = outcome.findings.contains { $0.severity >= .medium }
        let report = Report(
            version: Product.version, verb: "data lineage", subject: target, facts: [opened.facts],
            verdict: isBroken ? .fail : .pass, exitStatus: isBroken ? 1 : 0,
            reason: isBroken ? "something on the way is not what was registered" : "nothing on the way changed",
            policy: [], probes: [outcome], inputs: try opened.inputs(),
            reproduction: Report.Reproduction(
                command: command, seed: context.seed, threads: context.threads, engines: [:],
                platform: Product.platform, started: started.ISO8601Format(), seconds: outcome.seconds),
            isRedacted: isRedacted)
        let node = LineageNode(tree)
        var text = node.text()
        for finding in outcome.findings where finding.severity >= .medium {
            text += "\(finding.severity.rawValue): \(finding.title)\n"
        }
        return Result(report: report, text: text, lineage: node)
    }
}

/// One step of a lineage as it is shown.
struct LineageNode: Encodable, Sendable {
    /// `entry`, `seen` for one that was shown before, `unknown` for a parent that the ledger knows nothing of.
    let kind: String
    let entry: ProvenanceDocument.Entry?
    let source: String?, transformation: String?, note: String?
    /// `same`, `changed`, `missing`; `nil` where a later entry took the place of this one, or nothing was checked.
    let status: String?
    /// What an unknown parent is called.
    let parent: String?
    let parents: [LineageNode]

    init(_ node: DataLineage.Node) {
        switch node {
        case .entry(let placed, let checked, let parents):
            (kind, entry, parent) = ("entry", ProvenanceDocument.Entry(placed), nil)
            (source, transformation, note) = (placed.entry.source, placed.entry.transformation, placed.entry.note)
            status = checked?.verdict.word
            self.parents = parents.map { LineageNode($0) }
        case .seen(let placed):
            (kind, entry, parent) = ("seen", ProvenanceDocument.Entry(placed), nil)
            (source, transformation, note, status, parents) = (nil, nil, nil, nil, [])
        case .unknown(let parent):
            (kind, entry, self.parent) = ("unknown", nil, parent.text)
            (source, transformation, note, status, parents) = (nil, nil, nil, nil, [])
        }
    }

    /// Files that were checked on the way, each once.
    static func checked(_ node: DataLineage.Node) -> [DataVerifier.Checked] {
        guard case .entry(_, let checked, let parents) = node else { return [] }
        return [checked].compactMap { $0 } + parents.flatMap { Self.checked($0) }
    }

    /// The tree in lines, this node first and its parents below it.
    func text(prefix: String = "", branch: String = "", rest: String = "") -> String {
        var lines = [prefix + branch + headline]
        let below = prefix + rest + (parents.isEmpty ? "   " : "│  ")
        for (word, value) in [("source", source), ("transformation", transformation), ("note", note)] {
            if let value { lines.append("\(below)\(word): \(value.inertLine)") }
        }
        var text = lines.joined(separator: "\n") + "\n"
        for (index, parent) in parents.enumerated() {
            let isLast = index == parents.count - 1
            text += parent.text(prefix: prefix + rest, branch: isLast ? "└─ " : "├─ ", rest: isLast ? "   " : "│  ")
        }
        return text
    }

    private var headline: String {
        guard let entry else { return "\(parent ?? "?"): not in this ledger" }
        let head = "\(entry.path.inertLine)  entry \(entry.sequence), \(entry.hash.prefix(12))"
        guard kind == "entry" else { return head + ": shown above" }
        let who = entry.who.isEmpty ? "" : " by \(entry.who.inertLine)"
        let state =
            switch status {
            case "same": "unchanged"
            case "same_rows": "same rows, other order"
            case "changed": "CHANGED since"
            case "missing": "no longer there"
            default: "an earlier state"
            }
        return "\(head), \(entry.time.prefix(10))\(who)\(entry.key == nil ? "" : ", signed"): \(state)"
    }
}

extension String {
    /// One line without characters that steer a terminal.
    fileprivate var inertLine: String { inert.replacing("\n", with: " ") }
}
