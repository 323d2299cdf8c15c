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
        var pending = 0
        for (position, request) in requests.enumerated() {
            let allowed = min(request.count, remaining(request.sample))
            for index in 0..<allowed {
                let point = points.row(pending, dimension)
                try fill(request.lane, index, point)
                clip(point, to: request.sample)
                let measured = append(point, of: request.sample)
                marks[pending] = Mark(
                    request: position, index: index, distance: measured.distance, changed: measured.changed)
                queries[request.sample] += 1
                pending += 1
                if pending == limits.batch { try flush(&pending, requests, take) }
            }
        }
        try flush(&pending, requests, take)
    }

    /// Asks about whole rows, which are projected into the space first.
    func askRows(
        _ requests: [Request], fill: (_ lane: Int, _ index: Int, _ row: UnsafeMutableBufferPointer<Float>) -> Void,
        take: (_ lane: Int, _ index: Int, _ isReached: Bool) -> Void
    ) throws {
        let width = problem.space.features.count
        let scratch = Scratch<Float>(width, filledWith: 0)
        func answer(_ lane: Int, _ index: Int, _ isReached: Bool, _: UnsafeBufferPointer<Float>) {
            take(lane, index, isReached)
        }
        var pending = 0
        for (position, request) in requests.enumerated() {
            let allowed = min(request.count, remaining(request.sample))
            let before = UnsafeBufferPointer(original.row(request.sample, width))
            for index in 0..<allowed {
                _ = scratch.values.update(from: before)
                fill(request.lane, index, scratch.values)
                problem.space.project(scratch.values, around: before)
                let measured = measure(UnsafeBufferPointer(scratch.values), of: request.sample)
                rows.append(contentsOf: scratch.values)
                marks[pending] = Mark(
                    request: position, index: index, distance: measured.distance, changed: measured.changed)
                queries[request.sample] += 1
                pending += 1
                if pending == limits.batch { try flush(&pending, requests, answer) }
            }
        }
        try flush(&pending, requests, answer)
    }

    /// Sends the pending rows, keeps the best and hands out the answers.
    private func flush(
        _ pending: inout Int, _ requests: [Request],
        _ take: (Int, Int, Bool, UnsafeBufferPointer<Float>) throws -> Void
    ) throws {
        guard pending > 0 else { return }
        let width = problem.space.features.count
        defer {
            pending = 0
            rows.removeAll(keepingCapacity: true)
        }
        do { try checkTime() } catch {
            // why: rows that were never sent are not queries.
            for index in 0..<pending { queries[requests[marks[index].request].sample] -= 1 }
            throw error
        }
        let labels = try oracle.decide(rows, count: pending)
        guard labels.count == pending else {
            throw CasemateError(
                .engineFailed, at: "oracle", "\(labels.count) labels for \(pending) rows",
                help: "the oracle must answer every row")
        }
        for index in 0..<pending {
            let mark = marks[index]
            let request = requests[mark.request]
            let isReached = problem.goals[request.sample].isReached(by: labels[index])
            if isReached { keep(mark, of: request.sample, rowAt: index * width) }
            try take(request.lane, mark.index, isReached, UnsafeBufferPointer(points.row(index, dimension)))
        }
    }

    /// Keeps a row when it is closer than the best, or as close with fewer changed features.
    @inline(__always)
    private func keep(_ mark: Mark, of sample: Int, rowAt start: Int) {
        let best = bestDistance[sample]
        if mark.distance > best || mark.distance == best && mark.changed >= bestChanged[sample] { return }
        (bestDistance[sample], bestChanged[sample]) = (mark.distance, mark.changed)
        let width = problem.space.features.count
        rows.withUnsafeBufferPointer { rows in
            _ = bestRow.row(sample, width).update(from: rows[start..<start + width])
        }
    }

    private func checkTime() throws {
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
