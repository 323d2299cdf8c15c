public import CasemateCore
import CasemateModels
import Foundation

extension GuardProfile.HeldOut {
    /// Counts with their interval.
    init(_ threshold: String, rows: Int, beyond: Int) {
        let interval = Intervals.clopperPearson(successes: beyond, trials: rows)
        self.init(
            threshold: threshold, rows: rows, beyond: beyond, low: interval?.low ?? 0, high: interval?.high ?? 1)
    }
}

extension GuardProfile.Answers {
    /// Counts answers.
    init(_ predictions: Predictions) {
        guard predictions.task != .regression else {
            let values = predictions.scores.map(\.decimal).sorted()
            self.init(
                shares: [], lowMargin: nil,
                quantiles: values.isEmpty ? [] : GuardProfile.quantileLevels.map { Bootstrap.quantile(values, $0) })
            return
        }
        var counts = [Int](repeating: 0, count: predictions.classes.count)
        for label in predictions.labels where counts.indices.contains(Int(label)) { counts[Int(label)] += 1 }
        let total = Double(max(1, predictions.count))
        let margins = (0..<predictions.count).compactMap { row in
            predictions.topTwo(row).map { Double($0.0) - Double($0.1) }
        }.sorted()
        let low = margins.count { $0 < GuardProfile.lowMargin }
        self.init(
            shares: counts.map { Double($0) / total },
            lowMargin: margins.isEmpty ? nil : Double(low) / Double(margins.count),
            quantiles: margins.isEmpty ? [] : GuardProfile.quantileLevels.map { Bootstrap.quantile(margins, $0) })
    }
}

extension GuardFit.Result {
    /// Writes the folder.
    ///
    /// A new folder appears whole, by one rename. In one that is there the files are replaced one by one, the profile last;
    /// it holds the digests of the others, so that a reader sees the old or the new set or is told of the mixture. The
    /// files, and the folder where it is made, are for their owner alone: they hold values of rows.
    /// - Throws: `unwritable`.
    public func write(to folder: String) throws(CasemateError) {
        let files = FileManager.default
        guard !files.fileExists(atPath: folder) else {
            return try OutputFolder(folder).write(self.files, isConfidential: true)
        }
        let url = URL(fileURLWithPath: folder)
        let parent = url.deletingLastPathComponent().path
        let part = "\(parent)/.\(url.lastPathComponent).\(ProcessInfo.processInfo.processIdentifier).part"
        do { try files.createDirectory(atPath: parent, withIntermediateDirectories: true) } catch {
            throw CasemateError(
                .unwritable, at: folder, "the folder cannot be made", help: "name another with --output")
        }
        try OutputFolder(part).write(self.files, isConfidential: true)
        guard rename(part, url.path) == 0 else {
            let reason = String(cString: strerror(errno)).lowercased()
            try? files.removeItem(atPath: part)
            throw CasemateError(.unwritable, at: folder, reason, help: "name another with --output")
        }
    }
}

extension GuardFit {
    /// The ends that a profile learns from finite numbers in ascending order, for tests of how well they hold.
    package static func usualEnds(_ ascending: [Float], share: Double) -> ClosedRange<Float>? {
        UsualRange(ascending: ascending, share: share).map { $0.low...$0.high }
    }
}
