import CasemateCore
public import CasemateModels

extension WhiteBoxSession {
    /// Asks the oracle for logits: one forward pass for each entry.
    ///
    /// Projects the points in place, and has those that reach the goal confirmed and kept.
    /// - Parameters:
    ///   - points: `[samples.count, size]`, changed in place by the projection.
    ///   - samples: The sample of each entry; one may occur several times.
    ///   - isConfined: Whether points are projected into the ball as well as the box. An attack that looks for the
    ///     smallest perturbation gives false: its points may lie outside the ball, and count only inside.
    /// - Returns: Logits, `[samples.count, classCount]`.
    /// - Throws: `Cancelled`, what oracle and judge throw, and an error of its own when time is over: let it pass.
    public func forward(_ points: inout [Float], of samples: [Int], isConfined: Bool = true) throws -> [Float] {
        try prepare(&points, samples, isConfined)
        let logits = try ask(points, samples) { rows, _, _ in
            try oracle.logits(rows, count: rows.count / size, cancellation: context.cancellation)
        }
        for sample in samples { records[sample].forwardPasses += 1 }
        try note(points, samples, logits, isConfined)
        return logits
    }

    /// Asks the oracle for logits, losses and gradients: one forward and one backward pass for each entry, times the
    /// number of evaluations that are averaged for models with randomness inside.
    ///
    /// Projects the points in place, and has those that reach the goal confirmed and kept.
    /// - Parameters:
    ///   - loss: What is differentiated; the labels are the samples' own.
    ///   - points: `[samples.count, size]`, changed in place by the projection.
    ///   - samples: The sample of each entry; one may occur several times.
    ///   - targets: The target of each entry; empty for losses without one.
    ///   - isConfined: As for `forward`.
    public func evaluate(
        _ loss: ClassificationLoss, _ points: inout [Float], of samples: [Int], targets: [Int32] = [],
        isConfined: Bool = true
    ) throws -> LossEvaluation {
        try prepare(&points, samples, isConfined)
        var result = LossEvaluation(logits: [], losses: [], gradients: [])
        let times = options.evaluations
        result.logits.reserveCapacity(samples.count * classCount)
        for start in stride(from: 0, to: samples.count, by: rowsPerCall) {
            let end = min(start + rowsPerCall, samples.count)
            let isWhole = start == 0 && end == samples.count
            let rows = isWhole ? points : Array(points[start * size..<end * size])
            let labels = samples[start..<end].map { problem.labels[$0] }
            let goals = targets.isEmpty ? [] : Array(targets[start..<end])
            var piece = LossEvaluation(logits: [], losses: [], gradients: [])
            for time in 0..<times {
                let answer = try oracle.evaluate(
                    loss, rows: rows, count: end - start, labels: labels, targets: goals,
                    cancellation: context.cancellation)
                try check(answer, end - start)
                if time == 0 { piece = answer } else { piece.add(answer) }
            }
            if times > 1 { piece.divide(by: Float(times)) }
            if isWhole { result = piece } else { result.append(piece) }
        }
        for sample in samples {
            records[sample].forwardPasses += times
            records[sample].backwardPasses += times
        }
        try note(points, samples, result.logits, isConfined)
        return result
    }

    /// Projects points of samples into box and ball, without asking anything.
    public func project(_ points: inout [Float], of samples: [Int], isConfined: Bool = true) {
        precondition(points.count == samples.count * size, "\(points.count) values for \(samples.count) samples")
        let set = problem.set
        points.withUnsafeMutableBufferPointer { points in
            problem.rows.withUnsafeBufferPointer { rows in
                guard let point = points.baseAddress, let original = rows.baseAddress else { return }
                for (entry, sample) in samples.enumerated() {
                    set.project(
                        point + entry * size, around: original + sample * size, count: size, isConfined: isConfined)
                }
            }
        }
    }

    /// Rows in one call of the oracle: bounded by a number of rows and by memory.
    var rowsPerCall: Int { max(1, min(options.batch, (1 << 24) / size)) }

    private func prepare(_ points: inout [Float], _ samples: [Int], _ isConfined: Bool) throws {
        try context.cancellation.check()
        if let deadline = context.deadline, ContinuousClock.now >= deadline { throw RobustnessStop() }
        project(&points, of: samples, isConfined: isConfined)
    }

    /// Asks for something of rows in pieces and joins the answers.
    func ask<Answer>(
        _ rows: [Float], _ samples: [Int], _ call: ([Float], Int, Int) throws -> [Answer]
    ) throws -> [Answer] {
        let (count, piece) = (samples.count, rowsPerCall)
        if count <= piece { return count == 0 ? [] : try checked(call(rows, 0, count), count) }
        var answers: [Answer] = []
        for start in stride(from: 0, to: count, by: piece) {
            let end = min(start + piece, count)
            answers += try checked(call(Array(rows[start * size..<end * size]), start, end), end - start)
        }
        return answers
    }

    private func checked<Answer>(_ answers: [Answer], _ count: Int) throws -> [Answer] {
        guard answers.count == count || answers.count == count * classCount else {
            throw mismatch("\(answers.count) values", count)
        }
        return answers
    }

    private func check(_ answer: LossEvaluation, _ count: Int) throws {
        guard answer.logits.count == count * classCount, answer.losses.count == count,
            answer.gradients.count == count * size
        else {
            throw mismatch(
                "\(answer.logits.count) logits, \(answer.losses.count) losses, \(answer.gradients.count) gradients",
                count)
        }
    }

    private func mismatch(_ what: String, _ count: Int) -> CasemateError {
        CasemateError(
            .mismatch, at: "model", "gives \(what) for \(count) samples of \(size) values and \(classCount) classes",
            help: "check the model's input and output shapes")
    }
}

extension LossEvaluation {
    fileprivate mutating func append(_ other: LossEvaluation) {
        logits += other.logits
        losses += other.losses
        gradients += other.gradients
    }
    fileprivate mutating func add(_ other: LossEvaluation) {
        Self.add(&logits, other.logits)
        Self.add(&losses, other.losses)
        Self.add(&gradients, other.gradients)
    }
    fileprivate mutating func divide(by number: Float) {
        for index in logits.indices { logits[index] /= number }
        for index in losses.indices { losses[index] /= number }
        for index in gradients.indices { gradients[index] /= number }
    }
    private static func add(_ values: inout [Float], _ others: [Float]) {
        for index in values.indices { values[index] += others[index] }
    }
}
