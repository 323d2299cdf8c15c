import CasemateCore
import CasemateModels
import CasemateScan
import TestSupport
import Testing

@Suite struct FileGateTests {
    private func issues(_ name: String, _ gate: FileGate = FileGate()) throws -> [FileGate.Issue] {
        gate.examine(try OnnxFile(path: Repository.path("Tests/Fixtures/models/" + name))).issues
    }

    /// Clean exports of the common libraries raise nothing above low: the false alarms of this gate.
    @Test func ordinaryExportsRaiseNoAlarm() throws {
        let index = try Figures("models/index.json")["models"].list
        var alarms: [String] = []
        for entry in index {
            let name = try #require(entry["file"].text)
            guard let found = try? issues(name) else { continue }
            if found.contains(where: { $0.severity > .low }) { alarms.append("\(name): \(found.map(\.rule))") }
        }
        #expect(alarms.isEmpty, "\(alarms)")
    }

    @Test func aVendorDomainIsNamedUnlessAllowed() throws {
        let name = "sk_text_lowercase_c.onnx"
        #expect(try issues(name).map(\.rule) == ["vendor_domain"])
        #expect(try issues(name, FileGate(allowedDomains: ["com.microsoft"])).isEmpty)
    }

    @Test func aFileAboveTheLimitIsNamed() throws {
        #expect(try issues("linear_30.onnx", FileGate(maximumBytes: 10)).map(\.rule) == ["too_large"])
        #expect(try issues("linear_30.onnx", FileGate(maximumBytes: 1 << 20)).isEmpty)
    }

    @Test func factsAreThoseOfTheFile() throws {
        let file = try OnnxFile(path: Repository.path("Tests/Fixtures/models/linear_30.onnx"))
        let verdict = FileGate().examine(file)
        #expect(verdict.parameters == 31)
        #expect(verdict.bytes == file.bytes)
        #expect(verdict.operatorCount == file.operators.reduce(0) { $0 + $1.count })
    }
}
