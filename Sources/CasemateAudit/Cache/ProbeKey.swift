import CasemateCore
import CasemateData
import CasemateModels
import Foundation

/// What the result of a probe depends on, as one digest: files by content, settings, seed, engines, the program itself.
///
/// Threads and budget are left out: results do not depend on them, and what a budget cut off is never kept.
struct ProbeKey: Hashable, Sendable {
    /// SHA-256 in lower-case hexadecimal; also the name of the file in the cache.
    let digest: String

    /// The key of one probe, from the part that all probes of an audit share.
    init(_ probe: any Probe, base: String) {
        let lines = ["base \(base)", "probe \(type(of: probe).identifier)"] + Self.lines(probe)
        digest = FileDigest.sha256(Data(lines.joined(separator: "\n").utf8))
    }

    private static func lines<P: Probe>(_ probe: P) -> [String] {
        P.settings.map { "\($0.key) \($0.show(probe)?.yaml ?? "")" }
    }

    /// What all probes of an audit depend on.
    /// - Parameter program: Tells one build of the program from another.
    static func base(
        _ configuration: AuditConfiguration, _ loaded: SubjectLoader.Loaded, seed: UInt64, program: String
    ) -> String {
        let apart = ["probes.", "policy.", "report.", "cache.", "budget", "threads"]
        let settings = configuration.effective.filter { setting in !apart.contains { setting.key.hasPrefix($0) } }
        let subject = loaded.subject
        let declared = configuration.featureSpace
        // why the compiled space: the configuration shows only the names of the features that it declares.
        let lines =
            ["schema \(ProbeCache.schema)", "program \(program)", "platform \(Product.platform)", "seed \(seed)"]
            + loaded.engines.sorted { $0.key < $1.key }.map { "engine \($0.key) \($0.value)" }
            + ["boosting \(subject.boosting?.path ?? "none")", "redacted \(configuration.report.isRedacted)"]
            + loaded.inputs.filter { $0.role != "configuration" }.map { "input \($0.role) \($0.path) \($0.sha256)" }
            + settings.map { "setting \($0.key) \($0.value)" }
            + ["rules \(subject.space.rules)", "groups \(subject.space.oneHotGroups)"]
            + ["relations \(declared.relations.map(\.rule))", "derived \(declared.derived.map(\.expression))"]
            + ["limits \(subject.space.maxChanges ?? -1) \(subject.space.maxCost ?? -1)"]
        return FileDigest.sha256(Data(lines.joined(separator: "\n").utf8))
    }
}
