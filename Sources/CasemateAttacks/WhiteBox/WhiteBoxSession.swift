public import CasemateCore

/// What a white-box attack works with: the only way to the oracle. Projects every point, counts passes, has the judge
/// confirm what reaches the goal, keeps the best point of each sample, and ends the search when its time is over.
///
/// Bounded problems (with a radius): a sample is done with its first confirmed point and leaves `open`. Problems without
/// a radius: every sample stays open and the closest confirmed point is kept. Owned by one thread. Not `Sendable`.
public final class WhiteBoxSession {
    /// The samples and how far they may be moved.
    public let problem: RobustnessProblem
    /// What answers with logits and gradients.
    public let oracle: any GradientOracle
    /// Seed, cancellation, deadline.
    public let context: RunContext
    /// Values in one sample.
    public let size: Int
    /// Number of logits.
    public let classCount: Int
    /// Samples not broken yet, in order (bounded); all that were right at the start (unbounded).
    public private(set) var open: [Int] = []
    /// The oracle's logits of all samples as they are, `[problem.count, classCount]`; counted as one forward pass each.
    public private(set) var cleanLogits: [Float] = []

    let judge: any Judge
    let options: RobustnessRun.Options
    /// What the judge says of the samples as they are; whether most judgements give the right label.
    var predicted: [Int32] = [], isRight: [Bool] = []
    /// What is known of each sample.
    var records: [Record]
    private var isOpenFlag: [Bool]
    /// The attack that is searching, and how often each has been started.
    private var attack = ""
    private var starts: [String: Int] = [:]

    /// What is known of a sample.
    struct Record {
        var forwardPasses = 0, backwardPasses = 0, judgements = 0
        /// The best confirmed point.
        var row: [Float]?
        var distance = Double.infinity
        var label: Int32?
        var brokenBy: String?
        /// Whether the oracle took a point for adversarial that the judge did not.
        var wasRefused = false
    }

    init(
        _ problem: RobustnessProblem, oracle: any GradientOracle, judge: any Judge, options: RobustnessRun.Options,
        context: RunContext
    ) {
        (self.problem, self.oracle, self.judge) = (problem, oracle, judge)
        (self.options, self.context) = (options, context)
        (size, classCount) = (problem.size, oracle.classCount)
        records = Array(repeating: Record(), count: problem.count)
        isOpenFlag = Array(repeating: false, count: problem.count)
    }

    /// Whether the problem has a radius.
    public var isBounded: Bool { problem.set.epsilon != nil }
    /// Whether a sample still wants searching.
    public func isOpen(_ sample: Int) -> Bool { isOpenFlag[sample] }
    /// The sample as it was given.
    public func original(_ sample: Int) -> [Float] { Array(problem.rows[sample * size..<(sample + 1) * size]) }
    /// The samples as they were given, one after the other, `[samples.count, size]`.
    public func originals(_ samples: [Int]) -> [Float] {
        [Float](unsafeUninitializedCapacity: samples.count * size) { buffer, done in
            problem.rows.withUnsafeBufferPointer { rows in
                guard let base = buffer.baseAddress, let from = rows.baseAddress else { return }
                for (entry, sample) in samples.enumerated() {
                    (base + entry * size).initialize(from: from + sample * size, count: size)
                }
            }
            done = samples.count * size
        }
    }
    /// Labels of samples.
    public func labels(_ samples: [Int]) -> [Int32] { samples.map { problem.labels[$0] } }
    /// The closest (unbounded) or the first (bounded) point that the judge confirmed, and its distance.
    public func best(of sample: Int) -> (row: [Float], distance: Double)? {
        records[sample].row.map { ($0, records[sample].distance) }
    }
    /// A fresh generator of a sample's own: depends on seed, sample, attack, and on how often the attack was started.
    public func generator(for sample: Int) -> SeededGenerator {
        // why: FNV-1a, because Swift's own hashes differ from run to run.
        let name = attack.utf8.reduce(0xCBF2_9CE4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
        let again = UInt64(starts[attack] ?? 0) &* 0x9E37_79B9_7F4A_7C15
        return SeededGenerator(
            seed: context.seed ^ name &+ again, stream: UInt64(bitPattern: Int64(problem.identifiers[sample])))
    }
    /// Says how far the attack is.
    public func report(_ done: Int, of total: Int) { context.progress(attack, done, total) }

    /// Lets an attack search; what it breaks is noted under its name. Attacks made of others call this for each.
    /// - Throws: `invalid-setting` when the attack does not serve the problem's norm or needs a radius.
    public func run(_ member: any WhiteBoxAttack) throws {
        let (type, before) = (type(of: member), attack)
        guard type.norms.contains(problem.set.norm) else {
            let served = type.norms.map(\.rawValue).joined(separator: ", ")
            throw CasemateError(
                .invalidSetting, at: type.identifier, "does not serve the norm '\(problem.set.norm.rawValue)'",
                help: "it serves \(served)")
        }
        guard isBounded || !type.needsRadius else {
            throw CasemateError(
                .invalidSetting, at: type.identifier, "needs a radius",
                help: "give eps, or use an attack that looks for the smallest perturbation")
        }
        guard !open.isEmpty else { return }
        attack = type.identifier
        starts[attack, default: 0] += 1
        defer { attack = before }
        try member.search(in: self)
    }

    /// Has the judge and the oracle look at the samples as they are, and opens those that are right.
    func judgeOriginals() throws {
        let all = Array(0..<problem.count)
        cleanLogits = try ask(problem.rows, all) { rows, _, _ in
            try oracle.logits(rows, count: rows.count / size, cancellation: context.cancellation)
        }
        for sample in all { records[sample].forwardPasses += 1 }
        let votes = try judgements(of: judge.round(problem.rows), of: all)
        for sample in all {
            predicted.append(votes[sample].mostCommon)
            isRight.append(2 * votes[sample].count(of: problem.labels[sample]) > options.judgements)
            isOpenFlag[sample] = isRight[sample]
        }
        open = all.filter { isOpenFlag[$0] }
    }

    /// Takes samples out of `open` that were broken since the last call.
    func close(_ samples: [Int]) {
        guard isBounded, !samples.isEmpty else { return }
        for sample in samples { isOpenFlag[sample] = false }
        open.removeAll { !isOpenFlag[$0] }
    }

    /// The name that a broken sample is noted under.
    var currentAttack: String { attack }
}

/// Thrown by a session when the search has to end; the harness keeps what was found. Attacks let it pass.
package struct RobustnessStop: Error, Sendable {}
