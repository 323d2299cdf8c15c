import CasemateCore
import CasemateData
import CasemateDetect
import CasemateModels
import Foundation

/// A table in memory that can be written, so that what is measured is what a user of the file gets.
struct Sheet {
    var names: [String]
    /// Values by column, `nil` where missing.
    var columns: [[String?]]
    var count: Int { columns.first?.count ?? 0 }

    init(_ table: DataTable) throws {
        names = table.columns.map(\.name)
        columns = try names.map { try table.texts($0) }
    }

    /// Lines of a label and a text, as the SMS collection has them.
    init(lines path: String) throws {
        let bytes = try Workbench.expanded(path)
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n").map {
            $0.split(separator: "\t", maxSplits: 1).map(String.init)
        }
        names = ["label", "message"]
        columns = [lines.map { $0[0] }, lines.map { $0.count > 1 ? $0[1] : "" }]
    }

    func column(_ name: String) -> Int { names.firstIndex(of: name) ?? 0 }

    /// The rows with these positions.
    func rows(_ chosen: [Int]) -> Sheet {
        var copy = self
        copy.columns = columns.map { column in chosen.map { column[$0] } }
        return copy
    }

    func write(to path: String) throws {
        func cell(_ text: String?) -> String {
            guard let text else { return "" }
            return text.contains { ",\"\n\r".contains($0) }
                ? "\"" + text.replacingOccurrences(of: "\"", with: "\"\"") + "\"" : text
        }
        var lines = [names.map { cell($0) }.joined(separator: ",")]
        for row in 0..<count { lines.append(columns.map { cell($0[row]) }.joined(separator: ",")) }
        try Data((lines.joined(separator: "\n") + "\n").utf8).write(to: URL(fileURLWithPath: path))
    }
}

/// Data, engines and a place to write.
struct Workbench {
    let shared: String, root: String, folder: String
    let data: DataEngine, boosting: LightGBM, runtime: OnnxRuntime
    let threads: Int

    init(shared: String, root: String, engines: String, threads: Int) throws {
        (self.shared, self.root, self.threads) = (shared, root, threads)
        let search = EngineSearch(environment: ProcessInfo.processInfo.environment, enginesFolders: [engines])
        data = try DataEngine(search)
        (boosting, runtime) = (try LightGBM(search), try OnnxRuntime(search))
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("triggers-\(getpid())").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }

    static func expanded(_ path: String) throws -> [UInt8] {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/gzip")
        process.arguments = ["-dc", path]
        let pipe = Pipe()
        process.standardOutput = pipe
        try process.run()
        let bytes = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return [UInt8](bytes)
    }

    /// What a check says of a sheet.
    func run(
        _ check: any DataCheck, _ sheet: Sheet, target: String, favourable: String? = nil,
        identifiers: [String] = [], seed: UInt64 = 0
    ) throws -> (result: DataCheckResult, seconds: Double) {
        let path = folder + "/data.csv"
        try sheet.write(to: path)
        var opening = DataOpening(train: try data.open(path, name: "data"))
        opening.roles.target = target
        opening.roles.favourable = favourable
        opening.roles.identifiers = identifiers
        (opening.boosting, opening.runtime) = (boosting, runtime)
        return try run(check, try opening.subject(name: "data.csv"), seed: seed)
    }

    func run(
        _ check: any DataCheck, _ subject: DataSubject, seed: UInt64 = 0
    ) throws -> (result: DataCheckResult, seconds: Double) {
        if let reason = check.reasonNotToRun(on: subject) { print("  not run: \(reason)") }
        let start = ContinuousClock.now
        let result = try check.run(on: subject, context: RunContext(seed: seed, threads: threads))
        let spent = (ContinuousClock.now - start).components
        return (result, Double(spent.seconds) + Double(spent.attoseconds) * 1e-18)
    }
}

/// How a list of suspects agrees with the rows that were poisoned.
struct Score {
    let removed: Double, lost: Double
    init(_ suspects: [Suspect], poisoned: Set<Int>, count: Int) {
        let flagged = suspects.filter { $0.strength >= 0.5 }.map(\.row)
        let hits = flagged.count { poisoned.contains($0) }
        removed = poisoned.isEmpty ? 0 : Double(hits) / Double(poisoned.count)
        lost = Double(flagged.count - hits) / Double(max(1, count - poisoned.count))
    }
    var text: String {
        String(format: "%.1f %% of poisoned rows, %.2f %% of clean rows", removed * 100, lost * 100)
    }
}

extension DataCheckResult {
    /// Patterns of the findings.
    var patterns: [DataPattern] {
        outcome.findings.flatMap(\.evidence).compactMap { if case .pattern(let pattern) = $0 { pattern } else { nil } }
    }
    /// Findings of severity high or worse.
    var alarms: Int { outcome.findings.count { $0.severity >= .high } }
}
