import CasemateAudit
import CasemateCore
import CasemateData
import Foundation
import Synchronization
import TestSupport
import Testing

/// An unchanged probe is not run again, and nothing but an unchanged probe is taken from the cache.
@Suite struct ProbeCacheTests {
    private func configuration(in folder: String, rows: Int = 40) throws -> AuditConfiguration {
        let rows = (0..<rows).map { "\(Double($0) / 40),\(Double($0 % 9) / 9),\($0 % 2 == 0 ? "a" : "b"),\($0 % 2)" }
        var configuration = try SubjectSupport.configuration(["x0,x1,group,y"] + rows, in: folder)
        configuration.probes.disabled = Set(builtInProbes.map { $0.identifier }).subtracting(kept)
        configuration.probes[EvasionProbe.self].attack.samples = 10
        return configuration
    }
    private let kept = ["file", "performance", "fairness", "evasion"]

    private func audit(
        _ configuration: AuditConfiguration, in folder: String, seed: UInt64 = 0, threads: Int = 1,
        program: String = "1",
        isReading: Bool = true
    ) throws -> Report {
        try Audit(
            configuration, search: Repository.engines,
            cache: ProbeCache(folder: folder + "/cache", program: program, isReading: isReading)
        ).run(context: RunContext(seed: seed, threads: threads), command: "test", started: Date()).report
    }
    private func cached(_ report: Report) -> Set<String> {
        Set(report.coverage.filter(\.isCached).map(\.probe))
    }

    @Test func anUnchangedProbeIsNotRunAgain() throws {
        try Repository.withTemporaryFolder { folder in
            var configuration = try configuration(in: folder)
            let first = try audit(configuration, in: folder)
            #expect(cached(first).isEmpty)
            let second = try audit(configuration, in: folder, threads: 2)
            #expect(cached(second) == Set(kept))
            #expect(second.metrics == first.metrics && second.findings == first.findings)
            #expect(second.probes.map(\.plots) == first.probes.map(\.plots))

            configuration.policy.rules = [try PolicyRule("performance.accuracy >= 0.99", at: "test")]
            configuration.budget = 60
            let judged = try audit(configuration, in: folder)
            #expect(cached(judged) == Set(kept))
            #expect(judged.policy.contains { $0.rule.hasPrefix("performance.accuracy") && $0.status == .broken })
        }
    }

    @Test func whatItDependsOnRunsItAgain() throws {
        try Repository.withTemporaryFolder { folder in
            var configuration = try configuration(in: folder)
            _ = try audit(configuration, in: folder)
            #expect(cached(try audit(configuration, in: folder, seed: 1)).isEmpty)
            #expect(cached(try audit(configuration, in: folder, program: "2")).isEmpty)
            #expect(cached(try audit(configuration, in: folder, isReading: false)).isEmpty)
            configuration.probes[EvasionProbe.self].attack.samples = 11
            #expect(cached(try audit(configuration, in: folder)) == Set(kept).subtracting(["evasion"]))
            configuration.probes[EvasionProbe.self].attack.samples = 10
            configuration.featureSpace.defaults.scale = .raw
            #expect(cached(try audit(configuration, in: folder)).isEmpty)
            configuration.featureSpace.defaults.scale = .train
            configuration.policy.rules = [try PolicyRule("evasion.robust_accuracy@0.123 >= 0", at: "test")]
            let measured = try audit(configuration, in: folder)
            #expect(cached(measured) == Set(kept).subtracting(["evasion"]))
            #expect(measured.metrics.contains { $0.name == "evasion.robust_accuracy@0.123" })
            let other = try self.configuration(in: folder, rows: 42)
            #expect(cached(try audit(other, in: folder)).isEmpty)
        }
    }

    /// What somebody else could have written, and what is no result at all, is not believed.
    @Test func aResultThatCannotBeTrustedIsNotTaken() throws {
        try Repository.withTemporaryFolder { folder in
            let configuration = try configuration(in: folder)
            _ = try audit(configuration, in: folder)
            let cache = folder + "/cache"
            let files = try FileManager.default.contentsOfDirectory(atPath: cache).sorted()
            #expect(files.count == kept.count)
            for file in files {
                let mode = try FileManager.default.attributesOfItem(atPath: "\(cache)/\(file)")[.posixPermissions]
                #expect(mode as? Int == 0o600)
            }
            try FileManager.default.setAttributes([.posixPermissions: 0o777], ofItemAtPath: cache)
            #expect(cached(try audit(configuration, in: folder)).isEmpty)
            try FileManager.default.setAttributes([.posixPermissions: 0o700], ofItemAtPath: cache)
            #expect(cached(try audit(configuration, in: folder)) == Set(kept))

            let whole = try Data(contentsOf: URL(fileURLWithPath: "\(cache)/\(files[0])"))
            for (file, content) in zip(files, [Data(), whole.dropLast(20), Data("{}".utf8), whole]) {
                // The last one is the result of another probe under this key.
                let path = "\(cache)/\(file)"
                try FileManager.default.removeItem(atPath: path)
                if file == files[3] {
                    _ = try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: "x")
                }
                _ = FileManager.default.createFile(
                    atPath: path, contents: content, attributes: [.posixPermissions: 0o600])
            }
            #expect(cached(try audit(configuration, in: folder)).isEmpty)
        }
    }

    @Test func maskedRunsKeepNothingButMaskedRows() throws {
        try Repository.withTemporaryFolder { folder in
            var configuration = try configuration(in: folder)
            configuration.report.isRedacted = true
            let report = try audit(configuration, in: folder)
            #expect(report.probes.flatMap(\.changes).contains { $0.isRedacted })
            let cache = folder + "/cache"
            for file in try FileManager.default.contentsOfDirectory(atPath: cache) {
                let text = try String(contentsOfFile: "\(cache)/\(file)", encoding: .utf8)
                #expect(!text.contains("\"isRedacted\":false"))
            }
            configuration.report.isRedacted = false
            let open = try audit(configuration, in: folder)
            #expect(cached(open).isEmpty && open.probes.flatMap(\.changes).contains { !$0.isRedacted })
        }
    }

    /// Interrupts the audit that it is part of, the first time.
    private struct Interrupting: Probe {
        static let identifier = "interrupting"
        static let title = "Interrupting"
        static let purpose = "nothing"
        static let taxonomy = Taxonomy(stages: [.inference])
        static let isDone = Mutex(false)
        func reasonNotToRun(on subject: AuditSubject) -> String? { nil }
        func run(on subject: AuditSubject, context: RunContext) throws -> ProbeOutcome {
            let isFirst = Self.isDone.withLock { done in
                defer { done = true }
                return !done
            }
            if isFirst { context.cancellation.cancel(.interrupted) }
            try context.cancellation.check()
            return ProbeOutcome(probe: Self.identifier, title: Self.title, taxonomy: Self.taxonomy)
        }
    }

    @Test func anInterruptedAuditIsResumed() throws {
        try Repository.withTemporaryFolder { folder in
            let configuration = try configuration(in: folder)
            let probes: [any Probe.Type] = [
                FileProbe.self, PerformanceProbe.self, Interrupting.self, EvasionProbe.self,
            ]
            func run() throws -> Report {
                try Audit(
                    configuration, search: Repository.engines, probes: probes,
                    cache: ProbeCache(folder: folder + "/cache", program: "1")
                ).run(context: RunContext(), command: "test", started: Date()).report
            }
            #expect(throws: Cancelled(reason: .interrupted)) { try run() }
            #expect(cached(try run()) == ["file", "performance"])
            #expect(cached(try run()) == ["file", "performance", "interrupting", "evasion"])
        }
    }
}
