import CasemateCore
import CasemateModels
import Foundation
import TestSupport
import Testing

/// An operator with its operands, whose gradient is compared with central differences.
///
/// The loss is a weighted sum of all real outputs, with random weights. The model is written as a file, read back,
/// differentiated and run in single precision.
struct RuleCheck: CustomTestStringConvertible {
    /// An operand: drawn by seed, or given.
    struct Operand: Sendable {
        enum Content: Sendable {
            case real(ClosedRange<Double>), numbers([Double]), singles([Double]), wholes([Int64]), truths([Bool]), none
        }
        var shape: [Int]
        var content: Content
        /// Whether it is an initialiser and no input.
        var isConstant = false
        /// Whether the gradient by it is asked for.
        var isDifferentiated = false

        /// An input of random numbers, by which the gradient is asked.
        static func real(_ shape: [Int], _ range: ClosedRange<Double> = -2...2) -> Operand {
            Operand(shape: shape, content: .real(range), isDifferentiated: true)
        }
        /// A constant of random numbers, by which the gradient is asked.
        static func parameter(_ shape: [Int], _ range: ClosedRange<Double> = -2...2) -> Operand {
            Operand(shape: shape, content: .real(range), isConstant: true, isDifferentiated: true)
        }
        /// An input with given numbers, by which the gradient is asked.
        static func numbers(_ values: [Double], _ shape: [Int]? = nil) -> Operand {
            Operand(shape: shape ?? [values.count], content: .numbers(values), isDifferentiated: true)
        }
        /// A constant by which no gradient is asked.
        static func fixed(_ values: [Double], _ shape: [Int]? = nil) -> Operand {
            Operand(shape: shape ?? [values.count], content: .numbers(values), isConstant: true)
        }
        /// A constant that is single precision in every version of the graph, such as scales.
        static func singles(_ values: [Double], _ shape: [Int]? = nil) -> Operand {
            Operand(shape: shape ?? [values.count], content: .singles(values), isConstant: true)
        }
        /// A constant of whole numbers.
        static func wholes(_ values: [Int], _ shape: [Int]? = nil) -> Operand {
            Operand(
                shape: shape ?? [values.count], content: .wholes(values.map { Int64($0) }), isConstant: true)
        }
        /// An input of whole numbers.
        static func indices(_ values: [Int], _ shape: [Int]? = nil) -> Operand {
            Operand(shape: shape ?? [values.count], content: .wholes(values.map { Int64($0) }))
        }
        /// An input of truth values.
        static func truths(_ values: [Bool], _ shape: [Int]? = nil) -> Operand {
            Operand(shape: shape ?? [values.count], content: .truths(values))
        }
        /// An input that is left out.
        static let none = Operand(shape: [], content: .none)
    }

    /// What the gradient is compared with.
    enum Reference: Sendable {
        /// Central differences of the same graph in double precision, by ONNX Runtime.
        case doubles
        /// Central differences with a step of 1 in single precision: exact for what is linear in each number.
        case linear
        /// Differences of sixth order with a step of 1/16 in single precision, for functions without edges nearby.
        case smooth
    }

    var nodes: [OnnxNodeProto]
    var operands: [Operand]
    /// Names of the outputs of real numbers.
    var outputs: [String]
    var opset = 21
    /// Versions of other operator families, by domain.
    var domains: [String: Int] = [:]
    /// Whether the first axis of every input is the batch and left open.
    var isBatched = false
    var reference = Reference.doubles
    var tolerance = 1e-4
    /// Whether the model itself computes in double precision.
    var isDouble = false
    var label: String

    /// One node; operands are `x0`, `x1`, …, outputs `y0`, `y1`, …
    init(
        _ op: String, _ operands: [Operand], _ attributes: [OnnxAttributeProto] = [], domain: String = "",
        version: Int? = nil, opset: Int = 21, outputs: Int = 1, real: [Int]? = nil, isBatched: Bool = false,
        reference: Reference = .doubles
    ) {
        let names = operands.enumerated().map { index, operand in
            if case .none = operand.content { "" } else { "x\(index)" }
        }
        let made = (0..<outputs).map { "y\($0)" }
        nodes = [OnnxNodeProto(op, names, made, domain: domain, attributes)]
        (self.operands, self.opset, self.isBatched, self.reference) = (operands, opset, isBatched, reference)
        self.outputs = (real ?? Array(0..<outputs)).map { made[$0] }
        if !domain.isEmpty { domains[domain] = version ?? 1 }
        let settings = attributes.map { "\($0.name)=\(Self.shown($0))" }.joined(separator: " ")
        label = "\(op)-\(opset) \(operands.map { "\($0.shape)" }.joined(separator: " ")) \(settings)"
    }

    /// Several nodes over operands `x0`, `x1`, …
    init(
        _ label: String, nodes: [OnnxNodeProto], _ operands: [Operand], outputs: [String], opset: Int = 21,
        domains: [String: Int] = [:], isBatched: Bool = false, reference: Reference = .doubles
    ) {
        (self.label, self.nodes, self.operands, self.outputs) = (label, nodes, operands, outputs)
        (self.opset, self.domains, self.isBatched, self.reference) = (opset, domains, isBatched, reference)
    }

    var testDescription: String { label }
    private var element: Int32 { isDouble ? 11 : 1 }

    private static func shown(_ attribute: OnnxAttributeProto) -> String {
        switch attribute.type {
        case .int: "\(attribute.i)"
        case .float: "\(attribute.f)"
        case .ints: "\(attribute.ints)"
        case .floats: "\(attribute.floats)"
        case .string: String(decoding: attribute.s, as: UTF8.self)
        default: "…"
        }
    }
}

extension RuleCheck {
    /// The same in double precision throughout, where differences agree to many more digits.
    func verifyDoubles(_ location: SourceLocation = #_sourceLocation) {
        var copy = self
        (copy.isDouble, copy.tolerance, copy.label) = (true, 1e-8, label + " (double)")
        copy.verify(seeds: 0..<1, location)
    }

    /// Compares for some seeds; the first disagreement is recorded.
    func verify(seeds: Range<UInt64> = 0..<2, _ location: SourceLocation = #_sourceLocation) {
        for seed in seeds {
            do {
                for found in try compare(seed: seed) where !(found.error <= tolerance) {
                    Issue.record("\(label), seed \(seed): \(found)", sourceLocation: location)
                    return
                }
            } catch {
                Issue.record("\(label), seed \(seed): \(error)", sourceLocation: location)
                return
            }
        }
    }

    /// How far a gradient, or the answer, is from the reference, relative to its largest value.
    struct Difference: CustomStringConvertible {
        let name: String, error: Double
        let found: [Double], expected: [Double]
        /// `floor` is the size below which the reference itself is rounded away.
        init(_ name: String, _ found: [Double], _ expected: [Double], floor: Double = 1e-3) {
            (self.name, self.found, self.expected) = (name, found, expected)
            let largest = expected.map(abs).max() ?? 0
            let gap = zip(found, expected).map { abs($0 - $1) }.reduce(0) { $1.isNaN ? .nan : max($0, $1) }
            error = found.count == expected.count ? gap / max(largest, floor) : .infinity
        }
        var description: String {
            "\(name): error \(error), found \(found.prefix(24)), expected \(expected.prefix(24))"
        }
    }

    /// Computes the gradients both ways.
    func compare(seed: UInt64) throws -> [Difference] {
        let runtime = try OnnxFixtures.runtime.get()
        let values = drawn(seed: seed)
        let plain = try RuleGraph(self, values, element: element)
        let shapes = try plain.run(runtime, values).map(\.shape)
        var generator = SeededGenerator(seed: seed, stream: 1)
        let weights = shapes.map { drawnWeights($0, &generator) }
        return try compare(values, weights, with: RuleReference(self, values, weights).gradients(runtime))
    }

    /// Compares with a known loss and known gradients.
    func compare(_ values: [[Double]], _ weights: [[Double]], with expected: [[Double]]) throws -> [Difference] {
        let runtime = try OnnxFixtures.runtime.get()
        let floor = if case .smooth = reference { 1e-2 } else { 1e-3 }
        let found = try RuleGraph(self, values, element: element, weights: weights).gradients(runtime, values)
        return zip(found, expected).map { Difference($0.name, $0.values, $1, floor: floor) }
    }

    /// One weight a value of a sample, or of the whole output when the batch is fixed.
    private func drawnWeights(_ shape: [Int], _ generator: inout SeededGenerator) -> [Double] {
        let count = (isBatched ? Array(shape.dropFirst()) : shape).reduce(1, *)
        return (0..<count).map { _ in Double(generator.uniform() * 2 - 1) }
    }

    /// The operands' values, single-precision numbers.
    func drawn(seed: UInt64) -> [[Double]] {
        operands.enumerated().map { index, operand in
            let count = operand.shape.reduce(1, *)
            var generator = SeededGenerator(seed: seed, stream: UInt64(index + 10))
            switch operand.content {
            case .real(let range):
                return (0..<count).map { _ in
                    let share = generator.uniformDouble()
                    return Double(Float(range.lowerBound + share * (range.upperBound - range.lowerBound)))
                }
            case .numbers(let values), .singles(let values): return values
            case .wholes(let values): return values.map { Double($0) }
            case .truths(let values): return values.map { $0 ? 1 : 0 }
            case .none: return []
            }
        }
    }
}
