public import Foundation

/// Runs programs as a user would.
public enum Program {
    /// What a program did.
    public struct Outcome: Sendable {
        /// Exit status; 128 + the signal when it was killed.
        public let status: Int32
        /// The two streams.
        public let output: String, error: String
        /// Wall seconds.
        public let seconds: Double
    }

    /// The built `casemate`, beside the test bundle.
    public static var casemate: String {
        var folder = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
        for _ in 0..<4 {
            let path = folder.appendingPathComponent("casemate").path
            if FileManager.default.isExecutableFile(atPath: path) { return path }
            folder = folder.deletingLastPathComponent()
        }
        return Repository.path(".build/release/casemate")
    }

    /// Runs a program to its end; `while` acts on it while it runs.
    public static func run(
        _ arguments: [String], program path: String = casemate, folder: String = Repository.root.path,
        environment: [String: String] = [:], while act: (Process) -> Void = { _ in }
    ) throws -> Outcome {
        try Repository.withTemporaryFolder { scratch in
            let process = Process()
            process.executableURL = URL(fileURLWithPath: path)
            process.arguments = arguments
            process.currentDirectoryURL = URL(fileURLWithPath: folder)
            // why: results of one test must not be those of another.
            let isolated = ["CASEMATE_CACHE_ENABLED": "false"].merging(environment) { $1 }
            process.environment = ProcessInfo.processInfo.environment.merging(isolated) { $1 }
            let streams = try ["out", "err"].map { name -> FileHandle in
                _ = FileManager.default.createFile(atPath: scratch + "/" + name, contents: nil)
                return try FileHandle(forWritingTo: URL(fileURLWithPath: scratch + "/" + name))
            }
            (process.standardOutput, process.standardError) = (streams[0], streams[1])
            process.standardInput = FileHandle.nullDevice
            let start = ContinuousClock.now
            try process.run()
            act(process)
            process.waitUntilExit()
            let spent = (ContinuousClock.now - start).components
            for stream in streams { try stream.close() }
            func text(_ name: String) throws -> String {
                String(decoding: try Data(contentsOf: URL(fileURLWithPath: scratch + "/" + name)), as: UTF8.self)
            }
            let isSignal = process.terminationReason == .uncaughtSignal
            return Outcome(
                status: isSignal ? 128 + process.terminationStatus : process.terminationStatus,
                output: try text("out"), error: try text("err"),
                seconds: Double(spent.seconds) + Double(spent.attoseconds) / 1e18)
        }
    }
}
