import CasemateCore

extension EvaluationSession {
    /// Looks for the smallest perturbation of every sample, and at larger radii for whatever that missed.
    func searchClosest() throws {
        guard epsilon > 0 else { return }
        var options = options
        // why: the curve is a bound anyway, and twenty gradients a step are dear.
        options.evaluations = min(options.evaluations, 4)
        let way = EvaluationLedger.Way(
            oracle: oracle, options: options, role: .curve, gradientCost: gradientCost)
        if subject.hasGradients {
            try ledger.run(FastMinimumNorm(), way, on: ledger.right, epsilon: .some(nil))
            let boundary = TargetedFastAdaptiveBoundary(.init(iterations: 20), targetClasses: 3)
            if TargetedFastAdaptiveBoundary.norms.contains(norm), !facts.isRandom {
                try ledger.run(boundary, way, on: checked, epsilon: .some(nil))
            }
        }
        guard norm != .l0 else { return }
        let attack: any WhiteBoxAttack =
            subject.hasGradients
            ? ProjectedGradientDescent(steps: 20, loss: .margin) : SquareAttack(queries: 200, isScheduleRescaled: true)
        var radius = epsilon
        while radius < widest {
            radius = min(2 * radius, widest)
            let left = ledger.right.filter { ledger.records[$0].closest > radius }
            if left.isEmpty { break }
            try ledger.run(attack, way, on: left, epsilon: radius)
        }
    }

    /// Counts the samples beyond each radius.
    func drawCurve() throws {
        guard ledger.records.contains(where: { $0.predicted != nil }) else { return }
        let distances = ledger.records.map(\.closest)
        func point(_ epsilon: Double) -> EvaluationResult.CurvePoint {
            .init(epsilon: epsilon, share: .init(distances.count { $0 > epsilon }, of: distances.count))
        }
        if let asked = plan.curveEpsilons {
            curve = asked.sorted().map(point)
            return
        }
        curve = [point(0)]
        guard epsilon > 0 else { return }
        for multiple in Self.multiples {
            let radius = multiple == 1 ? epsilon : min(multiple * epsilon, max(epsilon, widest))
            if let last = curve.last, last.epsilon >= radius { break }
            curve.append(point(radius))
            // why: the radius that was asked for is always shown.
            if multiple >= 1, curve.last?.share.count == 0 { break }
        }
    }

    private static let multiples: [Double] =
        [0.25, 0.5, 0.75, 1, 1.5, 2, 3] + (2...30).flatMap { [Double(1 << $0), 1.5 * Double(1 << $0)] }

    /// Has the deployed model look at every point once more, apart from any attack.
    func recheck() throws {
        let found = ledger.records.indices.filter { ledger.records[$0].point != nil }
        var tally = EvaluationMeasurements.Tally(of: found.count)
        let piece = max(1, min(256, (1 << 24) / problem.size))
        for start in stride(from: 0, to: found.count, by: piece) {
            let part = Array(found[start..<min(start + piece, found.count)])
            let rows = part.flatMap { ledger.records[$0].point?.row ?? [] }
            var reached = [Int](repeating: 0, count: part.count)
            for _ in 0..<options.judgements {
                let labels = try subject.judge.labels(of: rows, count: part.count, cancellation: context.cancellation)
                for (place, sample) in part.enumerated()
                where place < labels.count && problem.isReached(by: labels[place], sample) { reached[place] += 1 }
            }
            for (place, sample) in part.enumerated() {
                let row = Array(rows[place * problem.size..<(place + 1) * problem.size])
                // why: an answer drawn anew may fall short of a majority now and then; nothing repeats it.
                let isReached = facts.isRandom ? reached[place] > 0 : reached[place] == options.judgements
                guard isReached, contains(row, sample) else {
                    tally.broken += 1
                    ledger.withdraw(sample)
                    continue
                }
            }
        }
        facts.recheck = tally
    }

    private func contains(_ row: [Float], _ sample: Int) -> Bool {
        row.withUnsafeBufferPointer { row in
            rows([sample]).withUnsafeBufferPointer { original in
                guard let point = row.baseAddress, let base = original.baseAddress else { return false }
                return problem.set.contains(point, around: base, count: problem.size)
            }
        }
    }
}
