public import CasemateCore

/// Which row of a pool is in the training data of which shadow model.
public struct ShadowDesign: Hashable, Sendable {
    /// Number of shadows, number of rows of the pool.
    public let shadows: Int, rows: Int
    /// `[shadows, rows]`, row-major: whether the shadow is trained on the row.
    public let isMember: [Bool]

    /// Draws a balanced design: each row is in a random half of the shadows, exactly, independently of other rows; so
    /// each shadow has about half of the rows. Deterministic in `seed`.
    /// - Parameter shadows: Number of shadows; even, at least 2.
    public init(shadows: Int, rows: Int, seed: UInt64) {
        precondition(shadows >= 2 && shadows.isMultiple(of: 2), "shadows must be even and positive, got \(shadows)")
        precondition(rows >= 0, "rows must not be negative, got \(rows)")
        var isMember = [Bool](repeating: false, count: shadows * rows)
        var generator = SeededGenerator(seed: seed)
        var order = Array(0..<shadows)
        for row in 0..<rows {
            for position in 0..<shadows / 2 {
                order.swapAt(position, Int.random(in: position..<shadows, using: &generator))
                isMember[order[position] * rows + row] = true
            }
        }
        (self.shadows, self.rows, self.isMember) = (shadows, rows, isMember)
    }

    /// A design made elsewhere: `[shadows, rows]`.
    public init(isMember: [Bool], shadows: Int) {
        precondition(
            shadows > 0 && isMember.count.isMultiple(of: shadows), "\(isMember.count) marks, \(shadows) shadows")
        (self.shadows, rows, self.isMember) = (shadows, isMember.count / shadows, isMember)
    }

    /// Rows that a shadow is trained on, ascending.
    public func members(of shadow: Int) -> [Int] { (0..<rows).filter { isMember[shadow * rows + $0] } }

    /// Whether each row is in the training data of one shadow.
    public func membership(of shadow: Int) -> [Bool] { Array(isMember[shadow * rows..<(shadow + 1) * rows]) }

    /// Trains the shadows on as many threads as the context allows and asks each about every row.
    ///
    /// The result does not depend on the number of threads.
    /// - Throws: what the learner throws; `Cancelled`, also as out of time when the context's deadline passes.
    public func confidences(
        of pool: ShadowPool, learner: any ShadowLearner, context: RunContext
    ) throws -> ShadowConfidences {
        precondition(pool.labels.count == rows, "the pool has \(pool.labels.count) rows, the design \(rows)")
        let rowsOfShadows = try ParallelTasks.map(shadows, threads: context.threads) { shadow in
            try context.cancellation.check()
            if let deadline = context.deadline, ContinuousClock.now >= deadline { throw Cancelled(reason: .outOfTime) }
            let answers = try learner.confidences(
                trainingOn: members(of: shadow), of: pool, cancellation: context.cancellation)
            precondition(answers.count == rows, "\(type(of: learner)) gave \(answers.count) numbers for \(rows) rows")
            context.progress("shadow models", shadow + 1, shadows)
            return answers
        }
        return try ShadowConfidences(design: self, values: rowsOfShadows.flatMap { $0 })
    }
}
