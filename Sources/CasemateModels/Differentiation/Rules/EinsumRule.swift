import CasemateCore
import Foundation

/// Sums of products by an index equation: the gradient of an operand is an equation of the others.
enum EinsumRule: DifferentiationRule {
    static let operators = ["Einsum"]

    static func backward(
        _ node: DifferentiatedNode, _ gradients: [GraphValue?], _ builder: inout GraphBuilder
    ) throws(CasemateError) -> [GraphValue?] {
        guard let gradient = gradients[0] else { return [] }
        var operands: [GraphValue] = []
        for index in node.inputs.indices { operands.append(try node.input(index)) }
        let equation = try EinsumEquation(node.node.text("equation"), ranks: operands.map(\.rank), node)
        var lengths: [Character: AxisLength] = [:]
        for (operand, terms) in zip(operands, equation.inputs) {
            for (axis, label) in zip(operand.axes, terms) where lengths[label]?.isOne ?? true { lengths[label] = axis }
        }
        var result: [GraphValue?] = []
        for (index, operand) in operands.enumerated() {
            guard node.needs(index) else {
                result.append(nil)
                continue
            }
            let others = operands.indices.filter { $0 != index }
            let values = [gradient] + others.map { operands[$0] }
            let terms = [equation.output] + others.map { equation.inputs[$0] }
            let part = product(values, terms, operand, equation.inputs[index], lengths, &builder)
            result.append(builder.unbroadcast(part, to: operand))
        }
        return result
    }

    /// An equation to the labels of an operand; those that only it has were summed, so their gradient is repeated.
    private static func product(
        _ values: [GraphValue], _ terms: [[Character]], _ operand: GraphValue, _ wanted: [Character],
        _ lengths: [Character: AxisLength], _ builder: inout GraphBuilder
    ) -> GraphValue {
        let known = Set(terms.flatMap { $0 })
        let present = wanted.filter(known.contains)
        let axes = present.compactMap { lengths[$0] }
        let equation = terms.map { String($0) }.joined(separator: ",") + "->" + String(present)
        let isSame = values.count == 1 && terms[0] == present
        let part =
            isSame
            ? values[0]
            : builder.emit(
                "Einsum", values.map(\.name), element: values[0].traced.element, axes: axes,
                [.text("equation", equation)])
        let lost = wanted.indices.filter { !known.contains(wanted[$0]) }
        if lost.isEmpty { return part }
        let target = wanted.compactMap { lengths[$0] }
        let wide = builder.unsqueeze(part, lost)
        return builder.emit(
            "Expand", [wide.name, builder.shape(of: operand).name], element: part.traced.element, axes: target)
    }
}

/// The labels of an equation, with those that `...` stands for spelt out.
struct EinsumEquation {
    let inputs: [[Character]]
    let output: [Character]

    /// Reads an equation for operands of known rank.
    init(_ text: String, ranks: [Int], _ node: DifferentiatedNode) throws(CasemateError) {
        let sides = text.filter { $0 != " " }.components(separatedBy: "->")
        let terms = sides[0].split(separator: ",", omittingEmptySubsequences: false).map { String($0) }
        guard terms.count == ranks.count, sides.count < 3 else { throw node.unsupported("equation '\(text)'") }
        let used = Set(text.filter(\.isLetter))
        let spare = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".filter { !used.contains($0) }
        var widest = 0
        for (term, rank) in zip(terms, ranks) where term.contains("...") {
            widest = max(widest, rank - term.filter(\.isLetter).count)
        }
        guard widest <= spare.count else { throw node.unsupported("equation '\(text)'") }
        let dots = Array(spare.prefix(widest))
        func labels(_ term: String, rank: Int?) -> [Character] {
            guard let range = term.range(of: "...") else { return Array(term) }
            let letters = term.filter(\.isLetter).count
            let count = rank.map { max(0, $0 - letters) } ?? widest
            return Array(term[..<range.lowerBound]) + dots.suffix(count) + Array(term[range.upperBound...])
        }
        inputs = zip(terms, ranks).map { labels($0, rank: $1) }
        if sides.count == 2 {
            output = labels(sides[1], rank: nil)
        } else {
            let all = inputs.flatMap { $0 }.filter { !dots.contains($0) }
            output = dots + Set(all).filter { label in all.filter { $0 == label }.count == 1 }.sorted()
        }
        for (term, rank) in zip(inputs, ranks) {
            guard term.count == rank, Set(term).count == term.count else {
                throw node.unsupported("equation '\(text)' repeats a label inside one operand")
            }
        }
    }
}
