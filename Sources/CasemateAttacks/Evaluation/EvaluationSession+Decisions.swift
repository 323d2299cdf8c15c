import CasemateCore
import CasemateData

extension EvaluationSession {
    /// Walks along the boundary by labels alone from a few samples that are left.
    func decide() throws {
        guard norm == .linf || norm == .l2 else { return }
        // why: rows of this attack are dear; five samples show whether labels alone do better than gradients.
        let left = ledger.standing(checked)
        let samples = Array((left.isEmpty ? checked : left).prefix(5))
        guard !samples.isEmpty else { return }
        let begin = ContinuousClock.now
        let walk = HopSkipJump(iterations: 4, initialEvaluations: 50, maxEvaluations: 200)
        let run = EvasionRun(
            attack: walk, norm: norm == .linf ? .linf : .l2,
            limits: .init(
                maxQueriesPerSample: 2_000, deadline: context.deadline,
                batch: max(1, min(2_048, (1 << 24) / problem.size))), polish: nil)
        let oracle = LabelOracle(judge: subject.judge, featureCount: problem.size, cancellation: context.cancellation)
        let result = try run.run(try evasionProblem(samples), oracle: oracle, context: context)
        var tally = EvaluationMeasurements.Tally(of: samples.count)
        for (answer, sample) in zip(result.samples, samples) {
            guard answer.outcome == .found, let row = answer.row, try isConfirmed(row, sample) else { continue }
            let distance = PerturbationSet.distance(norm, row, rows([sample]))
            let isTaken = ledger.offer(
                row, answer.label, distance, of: sample, by: HopSkipJump.identifier)
            tally.broken += isTaken && distance <= epsilon ? 1 : 0
        }
        facts.decision = .init(tally: tally, queries: result.queries, median: result.medianDistance)
        ledger.note(
            AttackSummary(
                identifier: HopSkipJump.identifier, variant: nil, role: .check, epsilon: epsilon,
                samples: samples.count, broken: tally.broken, forwardPasses: result.queries, backwardPasses: 0,
                seconds: (ContinuousClock.now - begin).inSeconds))
    }

    private func evasionProblem(_ samples: [Int]) throws -> EvasionProblem {
        let features = (0..<problem.size).map { Feature("x\($0)") }
        var (low, high) = (problem.set.low, problem.set.high)
        if !low.isFinite || !high.isFinite { (low, high) = (problem.rows.min() ?? 0, problem.rows.max() ?? 0) }
        let goals = samples.map { sample -> EvasionProblem.Goal in
            problem.targets.map { .targeted(label: $0[sample]) } ?? .untargeted(label: problem.labels[sample])
        }
        return try EvasionProblem(
            originals: FeatureMatrix(features: features, values: rows(samples)),
            space: .unconstrained(features: features, low: low, high: high), goals: goals,
            identifiers: samples.map { problem.identifiers[$0] })
    }

    /// Whether the row lies in the box, is one that the model can be given, and reaches the goal every time.
    private func isConfirmed(_ row: [Float], _ sample: Int) throws -> Bool {
        guard subject.judge.round(row) == row else { return false }
        for _ in 0..<options.judgements {
            let labels = try subject.judge.labels(of: row, count: 1, cancellation: context.cancellation)
            guard let label = labels.first, problem.isReached(by: label, sample) else { return false }
        }
        return row.withUnsafeBufferPointer { row in
            row.baseAddress.map { problem.set.isInBox($0, count: problem.size) } ?? false
        }
    }
}

/// The deployed model's labels.
private struct LabelOracle: DecisionOracle {
    let judge: any Judge
    let featureCount: Int
    let cancellation: Cancellation

    func decide(_ rows: [Float], count: Int) throws -> [Int32] {
        try judge.labels(of: judge.round(rows), count: count, cancellation: cancellation)
    }
}
