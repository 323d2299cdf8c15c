import CasemateData

/// The smallest move of one unit found that flips the decision on one row; scored again from scratch, and a change that
/// the feature space allows.
public struct SingleFlip: Hashable, Sendable {
    /// Index of the row, and of the unit among the responses.
    public let sample: Int, response: Int
    /// Position before and after.
    public let before: Float, after: Float
    /// Distance in the units of the feature space.
    public let distance: Double
    /// The row after the move.
    public let row: [Float]
    /// What the model decides and how it scores then; the score is meaningless for models that tell labels only.
    public let label: Int32, score: Float
}

/// Finds the smallest single moves from swept responses.
///
/// On each side of a row's own value the nearest column that flips is bracketed with its neighbour and bisected. For a
/// model of steps whose columns stand on both sides of every step this is the exact minimum, up to a ten-millionth of
/// the width; for others an upper bound that misses flips which begin and end between two columns.
struct SingleFlipSearch {
    let session: SensitivitySession
    let responses: [SweepResponse]

    /// The decision flips at `high` and not at `low`; `high` is the farther one.
    private struct Bracket {
        let sample: Int, response: Int
        var near: Float, far: Float
    }

    /// The smallest flip of every row by every unit that has one, and how many did not survive the re-check.
    func run() throws -> (flips: [SingleFlip], discarded: Int) {
        var brackets: [Bracket] = []
        for sample in 0..<session.count {
            session.withRow(sample) { row in
                guard !session.goals[sample].isReached(by: session.labels[sample]) else { return }
                for index in responses.indices { brackets += bracket(sample, index, row) }
            }
        }
        try bisect(&brackets)
        return try recheck(nearest(brackets))
    }

    private func bracket(_ sample: Int, _ index: Int, _ row: UnsafeBufferPointer<Float>) -> [Bracket] {
        let response = responses[index]
        let (unit, goal) = (response.unit, session.goals[sample])
        let own = unit.position(in: row, session.space)
        guard !own.isNaN else { return [] }
        func flips(_ column: SweepResponse.Column) -> Bool {
            goal.isReached(by: column.labels[sample]) && unit.allows(column.position, from: row, session.space)
        }
        guard unit.isNumber else {
            let best = response.columns.first(where: flips)
            return best.map { [Bracket(sample: sample, response: index, near: own, far: $0.position)] } ?? []
        }
        var found: [Bracket] = []
        let start = response.columns.firstIndex { $0.position > own } ?? response.columns.count
        var near = own
        for column in response.columns[start...] {
            if flips(column) {
                found.append(Bracket(sample: sample, response: index, near: near, far: column.position))
                break
            }
            near = column.position
        }
        near = own
        for column in response.columns[..<start].reversed() where column.position < own {
            if flips(column) {
                found.append(Bracket(sample: sample, response: index, near: near, far: column.position))
                break
            }
            near = column.position
        }
        return found
    }

    /// Halves all brackets of numbers side by side until their ends are neighbours.
    private func bisect(_ brackets: inout [Bracket]) throws {
        var open = Array(brackets.indices)
        while !open.isEmpty {
            var pending: [(bracket: Int, middle: Float)] = []
            for index in open {
                let bracket = brackets[index]
                let response = responses[bracket.response]
                let (low, high) = (min(bracket.near, bracket.far), max(bracket.near, bracket.far))
                if let middle = response.unit.middle(low, high, width: response.width, session.space) {
                    pending.append((index, middle))
                }
            }
            try session.ask(count: pending.count) {
                brackets[pending[$0].bracket].sample
            } fill: { index, row in
                responses[brackets[pending[index].bracket].response].unit.put(pending[index].middle, into: row)
            } take: { index, _, label in
                let (bracket, middle) = pending[index]
                let (sample, unit) = (brackets[bracket].sample, responses[brackets[bracket].response].unit)
                let isReached = label.map { session.goals[sample].isReached(by: $0) } ?? false
                // why: a row that lay outside its bounds may flip before it is back inside them.
                let isAllowed = session.withRow(sample) { unit.allows(middle, from: $0, session.space) }
                if isReached && isAllowed { brackets[bracket].far = middle } else { brackets[bracket].near = middle }
            }
            open = pending.map(\.bracket)
        }
    }

    /// Of the two sides of a row and unit the nearer one.
    private func nearest(_ brackets: [Bracket]) -> [(bracket: Bracket, own: Float, distance: Double)] {
        var best: [(bracket: Bracket, own: Float, distance: Double)] = []
        for bracket in brackets {
            let unit = responses[bracket.response].unit
            let own = session.position(of: unit, bracket.sample)
            let distance = unit.distance(from: own, to: bracket.far, session.space)
            if let last = best.last, last.bracket.sample == bracket.sample, last.bracket.response == bracket.response {
                if distance < last.distance { best[best.count - 1] = (bracket, own, distance) }
            } else {
                best.append((bracket, own, distance))
            }
        }
        return best
    }

    /// Asks about every flip anew and tests it with the independent checker of the space.
    private func recheck(
        _ found: [(bracket: Bracket, own: Float, distance: Double)]
    ) throws -> (flips: [SingleFlip], discarded: Int) {
        let width = session.space.features.count
        var rows = found.map { [Float](session.problem.rows[row: $0.bracket.sample]) }
        for index in rows.indices {
            rows[index].withUnsafeMutableBufferPointer {
                responses[found[index].bracket.response].unit.put(found[index].bracket.far, into: $0)
            }
        }
        var flips: [SingleFlip] = []
        try session.ask(count: found.count) {
            found[$0].bracket.sample
        } fill: { index, row in
            for feature in 0..<width { row[feature] = rows[index][feature] }
        } take: { index, score, label in
            let (bracket, own, distance) = found[index]
            guard let label, session.goals[bracket.sample].isReached(by: label),
                session.space.violations(of: rows[index], from: session.problem.rows[row: bracket.sample]).isEmpty
            else { return }
            flips.append(
                SingleFlip(
                    sample: bracket.sample, response: bracket.response, before: own, after: bracket.far,
                    distance: distance, row: rows[index], label: label, score: score))
        }
        return (flips, found.count - flips.count)
    }
}
