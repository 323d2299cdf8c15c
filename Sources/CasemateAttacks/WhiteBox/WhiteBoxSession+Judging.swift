import CasemateCore

extension WhiteBoxSession {
    /// Labels that several judgements gave one row.
    struct Votes {
        var labels: [Int32] = []
        func count(of label: Int32) -> Int { labels.count { $0 == label } }
        /// The most frequent label, the smallest of equally frequent ones.
        var mostCommon: Int32 { Self.mostCommon(of: labels) }
        static func mostCommon(of labels: [Int32]) -> Int32 {
            var counts: [Int32: Int] = [:]
            for label in labels { counts[label, default: 0] += 1 }
            return counts.max { ($0.value, -$0.key) < ($1.value, -$1.key) }?.key ?? -1
        }
    }

    /// Judges rows as often as the options say.
    func judgements(of rows: [Float], of samples: [Int]) throws -> [Votes] {
        var votes = Array(repeating: Votes(), count: samples.count)
        for _ in 0..<options.judgements {
            let labels = try ask(rows, samples) { rows, _, _ in
                try judge.labels(of: rows, count: rows.count / size, cancellation: context.cancellation)
            }
            guard labels.count == samples.count else {
                throw CasemateError(
                    .mismatch, at: "model", "gives \(labels.count) labels for \(samples.count) rows",
                    help: "check the model's output")
            }
            for (entry, label) in labels.enumerated() { votes[entry].labels.append(label) }
        }
        for sample in samples { records[sample].judgements += options.judgements }
        return votes
    }

    /// Confirms and keeps the points whose logits reach the goal.
    func note(_ points: [Float], _ samples: [Int], _ logits: [Float], _ isConfined: Bool) throws {
        var entries: [Int] = []
        var rows: [Float] = []
        for (entry, sample) in samples.enumerated()
        where isOpen(sample) && problem.isReached(by: Logits.label(logits, entry, classCount), sample) {
            guard let row = candidate(points, entry, sample, isConfined) else { continue }
            entries.append(entry)
            rows += row
        }
        guard !entries.isEmpty else { return }
        let judged = entries.map { samples[$0] }
        let votes = try judgements(of: rows, of: judged)
        var broken: [Int] = []
        for (index, sample) in judged.enumerated() {
            let reached = votes[index].labels.filter { problem.isReached(by: $0, sample) }
            guard 2 * reached.count > options.judgements else {
                records[sample].wasRefused = true
                continue
            }
            let row = Array(rows[index * size..<(index + 1) * size])
            if keep(row, Votes.mostCommon(of: reached), sample) { broken.append(sample) }
        }
        close(broken)
    }

    /// The entry's row as the deployed model can be given it; `nil` when it leaves the set or is no improvement.
    private func candidate(_ points: [Float], _ entry: Int, _ sample: Int, _ isConfined: Bool) -> [Float]? {
        problem.rows.withUnsafeBufferPointer { originals -> [Float]? in
            guard let base = originals.baseAddress else { return nil }
            let original = base + sample * size
            return points.withUnsafeBufferPointer { points -> [Float]? in
                guard let first = points.baseAddress else { return nil }
                let point = first + entry * size
                // why: cheap look first; most points of a search for the smallest perturbation are no improvement.
                if !isBounded, distance(point, original) >= records[sample].distance { return nil }
                if isBounded, !isConfined, !contains(point, original) { return nil }
                let row = rounded(point, original)
                return row.withUnsafeBufferPointer { row -> Bool in
                    guard let start = row.baseAddress, contains(start, original) else { return false }
                    return isBounded || distance(start, original) < records[sample].distance
                } ? row : nil
            }
        }
    }

    private func rounded(_ point: UnsafePointer<Float>, _ original: UnsafePointer<Float>) -> [Float] {
        let type = judge.deployed
        if type == .float32 { return Array(UnsafeBufferPointer(start: point, count: size)) }
        return (0..<size).map { type.round(point[$0], toward: original[$0]) }
    }

    private func contains(_ point: UnsafePointer<Float>, _ original: UnsafePointer<Float>) -> Bool {
        problem.set.contains(point, around: original, count: size)
    }
    private func distance(_ point: UnsafePointer<Float>, _ original: UnsafePointer<Float>) -> Double {
        PerturbationSet.distance(problem.set.norm, point, original, count: size)
    }

    /// Keeps a confirmed row where none better is known.
    private func keep(_ row: [Float], _ label: Int32, _ sample: Int) -> Bool {
        let distance = problem.rows.withUnsafeBufferPointer { originals in
            row.withUnsafeBufferPointer { row -> Double in
                guard let base = originals.baseAddress, let start = row.baseAddress else { return .infinity }
                return self.distance(start, base + sample * size)
            }
        }
        guard isBounded ? records[sample].row == nil : distance < records[sample].distance else { return false }
        records[sample].row = row
        records[sample].distance = distance
        records[sample].label = label
        records[sample].brokenBy = currentAttack
        return true
    }
}
