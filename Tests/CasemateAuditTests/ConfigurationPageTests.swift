import CasemateAudit
import CasemateCore
import CasemateData
import Foundation
import TestSupport
import Testing

/// Page, JSON Schema and reader come from one grammar. With `CASEMATE_RECORD=1` these tests write the generated parts
/// instead of comparing them.
@Suite("Page, schema and reader agree")
struct ConfigurationPageTests {
    private static let isRecording = ProcessInfo.processInfo.environment["CASEMATE_RECORD"] == "1"
    private static let pages = ["docs/reference/casemate-yaml.md", "docs/reference/feature-space.md"]

    private func agree(_ path: String, _ expected: String) throws {
        let url = URL(fileURLWithPath: Repository.path(path))
        if Self.isRecording { try expected.write(to: url, atomically: true, encoding: .utf8) }
        let committed = try String(contentsOf: url, encoding: .utf8)
        #expect(committed == expected, "\(path) is out of date: run these tests once with CASEMATE_RECORD=1")
    }

    @Test func theSchemaIsTheGrammars() throws {
        try agree("docs/reference/casemate.schema.json", AuditConfiguration.jsonSchema)
    }

    @Test(arguments: pages) func theTablesAreTheGrammars(page: String) throws {
        let text = try String(contentsOfFile: Repository.path(page), encoding: .utf8)
        try agree(page, filled(text))
    }

    /// The page with the generated parts between their markers.
    private func filled(_ page: String) -> String {
        var result: [Substring] = []
        var isInside = false
        for line in page.split(separator: "\n", omittingEmptySubsequences: false) {
            if line == "<!-- end -->" { isInside = false }
            if !isInside { result.append(line) }
            if line == "<!-- metrics -->" {
                isInside = true
                result.append(Substring(metrics))
            } else if line.hasPrefix("<!-- keys: "), let section = line.split(separator: " ").dropFirst(2).first {
                isInside = true
                result.append(Substring(table(String(section))))
            }
        }
        return result.joined(separator: "\n")
    }
    private func table(_ section: String) -> String {
        let sections = ["model", "data", "decision", "feature_space", "probes", "policy", "report"]
        if section == "general" {
            return SettingReference.table(AuditConfiguration.keys.filter { !sections.contains($0.name) })
        }
        return SettingReference.table(AuditConfiguration.keys.filter { $0.name == section })
    }
    private var metrics: String {
        let head = ["| metric | unit | meaning |", "| --- | --- | --- |"]
        let rows = MetricCatalogue.entries.map { entry in
            "| `\(entry.name)\(entry.isAtDistance ? "@distance" : "")` | \(entry.unit.rawValue) | \(entry.meaning)"
                + "\(entry.isGrouped ? " (by group)" : "") |"
        }
        return (head + rows).joined(separator: "\n")
    }

    /// Walks the committed schema, not the grammar, and holds both sets of keys and the defaults against each other.
    @Test func everyKeyOfTheReaderIsInTheSchemaAndTheReverse() throws {
        let data = try Data(contentsOf: URL(fileURLWithPath: Repository.path("docs/reference/casemate.schema.json")))
        let schema = try #require(JSONSerialization.jsonObject(with: data) as? [String: Any])
        var inSchema: [String: String] = [:]
        func walk(_ node: [String: Any], _ path: String) {
            for (name, value) in node["properties"] as? [String: Any] ?? [:] {
                guard let value = value as? [String: Any] else { continue }
                let inner = path.isEmpty ? name : "\(path).\(name)"
                if let status = value["x-casemate-status"] as? String {
                    inSchema[inner] = status
                    continue
                }
                let isSection =
                    value["properties"] != nil
                    || (value["anyOf"] as? [[String: Any]] ?? []).contains { $0["properties"] != nil }
                if !isSection { inSchema[inner] = "served" }
                walk(value, inner)
                for choice in value["anyOf"] as? [[String: Any]] ?? [] { walk(choice, inner) }
            }
        }
        walk(schema, "")
        let served = AuditConfiguration().effective.map(\.key)
        #expect(Set(inSchema.filter { $0.value == "served" }.keys) == Set(served))
        for (key, status) in inSchema where status == "not yet" {
            var configuration = AuditConfiguration()
            #expect(throws: CasemateError.self) { try configuration.set(key, "x", origin: .option("-")) }
        }
        for setting in AuditConfiguration().effective where !setting.value.isEmpty {
            #expect(default_(setting.key, schema) == setting.value, "\(setting.key)")
        }
    }
    private func default_(_ key: String, _ schema: [String: Any]) -> String? {
        var node = schema
        for part in key.split(separator: ".") {
            let holders = [node] + (node["anyOf"] as? [[String: Any]] ?? [])
            let found = holders.compactMap { ($0["properties"] as? [String: Any])?[String(part)] as? [String: Any] }
            guard let next = found.first else { return nil }
            node = next
        }
        return node["default"].map { shown($0) }
    }
    private func shown(_ value: Any) -> String {
        if let list = value as? [Any] { return "[" + list.map { shown($0) }.joined(separator: ", ") + "]" }
        if let text = value as? String { return text }
        guard let number = value as? NSNumber else { return "?" }
        if CFBoolean.isBoolean(number) { return number.boolValue ? "true" : "false" }
        return SettingValue.number(number.doubleValue).yaml
    }

    @Test(arguments: pages) func examplesOfThePagesAreRead(page: String) throws {
        let text = try String(contentsOfFile: Repository.path(page), encoding: .utf8)
        let blocks = text.components(separatedBy: "```yaml\n").dropFirst()
            .compactMap { $0.components(separatedBy: "\n```").first }
        #expect(!blocks.isEmpty)
        for block in blocks {
            try AuditConfiguration(yaml: block, file: page).validate()
        }
    }

    @Test func bundledExamplesAreRead() throws {
        let examples = Repository.path("Examples")
        let files = try FileManager.default.subpathsOfDirectory(atPath: examples).filter { file in
            // why: files of the guard have a grammar of their own, and a test of their own.
            file.hasSuffix(".yaml") && !file.hasSuffix("guard.yaml")
        }
        #expect(!files.isEmpty)
        for file in files { try AuditConfiguration(contentsOf: "\(examples)/\(file)").validate() }
    }
}

/// Whether JSON had `true` or `false` here: Foundation hands both out as numbers.
private enum CFBoolean {
    static func isBoolean(_ number: NSNumber) -> Bool { String(cString: number.objCType) == "c" }
}
