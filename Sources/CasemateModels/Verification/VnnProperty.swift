public import CasemateCore
import CasemateData

/// A property of a network in VNN-LIB 1.0: the inputs and outputs that a counterexample has, in disjunctive normal form.
///
/// A pair of input and output that meets one of the cases shows that the network breaks its specification. Source:
/// "The VNN-LIB standard", version 1.0, and the files of the VNN competitions; what is read: `docs/reference/vnnlib.md`.
public struct VnnProperty: Hashable, Sendable {
    /// Number of values that go into the network, and that come out.
    public let inputCount: Int, outputCount: Int
    /// The ways to meet the property, in the order of the file; never empty.
    public let cases: [VnnCase]
    /// Number of combinations that were left out because their bounds on an input contradict each other.
    public let contradictoryCount: Int

    /// Reads a file, gzip or not.
    /// - Throws: `CasemateError` with line and column: `notFound`, `unreadable`, `malformed`, `unsupported` for what is
    ///   not linear or not of version 1.0, `limitExceeded`, `unusableData` for inputs without bounds and for
    ///   properties that contradict themselves.
    public init(path: String, limits: VnnLimits = .init()) throws(CasemateError) {
        try self.init(FileBytes.content(of: path, limit: limits.fileBytes), path: path, limits: limits)
    }

    /// Reads the content of a file; `path` names it in errors.
    public init(_ bytes: [UInt8], path: String, limits: VnnLimits = .init()) throws(CasemateError) {
        var parser = VnnParser(bytes, path: path, limits: limits)
        try parser.run()
        let counts = try parser.counts()
        var expander = VnnExpander(inputCount: counts.inputs, path: path, limits: limits)
        try expander.expand(parser.assertions)
        (inputCount, outputCount) = (counts.inputs, counts.outputs)
        (cases, contradictoryCount) = (try expander.cases(), expander.contradictoryCount)
    }

    /// Whether input and output, flat and row-major, meet one of the cases: box and inequalities, with no tolerance.
    public func isMet(input: [Float], output: [Float]) -> Bool {
        precondition(output.count == outputCount, "\(output.count) values for \(outputCount) outputs")
        return cases.contains { $0.isMet(input: input, output: output) }
    }

    /// Runs of cases in the order of the file that share their input box and ask for nothing else of the input: an
    /// attack can work on one run at a time, on whichever of its cases is nearest.
    public var boxes: [Range<Int>] {
        var result: [Range<Int>] = []
        for (index, item) in cases.enumerated() {
            if let last = result.last, item.isOutputOnly, cases[last.lowerBound].isOutputOnly,
                cases[last.lowerBound].low == item.low, cases[last.lowerBound].high == item.high
            {
                result[result.count - 1] = last.lowerBound..<index + 1
            } else {
                result.append(index..<index + 1)
            }
        }
        return result
    }
}
