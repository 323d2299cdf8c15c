public import CasemateCore
import CasemateData

/// Two units swept together.
public struct PairResponse: Sendable {
    /// Indices of the responses.
    public let first: Int, second: Int
    /// Positions of both.
    public let firstPositions: [Float], secondPositions: [Float]
    /// Mean score of the profiled rows, `[first, second]` row-major.
    public let partialDependence: [Double]
    /// Share of the variance of the joint partial dependence that the sum of two single curves does not explain, with
    /// its percentile bootstrap interval (95 %) over rows; `nil` when the pair moves nothing.
    ///
    /// Friedman's H² with the grid, weighted by how many reference rows lie near, in place of the rows' own pairs.
    /// Source: Friedman and Popescu, "Predictive learning via rule ensembles", Annals of Applied Statistics 2008,
    /// section 8.1, equation 44.
    public let interaction: Double?, interval: Interval?
    /// Standard deviation of what the single curves leave unexplained, in units of the score.
    public let strength: Double
}

/// The smallest joint move of two units found that flips a row which no single move flips; checked from scratch.
public struct JointFlip: Hashable, Sendable {
    /// Index of the row, and of the units among the responses.
    public let sample: Int, first: Int, second: Int
    /// Euclidean distance in the units of the feature space.
    public let distance: Double
    /// The row after the move.
    public let row: [Float]
    /// What the model decides and how it scores then.
    public let label: Int32, score: Float
}

/// Sweeps pairs of units over grids of two dimensions.
struct PairSearch {
    let session: SensitivitySession
    let responses: [SweepResponse]
    /// Positions of one unit at most.
    let points: Int
    let replicates: Int
    /// Rows that no single move flips, in which joint moves are sought.
    let unflipped: [Int]

    /// A joint move that flips, before it is made smaller.
    private struct Candidate {
        let sample: Int, first: Int, second: Int
        var near: (Float, Float), far: (Float, Float)
        let distance: Double
    }

    /// Sweeps the given pairs.
    func run(_ pairs: [(Int, Int)]) throws -> (pairs: [PairResponse], flips: [JointFlip]) {
        var found: [PairResponse] = []
        var best: [Int: Candidate] = [:]
        for (first, second) in pairs {
            let (one, two) = (thinned(responses[first]), thinned(responses[second]))
            guard one.count > 1, two.count > 1 else { continue }
            let (scores, labels) = try sweep(responses[first].unit, one, responses[second].unit, two)
            found.append(response(first, second, one, two, scores))
            guard !labels.isEmpty else { continue }
            for sample in unflipped {
                let labels = { (cell: Int) in labels[cell * session.count + sample] }
                guard let flip = candidate(sample, (first, second), (one, two), labels) else { continue }
                if flip.distance < best[sample]?.distance ?? .infinity { best[sample] = flip }
            }
        }
        var candidates = best.keys.sorted().compactMap { best[$0] }
        try shrink(&candidates, isFirst: true)
        try shrink(&candidates, isFirst: false)
        return (found, try recheck(candidates))
    }

    /// A position, and the share of the reference rows nearest to it.
    private struct Point {
        let position: Float
        var weight: Double
    }

    /// At most `points` positions of the grid: those between which equally many reference rows lie, and both ends; of
    /// levels the most frequent. Each stands for the rows near it.
    private func thinned(_ response: SweepResponse) -> [Point] {
        let base = response.columns.filter(\.isBase)
        let all = base.map { Point(position: $0.position, weight: $0.weight) }
        guard base.count > points, points > 1 else { return all }
        guard response.unit.isNumber else {
            return all.sorted { ($1.weight, $0.position) < ($0.weight, $1.position) }.prefix(points)
                .sorted { $0.position < $1.position }
        }
        var kept: Set<Int> = [0, base.count - 1]
        var (sum, next) = (0.0, 1)
        for (index, column) in base.enumerated() {
            sum += column.weight
            if sum >= Double(next) / Double(points - 1), kept.count < points {
                kept.insert(index)
                while next < points, sum >= Double(next) / Double(points - 1) { next += 1 }
            }
        }
        var chosen = kept.sorted().map { Point(position: base[$0].position, weight: 0) }
        for column in base {
            let near = chosen.indices.min {
                abs(chosen[$0].position - column.position) < abs(chosen[$1].position - column.position)
            }
            if let near { chosen[near].weight += column.weight }
        }
        return chosen
    }

    /// Scores and decisions `[cell, row]`.
    private func sweep(
        _ one: SweepUnit, _ first: [Point], _ two: SweepUnit, _ second: [Point]
    ) throws -> (scores: [Float], labels: [Int32]) {
        let rows = session.count
        let cells = first.count * second.count
        var scores = [Float](repeating: 0, count: cells * rows)
        var labels = [Int32](repeating: 0, count: session.hasDecisions ? cells * rows : 0)
        try session.ask(count: cells * rows) {
            $0 % rows
        } fill: { index, row in
            let (i, j) = (index / rows).quotientAndRemainder(dividingBy: second.count)
            one.put(first[i].position, into: row)
            two.put(second[j].position, into: row)
        } take: { index, score, label in
            scores[index] = score
            if let label, !labels.isEmpty { labels[index] = label }
        }
        return (scores, labels)
    }

    private func response(
        _ first: Int, _ second: Int, _ one: [Point], _ two: [Point], _ scores: [Float]
    ) -> PairResponse {
        let (rows, profiled) = (session.count, session.problem.profiled)
        let cells = one.count * two.count
        func means(_ counts: [Float]) -> [Double] {
            (0..<cells).map { cell in
                var sum: Float = 0
                for row in 0..<profiled { sum += counts[row] * scores[cell * rows + row] }
                return Double(sum) / Double(profiled)
            }
        }
        let (across, down) = (Self.shares(one), Self.shares(two))
        let whole = means([Float](repeating: 1, count: profiled))
        let parts = Self.parts(whole, across, down)
        let interval = Bootstrap.interval(
            strata: [Array(0..<profiled)], replicates: replicates, seed: session.context.seed
        ) { sample in
            var counts = [Float](repeating: 0, count: profiled)
            for row in sample { counts[row] += 1 }
            return Self.parts(means(counts), across, down).share
        }
        return PairResponse(
            first: first, second: second, firstPositions: one.map(\.position), secondPositions: two.map(\.position),
            partialDependence: whole, interaction: parts.share, interval: parts.share == nil ? nil : interval,
            strength: parts.rest.squareRoot())
    }

    private static func shares(_ columns: [Point]) -> [Double] {
        let sum = columns.reduce(0) { $0 + $1.weight }
        return columns.map { sum > 0 ? $0.weight / sum : 1 / Double(columns.count) }
    }

    /// Splits the variance of a table into rows, columns and the rest.
    private static func parts(
        _ table: [Double], _ across: [Double], _ down: [Double]
    ) -> (share: Double?, rest: Double) {
        let width = down.count
        var (rows, columns) = ([Double](repeating: 0, count: across.count), [Double](repeating: 0, count: width))
        var grand = 0.0
        for (i, a) in across.enumerated() {
            for (j, d) in down.enumerated() {
                let value = table[i * width + j]
                rows[i] += d * value
                columns[j] += a * value
                grand += a * d * value
            }
        }
        var (total, rest) = (0.0, 0.0)
        for (i, a) in across.enumerated() {
            for (j, d) in down.enumerated() {
                let value = table[i * width + j]
                let left = value - rows[i] - columns[j] + grand
                total += a * d * (value - grand) * (value - grand)
                rest += a * d * left * left
            }
        }
        // why: below float32's resolution of a score the share is a ratio of rounding errors.
        return (total > 1e-12 ? min(1, rest / total) : nil, rest)
    }

    private func candidate(
        _ sample: Int, _ pair: (Int, Int), _ columns: ([Point], [Point]),
        _ label: (Int) -> Int32
    ) -> Candidate? {
        let (one, two) = (responses[pair.0].unit, responses[pair.1].unit)
        return session.withRow(sample) { row in
            let own = (one.position(in: row, session.space), two.position(in: row, session.space))
            guard !own.0.isNaN, !own.1.isNaN else { return nil }
            var best: Candidate?
            for (i, first) in columns.0.enumerated() where one.allows(first.position, from: row, session.space) {
                for (j, second) in columns.1.enumerated() where two.allows(second.position, from: row, session.space) {
                    guard session.goals[sample].isReached(by: label(i * columns.1.count + j)) else { continue }
                    let a = one.distance(from: own.0, to: first.position, session.space)
                    let b = two.distance(from: own.1, to: second.position, session.space)
                    let distance = (a * a + b * b).squareRoot()
                    guard distance < best?.distance ?? .infinity else { continue }
                    best = Candidate(
                        sample: sample, first: pair.0, second: pair.1, near: own,
                        far: (first.position, second.position), distance: distance)
                }
            }
            return best
        }
    }

    /// Moves one of the two units back towards the row by bisection while the other stays.
    private func shrink(_ candidates: inout [Candidate], isFirst: Bool) throws {
        var open = Array(candidates.indices)
        while !open.isEmpty {
            var pending: [(index: Int, middle: Float)] = []
            for index in open {
                let candidate = candidates[index]
                let response = responses[isFirst ? candidate.first : candidate.second]
                let (near, far) =
                    isFirst ? (candidate.near.0, candidate.far.0) : (candidate.near.1, candidate.far.1)
                let middle = response.unit.middle(
                    min(near, far), max(near, far), width: response.width, session.space)
                if let middle { pending.append((index, middle)) }
            }
            try session.ask(count: pending.count) {
                candidates[pending[$0].index].sample
            } fill: { index, row in
                let (candidate, middle) = (candidates[pending[index].index], pending[index].middle)
                responses[candidate.first].unit.put(isFirst ? middle : candidate.far.0, into: row)
                responses[candidate.second].unit.put(isFirst ? candidate.far.1 : middle, into: row)
            } take: { position, _, label in
                let (index, middle) = pending[position]
                let sample = candidates[index].sample
                let unit = responses[isFirst ? candidates[index].first : candidates[index].second].unit
                let isAllowed = session.withRow(sample) { unit.allows(middle, from: $0, session.space) }
                let isReached = label.map { session.goals[sample].isReached(by: $0) } ?? false
                switch (isReached && isAllowed, isFirst) {
                case (true, true): candidates[index].far.0 = middle
                case (true, false): candidates[index].far.1 = middle
                case (false, true): candidates[index].near.0 = middle
                case (false, false): candidates[index].near.1 = middle
                }
            }
            open = pending.map(\.index)
        }
    }

    private func recheck(_ candidates: [Candidate]) throws -> [JointFlip] {
        var flips: [JointFlip] = []
        var rows: [[Float]] = []
        for candidate in candidates {
            var row = [Float](session.problem.rows[row: candidate.sample])
            row.withUnsafeMutableBufferPointer {
                responses[candidate.first].unit.put(candidate.far.0, into: $0)
                responses[candidate.second].unit.put(candidate.far.1, into: $0)
            }
            rows.append(row)
        }
        try session.ask(count: rows.count) {
            candidates[$0].sample
        } fill: { index, row in
            for feature in row.indices { row[feature] = rows[index][feature] }
        } take: { index, score, label in
            let (candidate, original) = (candidates[index], session.problem.rows[row: candidates[index].sample])
            guard let label, session.goals[candidate.sample].isReached(by: label),
                session.space.violations(of: rows[index], from: original).isEmpty
            else { return }
            flips.append(
                JointFlip(
                    sample: candidate.sample, first: candidate.first, second: candidate.second,
                    distance: session.space.distance(.l2, from: original, to: rows[index]), row: rows[index],
                    label: label, score: score))
        }
        return flips
    }
}
