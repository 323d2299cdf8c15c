import CasemateCore
import CasemateModels
import Foundation

/// Holds a suspect's answers against the key.
///
/// The key decided each sign by a fair coin and each changed label by a coin of known chance. A model made without the
/// answers of the guard knows nothing of these coins, however wrong it is and wherever. So what it says is held fixed,
/// and only the coins are random: the bounds need no assumption about the suspect, the data or how they were sampled,
/// save that queries were not chosen by somebody who knows the key.
struct WatermarkTest {
    let sample: WatermarkSample
    let key: WatermarkKey
    private let marks: [WatermarkKey.Mark]
    private let target: [Double]
    private let scales: [Double]
    /// How much each row may have moved, so that rows that hardly did do not drown the others.
    private let reaches: [Double]
    private let twins: WatermarkTwins?

    /// Fewest rows that anything is said about.
    static let fewest = 50
    var hasTrees: Bool { twins?.hasTrees ?? false }

    init(_ sample: WatermarkSample, key: WatermarkKey, engine: LightGBM?, cancellation: Cancellation) throws {
        (self.sample, self.key) = (sample, key)
        let width = sample.features.count
        marks = (0..<sample.count).map { key.mark(sample.rows[$0 * width..<($0 + 1) * width]) }
        let values = sample.clean.map { Double($0.position) }
        target = values
        let middle = sample.task == .regression ? Self.median(values.map { abs($0) }) : 0
        scales = values.map { sample.task == .regression ? max(abs($0), middle * 0.01, 1e-9) : 1 }
        reaches = sample.clean.map { clean in
            Double(WatermarkPen.reach(clean.position, strength: 1, task: sample.task))
        }
        let isScored = sample.task == .regression || sample.clean.contains { $0.low != $0.high }
        twins =
            isScored && sample.count >= Self.fewest
            ? try WatermarkTwins(sample, target: values, engine: engine, cancellation: cancellation) : nil
    }

    /// Looks for every part of the mark; parts without enough rows are left out.
    /// - Parameter onlyShared: For rows that nobody asked for, which carry nothing of their own.
    func evidence(_ answers: SuspectAnswers, onlyShared: Bool = false) -> [WatermarkEvidence] {
        var found: [WatermarkEvidence] = []
        if twins != nil {
            let rests = rests(answers.positions)
            let rows = sample.clean.indices.filter { row in
                let clean = sample.clean[row]
                let isScored = sample.task == .regression || clean.low != clean.high
                return isScored && !WatermarkPen.isChanged(clean, marks[row])
            }
            if rows.count >= Self.fewest { found += moves(rests, rows, onlyShared: onlyShared) }
            if !onlyShared, let labels = changedLabels(answers, rests) { found.append(labels) }
        } else if !onlyShared, let labels = changedLabels(answers, nil) {
            found.append(labels)
        }
        return found
    }

    /// What is left of the suspect's answers once all that the clean answers explain is taken out, without outliers.
    private func rests(_ positions: [Double]) -> [Double] {
        let columns = [target, target.map { sin($0) * sin($0) }] + (twins?.predictions ?? [])
        let width = columns.count
        var matrix = [Double](repeating: 0, count: positions.count * width)
        for (column, values) in columns.enumerated() {
            for row in values.indices { matrix[row * width + column] = values[row] }
        }
        // why: a suspect may answer with what is no number; such rows say nothing.
        let known = zip(positions, target).map { $0.isFinite ? $0 : $1 }
        let fitted = SmallAlgebra.fit(matrix, width: width, to: known, ridge: 1e-6)
        let rests = known.indices.map { (known[$0] - fitted[$0]) / scales[$0] }
        let middle = Self.median(rests)
        let spread = Self.median(rests.map { abs($0 - middle) }) * 1.4826
        let limit = max(3 * spread, 1e-9)
        return rests.map { max(-limit, min(limit, $0 - middle)) }
    }

    private func moves(_ rests: [Double], _ rows: [Int], onlyShared: Bool) -> [WatermarkEvidence] {
        let weights = SharedWeights(rests, rows, sample, reaches)
        let signs = key.signs.map { Double($0) }
        let shared = Self.lean(weights.values, signs)
        func made(_ part: WatermarkEvidence.Part, _ lean: Double) -> WatermarkEvidence {
            WatermarkEvidence(part: part, rows: rows.count, lean: lean, pValue: KeyedSums.fairBound(lean))
        }
        guard !onlyShared else { return [made(.shared, shared)] }
        let own = Self.lean(rows.map { rests[$0] * reaches[$0] }, rows.map { Double(marks[$0].own) })
        return [made(.own, own), made(.shared, shared), made(.moves, (own + shared) / 2.0.squareRoot())]
    }

    /// A sum of weights with signs over the norm of the weights.
    private static func lean(_ weights: [Double], _ signs: [Double]) -> Double {
        let norm = weights.reduce(0) { $0 + $1 * $1 }.squareRoot()
        guard norm > 0, norm.isFinite else { return 0 }
        return zip(weights, signs).reduce(0) { $0 + $1.0 * $1.1 } / norm
    }

    private func changedLabels(_ answers: SuspectAnswers, _ rests: [Double]?) -> WatermarkEvidence? {
        guard sample.task != .regression else { return nil }
        let rows = sample.clean.indices.filter { sample.clean[$0].chance > 0 }
        let isTaken = rows.map { WatermarkPen.isChanged(sample.clean[$0], marks[$0]) }
        guard rows.count >= Self.fewest, isTaken.contains(true) else { return nil }
        var isRepeated: [Bool] = []
        var weights: [Double] = []
        for row in rows {
            let clean = sample.clean[row]
            let isScored = clean.low != clean.high
            let isHigh = clean.position > WatermarkPen.middle
            let other =
                isScored
                ? isHigh ? clean.low : clean.high
                : WatermarkPen.other(than: clean.low, of: sample.classes.count, marks[row])
            let repeats = answers.labels[row] == other
            isRepeated.append(repeats)
            weights.append(isScored ? (isHigh ? -1 : 1) * (rests?[row] ?? 0) : repeats ? 1 : 0)
        }
        if rests != nil, let middle = Optional(Self.median(weights)) { weights = weights.map { $0 - middle } }
        let bound = KeyedSums.takenBound(
            weights, chances: rows.map { Double(sample.clean[$0].chance) }, isTaken: isTaken)
        func share(_ taken: Bool) -> Double {
            let all = rows.indices.filter { isTaken[$0] == taken }
            return all.isEmpty ? 0 : Double(all.count { isRepeated[$0] }) / Double(all.count)
        }
        return WatermarkEvidence(part: .labels, rows: rows.count, lean: share(true) - share(false), pValue: bound)
    }

    static func median(_ values: [Double]) -> Double {
        let sorted = values.sorted()
        guard !sorted.isEmpty else { return 0 }
        return (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
    }
}

/// How far the rows with each shared sign lean, told apart where rows have many signs (ridge regression).
struct SharedWeights {
    /// One weight a sign.
    let values: [Double]

    init(_ rests: [Double], _ rows: [Int], _ sample: WatermarkSample, _ reaches: [Double]) {
        let (buckets, width) = (WatermarkKey.buckets, sample.features.count)
        var gram = [Double](repeating: 0, count: buckets * buckets)
        var (means, right) = ([Double](repeating: 0, count: buckets), [Double](repeating: 0, count: buckets))
        let scale = (rows.reduce(0) { $0 + reaches[$1] * reaches[$1] } / Double(max(1, rows.count))).squareRoot()
        let centres = Self.centres(rows, sample)
        var counts = [Double](repeating: 0, count: buckets)
        var touched: [Int] = []
        var (total, rest) = (0.0, 0.0)
        for row in rows {
            for feature in 0..<width {
                let bucket = WatermarkKey.bucket(feature, sample.rows[row * width + feature])
                if counts[bucket] == 0 { touched.append(bucket) }
                counts[bucket] += 1
            }
            let weight = scale > 0 ? reaches[row] / scale : 1
            // why: a product of centred counts, (a - m)(b - n), is taken apart so that the counts of 0 cost nothing.
            total += weight * weight
            rest += weight * rests[row]
            for one in touched {
                means[one] += weight * weight * counts[one]
                right[one] += weight * counts[one] * rests[row]
                for other in touched {
                    gram[one * buckets + other] += weight * weight * counts[one] * counts[other]
                }
            }
            for bucket in touched { counts[bucket] = 0 }
            touched.removeAll(keepingCapacity: true)
        }
        total = max(total, 1e-12)
        for one in 0..<buckets {
            right[one] -= centres[one] * rest
            for other in 0..<buckets {
                gram[one * buckets + other] =
                    (gram[one * buckets + other] - centres[other] * means[one] - centres[one] * means[other]) / total
                    + centres[one] * centres[other]
            }
        }
        // why: signs that all rows share, or hardly any, carry nothing and only make the system singular.
        let kept = (0..<buckets).filter { gram[$0 * buckets + $0] > 1e-3 }
        let mean = kept.reduce(0) { $0 + gram[$1 * buckets + $1] } / Double(max(1, kept.count))
        var system: [Double] = []
        for one in kept {
            for other in kept { system.append(gram[one * buckets + other] + (one == other ? 0.1 * mean : 0)) }
        }
        var result = [Double](repeating: 0, count: buckets)
        if let solved = SmallAlgebra.solve(system, kept.map { right[$0] / total }) {
            for (bucket, weight) in zip(kept, solved) {
                result[bucket] = weight * gram[bucket * buckets + bucket].squareRoot()
            }
        }
        values = result
    }

    /// The mean count of each sign.
    private static func centres(_ rows: [Int], _ sample: WatermarkSample) -> [Double] {
        var result = [Double](repeating: 0, count: WatermarkKey.buckets)
        let width = sample.features.count
        for row in rows {
            for feature in 0..<width {
                result[WatermarkKey.bucket(feature, sample.rows[row * width + feature])] += 1
            }
        }
        return result.map { $0 / Double(max(1, rows.count)) }
    }
}
