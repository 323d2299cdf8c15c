import CasemateAttacks
import CasemateCore
import CasemateModels
import Foundation

/// Casemate's side of `Benchmarks/whitebox`: input gradients of the networks in its `build` folder, in the form that its
/// README describes.
enum WhiteBoxBenchmark {
    /// One figure.
    struct Row: Encodable {
        let `case`: String, tool = "casemate", threads: Int, seconds: Double, median: Double, repeats: Int
    }

    /// Times `gradient/<network>/<batch>` for every network of the folder.
    static func run(folder: String, engines: String, threads: Int) throws {
        let runtime = try OnnxRuntime(EngineSearch(environment: [:], enginesFolders: [engines]))
        let cases = [
            ("mlp", 64), ("mlp", 256), ("cnn", 64), ("cnn", 256), ("strided", 64), ("strided", 256), ("resnet18", 32),
        ]
        var rows: [Row] = []
        for (name, batch) in cases {
            let path = "\(folder)/\(name).onnx"
            guard FileManager.default.fileExists(atPath: path) else { continue }
            let model = try DifferentiableModel(
                path: path, runtime: runtime, options: ExecutionOptions(threads: threads))
            var generator = SeededGenerator(seed: 1)
            let pixels = (0..<batch * model.rowSize).map { _ in generator.uniform() }
            let labels = (0..<batch).map { Int32($0 % model.classCount) }
            let times = try timed {
                _ = try model.evaluate(
                    .crossEntropy, rows: pixels, count: batch, labels: labels, targets: [], cancellation: Cancellation()
                )
            }
            rows.append(
                Row(
                    case: "gradient/\(name)/\(batch)", threads: threads, seconds: times[0],
                    median: times[times.count / 2], repeats: times.count))
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        print(String(decoding: try encoder.encode(rows), as: UTF8.self))
    }

    /// Sorted seconds of at least five calls and two seconds, after two to warm up.
    private static func timed(_ body: () throws -> Void) throws -> [Double] {
        let clock = ContinuousClock()
        for _ in 0..<2 { try body() }
        var times: [Double] = []
        while times.count < 5 || (times.reduce(0, +) < 2 && times.count < 10_000) {
            let start = clock.now
            try body()
            let spent = (clock.now - start).components
            times.append(Double(spent.seconds) + Double(spent.attoseconds) * 1e-18)
        }
        return times.sorted()
    }
}
