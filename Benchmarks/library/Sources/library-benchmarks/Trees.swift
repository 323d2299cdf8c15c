import CasemateCore
import CasemateModels
import Foundation

/// Times the scoring of tree files beside the peers of `Benchmarks/trees-scoring/peer.py`.
enum TreesBenchmark {
    /// Scores `rows.bin` of a folder by each tree file in it, and prints a line of JSON for each.
    static func run(folder: String, threads: Int) throws {
        let rows = try floats(folder + "/rows.bin")
        let files = try FileManager.default.contentsOfDirectory(atPath: folder).filter {
            $0.hasSuffix(".txt") || ($0.hasPrefix("xgboost-") && $0.hasSuffix(".json"))
        }
        for file in files.sorted() {
            let path = folder + "/" + file
            let clock = ContinuousClock()
            let start = clock.now
            let model = try TreeFileModel(path: path, options: ExecutionOptions(threads: threads))
            let load = (clock.now - start).components
            let count = rows.count / model.file.width
            var found: [Float] = []
            let seconds = try fastest {
                found = try model.predict(rows: rows, count: count, cancellation: Cancellation()).scores
            }
            let name = String(file.split(separator: ".")[0])
            let wanted = try floats(folder + "/" + name + ".answers")
            let worst = wanted.indices.map { abs(wanted[$0] - found[2 * $0 + 1]) }.max() ?? 1
            print(
                "{\"case\": \"\(name)\", \"tool\": \"casemate\", \"threads\": \(threads), \"seconds\": \(seconds), "
                    + "\"microseconds_a_row\": \(seconds / Double(count) * 1e6), \"worst\": \(worst), "
                    + "\"load_seconds\": \(Double(load.seconds) + Double(load.attoseconds) * 1e-18)}")
        }
    }

    private static func floats(_ path: String) throws -> [Float] {
        try Data(contentsOf: URL(fileURLWithPath: path)).withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
    }

    /// Processor seconds of all threads in the cheapest of some calls.
    private static func fastest(_ body: () throws -> Void) rethrows -> Double {
        func used() -> Double {
            var time = timespec()
            clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
            return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
        }
        var (best, spent, count) = (Double.infinity, 0.0, 0)
        while count < 5 || spent < 4 {
            let start = used()
            try body()
            let seconds = used() - start
            (best, spent, count) = (min(best, seconds), spent + seconds, count + 1)
        }
        return best
    }
}
