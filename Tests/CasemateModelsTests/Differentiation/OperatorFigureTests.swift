import CasemateModels
import TestSupport
import Testing

/// Gradients of operators that the engine has in single precision alone, against the reference evaluator of ONNX.
@Suite struct OperatorFigureTests {
    /// One operator with its operands, weights and gradients.
    struct Entry: Sendable, CustomTestStringConvertible {
        let figures: Figures
        var testDescription: String {
            let settings = figures["attributes"].members.keys.sorted().joined(separator: ",")
            return "\(figures["op"].text ?? "")-\(figures["opset"].int ?? 0) \(settings)"
        }
    }
    static let entries: [Entry] = ((try? Figures("figures/operators.json"))?["cases"].list ?? []).map(Entry.init)

    @Test func thereAreFigures() { #expect(Self.entries.count > 40) }

    @Test(arguments: entries)
    func gradientsAgree(entry: Entry) throws {
        let figures = entry.figures
        let operands = zip(figures["shapes"].list, figures["operandsTimes128"].list).enumerated().map { index, pair in
            RuleCheck.Operand(
                shape: pair.0.ints, content: .numbers(pair.1.doubles.map { $0 / 128 }), isConstant: index > 0,
                isDifferentiated: true)
        }
        let attributes = figures["attributes"].members.sorted { $0.key < $1.key }.map(Self.attribute)
        let op = try #require(figures["op"].text)
        let check = RuleCheck(
            op, operands, attributes, domain: figures["domain"].text ?? "", version: 3,
            opset: try #require(figures["opset"].int), outputs: try #require(figures["outputs"].int),
            real: figures["real"].ints)
        let weights = [figures["weightsTimes64"].doubles.map { $0 / 64 }]
        let expected = [[try #require(figures["loss"].double)]] + figures["gradients"].list.map(\.doubles)
        for found in try check.compare(check.drawn(seed: 0), weights, with: expected) {
            #expect(found.error < 1e-4, "\(found)")
        }
    }

    private static func attribute(_ name: String, _ value: Figures) -> OnnxAttributeProto {
        if let number = value["int"].int { return .int(name, number) }
        if let number = value["float"].double { return .float(name, Float(number)) }
        if let text = value["text"].text { return .text(name, text) }
        if !value["ints"].isNull { return .ints(name, value["ints"].ints) }
        var result = OnnxAttributeProto()
        (result.name, result.type, result.floats) = (name, .floats, value["floats"].doubles.map { Float($0) })
        return result
    }
}
