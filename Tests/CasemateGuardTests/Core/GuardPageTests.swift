import CasemateCore
import CasemateGuard
import Foundation
import TestSupport
import Testing

/// Page, JSON Schema and reader of `guard.yaml` come from one grammar. With `CASEMATE_RECORD=1` these tests write the
/// generated parts instead of comparing them.
@Suite struct GuardPageTests {
    private static let isRecording = ProcessInfo.processInfo.environment["CASEMATE_RECORD"] == "1"
    private static let sections = ["server", "tls", "auth", "models", "stages", "audit_log", "ui"]

    private func agree(_ path: String, _ expected: String) throws {
        let url = URL(fileURLWithPath: Repository.path(path))
        if Self.isRecording { try expected.write(to: url, atomically: true, encoding: .utf8) }
        let committed = try String(contentsOf: url, encoding: .utf8)
        #expect(committed == expected, "\(path) is out of date: run these tests once with CASEMATE_RECORD=1")
    }

    @Test func theSchemaIsTheGrammars() throws {
        try agree("docs/reference/guard.schema.json", GuardConfiguration.jsonSchema)
    }

    @Test func theTablesAreTheGrammars() throws {
        let page = "docs/reference/guard-yaml.md"
        let text = try String(contentsOfFile: Repository.path(page), encoding: .utf8)
        var result: [Substring] = []
        var isInside = false
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            if line == "<!-- end -->" { isInside = false }
            if !isInside { result.append(line) }
            if line.hasPrefix("<!-- keys: "), let section = line.split(separator: " ").dropFirst(2).first {
                isInside = true
                result.append(Substring(table(String(section))))
            }
        }
        try agree(page, result.joined(separator: "\n"))
    }

    private func table(_ section: String) -> String {
        if section == "general" {
            return SettingReference.table(GuardConfiguration.keys.filter { !Self.sections.contains($0.name) })
        }
        let keys = GuardConfiguration.keys.filter { $0.name == section }
        // why: the stages of a model are those of the section for all.
        return SettingReference.table(section == "models" ? keys.map { withoutStages($0) } : keys)
    }

    private func withoutStages(_ key: SettingKey) -> SettingKey {
        guard case .list(.mapping(let members, let short), let minimum) = key.kind else { return key }
        let rest = members.filter { $0.name != "stages" }
        return SettingKey(
            key.name, .list(.mapping(rest, short: short), minimum: minimum), key.meaning, isRequired: key.isRequired)
    }

    @Test func everyStageHasItsPageAndEveryKeyAMeaning() throws {
        for stage in builtInStages {
            let name = stage.identifier.replacing("_", with: "-")
            let page = try String(contentsOfFile: Repository.path("docs/guard/\(name).md"), encoding: .utf8)
            #expect(page.contains("cannot see"), "docs/guard/\(name).md does not say what the stage cannot see")
            for key in stage.keys {
                #expect(
                    page.contains("`\(key.name)`") || page.contains("`\(key.name)."),
                    "docs/guard/\(name).md does not name the key '\(key.name)'")
                #expect(!key.meaning.isEmpty)
            }
        }
    }

    @Test func identifiersAreUnique() {
        let names = builtInStages.map { $0.identifier } + builtInFaces.map { $0.identifier }
        #expect(Set(names).count == names.count)
    }

    /// Whole files on the pages and in the examples are read; fragments, which have no models, are not.
    @Test(arguments: ["docs/reference/guard-yaml.md", "docs/guard/operations.md", "Examples/guard/guard.yaml"])
    func examplesAreRead(page: String) throws {
        let text = try String(contentsOfFile: Repository.path(page), encoding: .utf8)
        let blocks =
            page.hasSuffix(".yaml")
            ? [text]
            : text.components(separatedBy: "```yaml\n").dropFirst()
                .compactMap { $0.components(separatedBy: "\n```").first }
        let whole = blocks.filter { $0.contains("models:") }
        #expect(!whole.isEmpty)
        for block in whole { _ = try GuardConfiguration(block, path: page) }
    }
}
