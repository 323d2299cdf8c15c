import CasemateCore
import CasemateData
import CasemateDetect
import Foundation

/// The fastest of `repeats` runs, in seconds.
func best(of repeats: Int, _ body: () throws -> Void) rethrows -> Double {
    let clock = ContinuousClock()
    var best = Double.infinity
    for _ in 0..<repeats {
        let start = clock.now
        try body()
        let spent = (clock.now - start).components
        best = min(best, Double(spent.seconds) + Double(spent.attoseconds) * 1e-18)
    }
    return best
}

/// A rule of ten terms on rows of ten features, and what it says of them, so that nothing is optimised away.
func constraint(_ label: String, _ term: (Int) -> String, type: ColumnType, values: [Float]) throws {
    let columns = (0..<10).map { Column(name: "x\($0)", type: type, missing: 0) }
    let text = (0..<10).map(term).joined(separator: " && ")
    let rule = try ConstraintRule(text, columns: columns, at: "benchmark")
    guard let bound = rule.bound(to: columns.map { Feature($0.name) }) else { return }
    var held = 0
    let seconds = best(of: 50) {
        values.withUnsafeBufferPointer { values in
            for row in 0..<values.count / 10
            where bound.verdict(UnsafeBufferPointer(rebasing: values[row * 10..<row * 10 + 10])) == .holds {
                held += 1
            }
        }
    }
    print("constraint, ten terms, \(label): \(Int(seconds / Double(values.count / 10) * 1e9)) ns a row (\(held) held)")
}

// `library-benchmarks white-box FOLDER ENGINES THREADS` times gradients only.
if CommandLine.arguments.count == 5, CommandLine.arguments[1] == "white-box" {
    try WhiteBoxBenchmark.run(
        folder: CommandLine.arguments[2], engines: CommandLine.arguments[3],
        threads: Int(CommandLine.arguments[4]) ?? 1)
    exit(0)
}

// `library-benchmarks trees FOLDER THREADS` times the scoring of tree files only.
if CommandLine.arguments.count == 4, CommandLine.arguments[1] == "trees" {
    try TreesBenchmark.run(folder: CommandLine.arguments[2], threads: Int(CommandLine.arguments[3]) ?? 1)
    exit(0)
}

let whole = (0..<40_000).map { Float($0 % 7) }
let decimal = (0..<40_000).map { Float($0 % 700) / 100 }
try constraint("column against number", { "row.x\($0) <= 100" }, type: .integer, values: whole)
try constraint("column against number, decimals", { "row.x\($0) <= 100" }, type: .number, values: decimal)
try constraint("sum of two columns", { "row.x\($0) + row.x\(($0 + 1) % 10) <= 100" }, type: .integer, values: whole)
try constraint("sum, decimals", { "row.x\($0) + row.x\(($0 + 1) % 10) <= 100" }, type: .number, values: decimal)

var generator = SeededGenerator(seed: 8)
let matrix = FeatureMatrix(
    features: (0..<23).map { Feature("x\($0)") }, values: (0..<21_000 * 23).map { _ in generator.uniform() })
let values = (0..<21_000).map { Double(matrix.values[$0 * 23]) + generator.uniformDouble() }
let seconds = try best(of: 3) {
    _ = try SegmentSearch().segments(of: matrix, values: values, seed: 0, cancellation: Cancellation())
}
print("segment search, 21,000 × 23: \(seconds) s")
