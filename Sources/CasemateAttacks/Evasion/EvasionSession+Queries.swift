import CasemateCore
import CasemateData

extension EvasionSession {
    /// Some queries for one sample. `lane` is whatever number the attack wants back.
    public struct Request: Hashable, Sendable {
        /// Given back with every point.
        public let lane: Int
        /// The sample that pays.
        public let sample: Int
        /// How many points.
        public let count: Int
        /// Makes a request.
        public init(lane: Int, sample: Int, count: Int) { (self.lane, self.sample, self.count) = (lane, sample, count) }
    }

    /// What the model says to one proposal.
    public struct Answer: Hashable, Sendable {
        /// Whether the model decides as the attacker wants.
        public let isReached: Bool
        /// How near it is to that: above 0 on the attacker's side, larger is nearer; 1 or -1 where only labels are
        /// seen, minus infinity for a proposal that was not asked.
        public let nearness: Float
        /// Distance or cost of the row asked, by the objective; infinite for a proposal that was not asked.
        public let value: Float
        /// Whether the model was asked. A proposal that no repair makes lawful is not, and costs no query.
        public var isAsked: Bool { value < .infinity }
        static let none = Answer(isReached: false, nearness: -.infinity, value: .infinity)
    }

    /// Asks the oracle about points of many samples in as few calls as the batch size allows.
    ///
    /// `fill` writes point `index` of a request as offsets in the relaxed space; values beyond the limits are clipped
    /// there, so `take` gets the point that was asked. `take` is called for each point, in order within a lane, with
    /// whether the goal was reached. A request that goes over the sample's budget is cut short.
    /// - Throws: `EvasionStop` when time is over; what the oracle throws.
    public func ask(
        _ requests: [Request],
        fill: (_ lane: Int, _ index: Int, _ point: UnsafeMutableBufferPointer<Float>) throws -> Void,
        take: (_ lane: Int, _ index: Int, _ isReached: Bool, _ point: UnsafeBufferPointer<Float>) throws -> Void
    ) throws {
        try askScores(requests, fill: fill) { lane, index, answer, point in
            try take(lane, index, answer.isReached, point)
        }
    }

    /// The same with everything that the model says.
    public func askScores(
        _ requests: [Request],
        fill: (_ lane: Int, _ index: Int, _ point: UnsafeMutableBufferPointer<Float>) throws -> Void,
        take: (_ lane: Int, _ index: Int, _ answer: Answer, _ point: UnsafeBufferPointer<Float>) throws -> Void
    ) throws {
        func answer(_ lane: Int, _ index: Int, _ answer: Answer, _ position: Int, _: Int) throws {
            try take(lane, index, answer, UnsafeBufferPointer(points.row(position, dimension)))
        }
        var pending = 0
        for (position, request) in requests.enumerated() {
            for index in 0..<request.count {
                if remaining(request.sample) == 0 { break }
                let point = points.row(pending, dimension)
                try fill(request.lane, index, point)
                clip(point, to: request.sample)
                let measured = append(point, of: request.sample)
                marks[pending] = Mark(
                    request: position, index: index, value: measured.value, changed: measured.changed)
                pending += 1
                if pending == limits.batch { try flush(&pending, requests, answer) }
            }
        }
        try flush(&pending, requests, answer)
    }

    /// Asks about whole rows, which are forced into the space first. `fill` finds the original in the row, `take` gets
    /// the row that was asked.
    ///
    /// With `onlyBetter` a row that could not replace the best one is not asked.
    func askRows(
        _ requests: [Request], onlyBetter: Bool = false,
        fill: (_ lane: Int, _ index: Int, _ row: UnsafeMutableBufferPointer<Float>) -> Void,
        take: (_ lane: Int, _ index: Int, _ answer: Answer, _ row: UnsafeBufferPointer<Float>) -> Void
    ) throws {
        let width = problem.space.features.count
        let scratch = Scratch<Float>(width, filledWith: 0)
        func answer(_ lane: Int, _ index: Int, _ answer: Answer, _: Int, _ start: Int) {
            rows.withUnsafeBufferPointer { rows in
                take(
                    lane, index, answer,
                    UnsafeBufferPointer(rebasing: rows[start..<start + (answer.isAsked ? width : 0)]))
            }
        }
        var pending = 0
        for (position, request) in requests.enumerated() {
            let before = UnsafeBufferPointer(original.row(request.sample, width))
            for index in 0..<request.count {
                if remaining(request.sample) == 0 { break }
                _ = scratch.values.update(from: before)
                fill(request.lane, index, scratch.values)
                var measured = settle(scratch.values, of: request.sample)
                if onlyBetter, !isBetter(measured, than: request.sample) { measured.value = .infinity }
                if measured.value < .infinity { appendAsked(scratch.values, of: request.sample) }
                marks[pending] = Mark(
                    request: position, index: index, value: measured.value, changed: measured.changed)
                pending += 1
                if pending == limits.batch { try flush(&pending, requests, answer) }
            }
        }
        try flush(&pending, requests, answer)
    }

    private func appendAsked(_ row: UnsafeMutableBufferPointer<Float>, of sample: Int) {
        rows.append(contentsOf: row)
        queries[sample] += 1
    }

    /// Sends the pending rows, keeps the best and hands out the answers.
    private func flush(
        _ pending: inout Int, _ requests: [Request], _ take: (Int, Int, Answer, Int, Int) throws -> Void
    ) throws {
        guard pending > 0 else { return }
        let width = problem.space.features.count
        defer {
            pending = 0
            rows.removeAll(keepingCapacity: true)
        }
        do { try checkTime() } catch {
            // why: rows that were never sent are not queries.
            for index in 0..<pending where marks[index].value < .infinity {
                queries[requests[marks[index].request].sample] -= 1
            }
            throw error
        }
        let answers = try answers(count: rows.count / width)
        var row = 0
        for index in 0..<pending {
            let mark = marks[index]
            let request = requests[mark.request]
            guard mark.value < .infinity else {
                try take(request.lane, mark.index, .none, index, 0)
                continue
            }
            let goal = problem.goals[request.sample]
            let isReached = goal.isReached(by: answers.labels[row])
            if isReached { keep(mark, of: request.sample, rowAt: row * width) }
            let answer = Answer(
                isReached: isReached, nearness: answers.nearness(of: row, to: goal, isReached), value: mark.value)
            try take(request.lane, mark.index, answer, index, row * width)
            row += 1
        }
    }

    /// Labels of the pending rows, and evidence where it may be seen.
    private struct Answers {
        let labels: [Int32]
        var evidence: [Float] = []
        var labelCount = 0

        @inline(__always)
        func nearness(of row: Int, to goal: EvasionProblem.Goal, _ isReached: Bool) -> Float {
            labelCount == 0
                ? isReached ? 1 : -1 : goal.nearness(evidence[row * labelCount..<(row + 1) * labelCount])
        }
    }

    private func answers(count: Int) throws -> Answers {
        guard count > 0 else { return Answers(labels: []) }
        let answers: Answers
        if let scoring {
            let scored = try scoring.score(rows, count: count)
            answers = Answers(labels: scored.labels, evidence: scored.evidence, labelCount: scoring.labelCount)
        } else {
            answers = Answers(labels: try oracle.decide(rows, count: count))
        }
        guard answers.labels.count == count, answers.evidence.count == count * answers.labelCount else {
            throw CasemateError(
                .engineFailed, at: "oracle", "\(answers.labels.count) labels for \(count) rows",
                help: "the oracle must answer every row")
        }
        return answers
    }

    /// Whether a row is closer than the best, or as close with fewer changed features.
    @inline(__always)
    private func isBetter(_ measured: (value: Float, changed: Int), than sample: Int) -> Bool {
        let best = bestDistance[sample]
        return measured.value < best || measured.value == best && measured.changed < bestChanged[sample]
    }

    /// Keeps a row when it is better than the best.
    @inline(__always)
    private func keep(_ mark: Mark, of sample: Int, rowAt start: Int) {
        guard isBetter((mark.value, mark.changed), than: sample) else { return }
        (bestDistance[sample], bestChanged[sample]) = (mark.value, mark.changed)
        let width = problem.space.features.count
        rows.withUnsafeBufferPointer { rows in
            _ = bestRow.row(sample, width).update(from: rows[start..<start + width])
        }
    }

    func checkTime() throws {
        switch context.cancellation.reason {
        case .interrupted: throw Cancelled(reason: .interrupted)
        case .outOfTime: throw EvasionStop()
        case nil: break
        }
        if let deadline = limits.deadline, ContinuousClock.now >= deadline { throw EvasionStop() }
    }

    @inline(__always)
    private func clip(_ point: UnsafeMutableBufferPointer<Float>, to sample: Int) {
        let start = sample * dimension
        for index in 0..<dimension {
            point[index] = min(max(point[index], low[start + index]), high[start + index])
        }
    }
}

extension EvasionProblem.Goal {
    /// How far the evidence for what is wanted is above the rest.
    func nearness(_ evidence: ArraySlice<Float>) -> Float {
        let start = evidence.startIndex
        func largest(without label: Int32) -> Float {
            var largest = -Float.infinity
            for index in evidence.indices where index - start != Int(label) { largest = max(largest, evidence[index]) }
            return largest
        }
        func own(_ label: Int32) -> Float {
            let index = start + Int(label)
            return evidence.indices.contains(index) ? evidence[index] : -.infinity
        }
        let nearness =
            switch self {
            case .untargeted(let label): largest(without: label) - own(label)
            case .targeted(let label): own(label) - largest(without: label)
            }
        return nearness.isNaN ? -.infinity : nearness
    }
}
