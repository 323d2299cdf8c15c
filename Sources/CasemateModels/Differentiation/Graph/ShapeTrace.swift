import COnnxRuntime
package import CasemateCore
import Foundation

/// Learns the type and shape of every value of a graph by running it on small batches.
///
/// The engine knows the shape rules of every operator of every version, so nothing is inferred twice: the graph runs
/// on two batch sizes, and each axis becomes a function of the number of rows.
package struct ShapeTrace {
    /// Every value that was seen, constants and inputs included.
    package private(set) var values: [String: TracedValue] = [:]
    /// Whole numbers that were the same on both batches and do not depend on what is fed, by name: shapes and axes.
    private(set) var wholes: [String: OnnxTensorProto] = [:]
    /// The number of rows that the graph is fixed to; `nil` when it takes any.
    private(set) var fixedBatch: Int?

    private struct Seen {
        var facts: [String: (type: Int32, shape: [Int])] = [:]
        var wholes: [String: [Int64]] = [:]
    }

    /// Runs the graph.
    /// - Parameters:
    ///   - rowAxes: Axes of one row of each input, without the batch, for inputs that leave them open.
    /// - Throws: `engineFailed` when it does not run on made-up rows.
    package init(
        _ graph: WorkGraph, runtime: OnnxRuntime, rowAxes: [String: [Int]] = [:], cancellation: Cancellation
    ) throws {
        let work = Self.traced(graph)
        // why: the engine refuses a graph that makes nothing, which is what is left when all is constant.
        let session = work.outputs.isEmpty ? nil : try GraphSession(work, runtime: runtime, isOptimised: false)
        let declared = graph.inputs.compactMap { $0.axes.isEmpty ? nil : $0.axes[0] }
        func run(_ rows: Int) throws -> Seen {
            try Self.run(work, session, rows: rows, rowAxes: rowAxes, cancellation: cancellation)
        }
        if let batch = declared.first {
            fixedBatch = batch
            let seen = try run(batch)
            take(graph, seen, rows: batch, seen, rows: batch)
            return
        }
        if let first = try? run(2), let second = try? run(5), Self.keepsRows(graph, first, 2),
            Self.keepsRows(graph, second, 5)
        {
            take(graph, first, rows: 2, second, rows: 5)
        } else {
            try cancellation.check()
            fixedBatch = 1
            let seen = try run(1)
            take(graph, seen, rows: 1, seen, rows: 1)
        }
    }

    /// The graph with every value as an output.
    private static func traced(_ graph: WorkGraph) -> WorkGraph {
        // why: these make sequences and dictionaries, which no array can hold.
        let skipped: Set<String> = [
            "ZipMap", "SequenceConstruct", "SplitToSequence", "SequenceEmpty", "SequenceInsert",
        ]
        var copy = graph
        var seen: Set<String> = []
        var gone: Set<String> = []
        copy.nodes.removeAll { node in
            guard skipped.contains(node.opType) || node.input.contains(where: gone.contains) else { return false }
            gone.formUnion(node.output)
            return true
        }
        let made = copy.nodes.flatMap(\.output)
        copy.outputs = made.filter { !$0.isEmpty && seen.insert($0).inserted }
        return copy
    }

    private static func keepsRows(_ graph: WorkGraph, _ seen: Seen, _ rows: Int) -> Bool {
        graph.outputs.allSatisfy { name in
            guard let shape = seen.facts[name]?.shape else { return true }
            return shape.first == rows
        }
    }

    private static func run(
        _ graph: WorkGraph, _ session: GraphSession?, rows: Int, rowAxes: [String: [Int]], cancellation: Cancellation
    ) throws -> Seen {
        var result = Seen()
        var buffers: [(Int32, [Int], Data)] = []
        for (index, input) in graph.inputs.enumerated() {
            var shape = input.axes.enumerated().map { $0.offset == 0 ? $0.element ?? rows : $0.element ?? 0 }
            if let row = rowAxes[input.name] { shape = [shape.first ?? rows] + row }
            let count = shape.reduce(1, *)
            guard count > 0, count < 1 << 28 else {
                throw CasemateError(
                    .unsupported, at: graph.path,
                    "input '\(OnnxLook.printable(input.name))' leaves the axes of a row open or makes them too large",
                    help: "state them with --shape, such as --shape 3,224,224")
            }
            result.facts[input.name] = (input.element, shape)
            let data = try made(input.element, count: count, stream: UInt64(index), path: graph.path)
            buffers.append((input.element, shape, data))
        }
        guard let session else { return result }
        try withFeeds(buffers) { feeds in
            try session.run(feeds, cancellation: cancellation) { outputs in
                for (index, name) in session.outputs.enumerated() {
                    guard let fact = try? outputs.facts(index) else { continue }
                    result.facts[name] = (fact.type, fact.shape)
                    if fact.type == 7, fact.count <= 64 {
                        result.wholes[name] = try outputs.integers(index, type: 7, count: fact.count) ?? []
                    }
                }
            }
        }
        return result
    }

    /// Made-up values in 0…1 of an element type.
    private static func made(_ type: Int32, count: Int, stream: UInt64, path: String) throws(CasemateError) -> Data {
        var generator = SeededGenerator(seed: 0x5EED, stream: stream)
        switch type {
        case 1: return (0..<count).map { _ in generator.uniform() }.withUnsafeBytes { Data($0) }
        case 11: return (0..<count).map { _ in Double(generator.uniform()) }.withUnsafeBytes { Data($0) }
        case 10, 16, 4, 5: return Data(count: count * 2)
        case 6, 12: return Data(count: count * 4)
        case 7, 13: return Data(count: count * 8)
        case 2, 3, 9: return Data(count: count)
        default:
            throw CasemateError(
                .unsupported, at: path, "an input holds \(OnnxElement.name(type)) values: no gradient goes through it",
                help: "black-box attacks still work")
        }
    }

    private mutating func take(_ graph: WorkGraph, _ first: Seen, rows: Int, _ second: Seen, rows others: Int) {
        for (name, fact) in first.facts {
            guard let other = second.facts[name], other.shape.count == fact.shape.count else { continue }
            let axes = zip(fact.shape, other.shape).map { before, after in
                before == after ? .fixed(before) : AxisLength.through((rows, before), (others, after))
            }
            let known = axes.compactMap { $0 }
            if known.count == axes.count { values[name] = TracedValue(element: fact.type, axes: known) }
        }
        let fed = Self.dependsOnValues(graph)
        for (name, numbers) in first.wholes where second.wholes[name] == numbers && !fed.contains(name) {
            wholes[name] = OnnxTensorProto(name: name, shape: first.facts[name]?.shape ?? [], wholes: numbers)
        }
        for (name, constant) in graph.constants {
            values[name] = TracedValue(element: constant.dataType, axes: constant.dims.map { .fixed(Int($0)) })
        }
    }

    /// Names of values that depend on what is fed and not only on its shape.
    private static func dependsOnValues(_ graph: WorkGraph) -> Set<String> {
        let shapeOnly: Set<String> = ["Shape", "Size"]
        var fed = Set(graph.inputs.map(\.name)).union(graph.parameters)
        for node in graph.nodes where !shapeOnly.contains(node.opType) {
            let isRandom = node.opType.hasPrefix("Random") || node.opType == "Multinomial" || node.opType == "Bernoulli"
            if isRandom || node.input.contains(where: fed.contains) { fed.formUnion(node.output) }
        }
        return fed
    }

    /// Lends the bytes of several buffers as feeds.
    private static func withFeeds<Result>(
        _ buffers: [(type: Int32, shape: [Int], data: Data)], _ feeds: [GraphSession.Feed] = [],
        _ body: ([GraphSession.Feed]) throws -> Result
    ) throws -> Result {
        guard feeds.count < buffers.count else { return try body(feeds) }
        let next = buffers[feeds.count]
        return try next.data.withUnsafeBytes { bytes in
            try withFeeds(
                buffers, feeds + [GraphSession.Feed(type: next.type, shape: next.shape, bytes: bytes)], body)
        }
    }
}
