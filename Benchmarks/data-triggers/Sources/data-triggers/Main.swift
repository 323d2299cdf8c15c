import CasemateCore
import CasemateData
import CasemateDetect
import Foundation

/// `data-triggers SHARED ROOT [PART…]`: SHARED holds `data/`, ROOT is the repository; parts as in `parts`.
@main struct Main {
    static func main() throws {
        let arguments = CommandLine.arguments
        guard arguments.count >= 3 else {
            print("usage: data-triggers SHARED ROOT [clean|tables|texts|pictures|spectral]…")
            exit(2)
        }
        let bench = try Workbench(
            shared: arguments[1], root: arguments[2], engines: arguments[2] + "/.engines",
            threads: ProcessInfo.processInfo.environment["THREADS"].flatMap { Int($0) } ?? 1)
        defer { try? FileManager.default.removeItem(atPath: bench.folder) }
        let parts = arguments.count > 3 ? Array(arguments[3...]) : ["clean", "tables", "texts", "pictures", "spectral"]
        let seeds = ProcessInfo.processInfo.environment["SEEDS"].flatMap { UInt64($0) } ?? 10
        for part in parts {
            switch part {
            case "clean": try Tables(bench: bench, seeds: seeds).clean()
            case "tables": try Tables(bench: bench, seeds: seeds).planted()
            case "texts": try Texts(bench: bench, seeds: seeds).planted()
            case "pictures": try Pictures(bench: bench, seeds: min(seeds, 3)).patches()
            case "spectral": try Pictures(bench: bench, seeds: min(seeds, 3)).spectral()
            default: print("unknown part \(part)")
            }
        }
    }
}
