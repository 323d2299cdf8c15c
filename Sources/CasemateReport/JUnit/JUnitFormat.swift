public import CasemateCore
public import Foundation

/// One test suite for build servers: a test case a probe and a test case a rule of the policy.
///
/// Failures are findings at or above the fail severity and broken rules; probes that could not do their work and
/// rules that could not be decided are errors; what was not or only partly tested is skipped, never passed.
public struct JUnitFormat: ReportFormat {
    /// Name on the command line.
    public static let identifier = "junit"
    /// Name of the file.
    public static let fileName = "report.junit.xml"
    /// Creates the format.
    public init() {}

    /// Writes the suite as UTF-8.
    public func render(_ report: Report, options: ReportOptions) throws -> Data {
        let cases =
            report.probes.map { Self.testCase(of: $0, in: report, failSeverity: options.failSeverity) }
            + report.policy.map { Self.testCase(of: $0, in: report) }
        func count(_ outcome: String) -> String {
            String(cases.filter { $0.contains(outcome) }.count)
        }
        let counts = [
            ("tests", String(cases.count)), ("failures", count("failure")), ("errors", count("error")),
            ("skipped", count("skipped")), ("time", Self.time(report.reproduction.seconds)),
        ]
        let name = "casemate \(report.verb): \(report.subject)"
        var suite = Markup("testsuite", [("name", name)] + counts)
        if let started = report.reproduction.timestamp { suite.attributes.append(("timestamp", started)) }
        suite.add(Self.properties(of: report))
        suite.add(cases)
        let root = Markup("testsuites", [("name", "casemate")] + counts, [suite])
        return Data(("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n" + root.written(indent: 0)).utf8)
    }

    private static func properties(of report: Report) -> Markup {
        let facts = [
            ("verdict", report.verdict.rawValue), ("reason", report.reason), ("exitStatus", String(report.exitStatus)),
            ("version", report.version), ("seed", String(report.reproduction.seed)),
        ]
        return Markup("properties", [], facts.map { Markup("property", [("name", $0.0), ("value", $0.1)]) })
    }

    private static func testCase(of probe: ProbeOutcome, in report: Report, failSeverity: Severity) -> Markup {
        var element = Markup(
            "testcase",
            [("classname", "casemate.\(report.verb)"), ("name", probe.probe), ("time", time(probe.seconds))])
        let judged = report.findings.filter { $0.probe == probe.probe && $0.severity >= failSeverity }
        let failures = judged.filter { $0.accepted == nil }
        let reason = probe.reason ?? "no reason given"
        if probe.status == .failed {
            element.add(Markup("error", [("message", reason), ("type", "failed")], text: reason))
        } else if let worst = failures.first {
            let message = failures.count == 1 ? worst.title : "\(worst.title) (and \(failures.count - 1) more)"
            let attributes = [("message", message), ("type", worst.severity.rawValue)]
            element.add(Markup("failure", attributes, lines: failures.map(\.inWords)))
        } else if probe.status != .tested {
            element.add(Markup("skipped", [("message", "\(probe.status.inWords): \(reason)")]))
        }
        let others = report.findings.filter { finding in
            finding.probe == probe.probe && !failures.contains { $0.fingerprint == finding.fingerprint }
        }
        let notes = probe.summary + others.map(\.inWords)
        if !notes.isEmpty { element.add(Markup("system-out", lines: notes)) }
        return element
    }

    private static func testCase(of rule: Report.Rule, in report: Report) -> Markup {
        var element = Markup(
            "testcase",
            [("classname", "casemate.\(report.verb).policy"), ("name", rule.rule), ("time", time(0))])
        switch rule.status {
        case .kept: element.add(Markup("system-out", text: rule.detail))
        case .broken: element.add(Markup("failure", [("message", rule.detail), ("type", "broken")], text: rule.detail))
        case .undecided:
            element.add(Markup("error", [("message", rule.detail), ("type", "undecided")], text: rule.detail))
        }
        return element
    }

    private static func time(_ seconds: Double) -> String {
        String(format: "%.3f", seconds.isFinite && seconds >= 0 ? seconds : 0)
    }
}

extension Finding {
    /// Severity, title, evidence and remedy in one paragraph.
    fileprivate var inWords: String {
        let proof = evidence.map(\.inWords).joined(separator: "; ")
        let state = accepted.map { ", accepted: \($0)" } ?? ""
        return "[\(severity.rawValue)\(state)] \(title)" + (proof.isEmpty ? "" : " — \(proof)") + " — fix: \(remedy)"
    }
}

extension Markup {
    /// Whether an element of that name stands directly inside.
    fileprivate func contains(_ child: String) -> Bool {
        children.contains {
            guard case .element(let element) = $0 else { return false }
            return element.name == child
        }
    }
}

extension Report.Reproduction {
    /// The start, when it is a date and time as ISO 8601 writes them.
    var timestamp: String? {
        let form = /[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[+\-][0-9]{2}:[0-9]{2})/
        return (try? form.wholeMatch(in: started)) == nil ? nil : started
    }
}
