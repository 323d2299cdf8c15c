import CasemateCore
import CasemateData

/// Finds where scores step between the positions of a grid and adds both sides of each step as columns.
///
/// In every interval between neighbouring columns the row whose score differs most is followed by bisection into all
/// parts that still differ by more than `tolerance`, down to neighbouring float32 values (or whole numbers, or a
/// ten-millionth of the width). Trees share their thresholds between rows, so one row an interval and a few rounds lay
/// open what all rows see. What returns to within `tolerance` inside one interval is not seen.
struct StepSearch {
    let session: SensitivitySession
    /// Smallest difference that is followed, in units of the score.
    let tolerance: Double
    /// A slope that is no step gets columns all the same when the score changes by `jump` within `cliffWidth` of the
    /// width of the data.
    let jump: Double, cliffWidth: Double
    /// Rounds, and columns of one unit, at most.
    let rounds: Int, most: Int

    /// One row between two positions of one unit.
    private struct Span {
        let response: Int, row: Int
        let low: Float, high: Float
        let before: Float, after: Float
        var change: Double { abs(Double(after) - Double(before)) }
    }
    /// Two neighbouring positions between which the score steps.
    private struct Step {
        let low: Float, high: Float
        let change: Double
    }
    private struct Place: Hashable {
        let response: Int
        let low: Float, high: Float
    }

    /// Adds columns until nothing new turns up.
    func refine(_ responses: inout [SweepResponse]) throws {
        var looked: Set<Place> = []
        for _ in 0..<rounds {
            let spans = widestSpans(responses, &looked)
            if spans.isEmpty { return }
            let steps = try follow(spans, responses)
            try insert(steps, into: &responses)
        }
        for (response, widest) in Dictionary(grouping: widestSpans(responses, &looked), by: \.response) {
            responses[response].isCut = responses[response].isCut || !widest.isEmpty
        }
    }

    /// In every interval that was not looked at, the row whose score differs most.
    private func widestSpans(_ responses: [SweepResponse], _ looked: inout Set<Place>) -> [Span] {
        var spans: [Span] = []
        for (index, response) in responses.enumerated() where response.unit.isNumber {
            for (left, right) in zip(response.columns, response.columns.dropFirst()) {
                let (low, high) = (left.position, right.position)
                guard response.unit.middle(low, high, width: response.width, session.space) != nil,
                    !looked.contains(Place(response: index, low: low, high: high))
                else { continue }
                var widest = (row: -1, change: tolerance)
                for row in left.scores.indices {
                    let change = abs(Double(right.scores[row]) - Double(left.scores[row]))
                    if change > widest.change { widest = (row, change) }
                }
                guard widest.row >= 0 else { continue }
                looked.insert(Place(response: index, low: low, high: high))
                spans.append(
                    Span(
                        response: index, row: widest.row, low: low, high: high, before: left.scores[widest.row],
                        after: right.scores[widest.row]))
            }
        }
        return spans
    }

    /// Bisects all spans side by side, one call of the model a level.
    private func follow(_ spans: [Span], _ responses: [SweepResponse]) throws -> [Int: [Step]] {
        var steps: [Int: [Step]] = [:]
        var open = spans
        while !open.isEmpty {
            var pending: [(span: Span, middle: Float)] = []
            for span in open {
                let response = responses[span.response]
                if isSteep(span, response) {
                    steps[span.response, default: []].append(
                        Step(low: span.low, high: span.high, change: span.change))
                }
                if let middle = response.unit.middle(span.low, span.high, width: response.width, session.space) {
                    pending.append((span, middle))
                } else {
                    steps[span.response, default: []].append(
                        Step(low: span.low, high: span.high, change: span.change))
                }
            }
            open = try halves(pending, responses)
        }
        return steps
    }

    /// Whether a span has just become narrow enough for a cliff and still holds a jump.
    private func isSteep(_ span: Span, _ response: SweepResponse) -> Bool {
        let (wide, limit) = (Double(span.high) - Double(span.low), cliffWidth * response.width)
        return wide <= limit && wide > limit / 2 && span.change >= jump / 2
    }

    private func halves(_ pending: [(span: Span, middle: Float)], _ responses: [SweepResponse]) throws -> [Span] {
        var next: [Span] = []
        try session.ask(count: pending.count) {
            pending[$0].span.row
        } fill: { index, row in
            responses[pending[index].span.response].unit.put(pending[index].middle, into: row)
        } take: { index, score, _ in
            let (span, middle) = pending[index]
            let left = Span(
                response: span.response, row: span.row, low: span.low, high: middle, before: span.before, after: score)
            let right = Span(
                response: span.response, row: span.row, low: middle, high: span.high, before: score, after: span.after)
            next += [left, right].filter { $0.change > tolerance }
        }
        return next
    }

    /// Adds both sides of the steps, the largest ones first where there is no room for all.
    private func insert(_ steps: [Int: [Step]], into responses: inout [SweepResponse]) throws {
        var wanted: [(response: Int, positions: [Float])] = []
        for index in steps.keys.sorted() {
            let response = responses[index]
            let known = Set(response.columns.map(\.position))
            let ordered = (steps[index] ?? []).sorted { ($1.change, $0.low) < ($0.change, $1.low) }
            var fresh: [Float] = []
            var isNew = known
            for step in ordered {
                let sides = [step.low, step.high].filter { !isNew.contains($0) }
                guard response.columns.count + fresh.count + sides.count <= most else {
                    responses[index].isCut = true
                    break
                }
                fresh += sides
                isNew.formUnion(sides)
            }
            if !fresh.isEmpty { wanted.append((index, fresh)) }
        }
        let answers = try session.columns(of: wanted.map { (responses[$0.response].unit, $0.positions) })
        for (want, columns) in zip(wanted, answers) {
            responses[want.response].columns += columns.map {
                SweepResponse.Column(
                    position: $0.position, isBase: false, weight: 0, scores: $0.scores, labels: $0.labels)
            }
            responses[want.response].columns.sort { $0.position < $1.position }
        }
    }
}
