import CasemateCore
import CasemateModels

/// One run of a random test.
struct RandomTestSession {
    let test: RandomTest
    let generator: RowGenerator
    let asker: RowAsker
    let context: RunContext

    private typealias Cells = [GeneratedRow.Cell]

    func run() throws -> RandomTestResult {
        let count = min(test.rows, max(20, 1_000_000 / max(1, generator.features.count)))
        let rows = generator.rows(count)
        // why apart: a wild row must not be able to spoil the answers to the others before that is looked at.
        let ordinary = rows.indices.filter { rows[$0].isOrdinary }
        let wild = rows.indices.filter { !rows[$0].isOrdinary }
        var answers = [RowAnswer](repeating: .refused(""), count: rows.count)
        for part in [ordinary, wild] {
            for (index, answer) in zip(part, try asker.answers(part.map { rows[$0].cells })) { answers[index] = answer }
        }
        let views = RowViews(rows: rows, answers: answers, ordinary: ordinary, wild: wild, session: self)
        try views.run()
        return RandomTestResult(
            rows: rows, answers: answers, hasProbabilities: asker.model.signature.kind == .probabilities,
            compared: views.compared.count, inconsistencies: views.found.values.sorted { $0.row < $1.row },
            tolerance: test.tolerance, slow: views.slow, isPartial: views.isPartial)
    }

    var isLate: Bool { context.deadline.map { ContinuousClock.now >= $0 } ?? false }
}

/// Asks the same rows in other ways and notes what differs.
private final class RowViews {
    let rows: [GeneratedRow], answers: [RowAnswer]
    let ordinary: [Int], wild: [Int]
    let session: RandomTestSession
    /// The largest score of a row within the range of the data, at least 1: rounding is relative to it.
    private let scale: Double
    private(set) var compared: Set<Int> = []
    private(set) var found: [Int: RandomTestResult.Inconsistency] = [:]
    private(set) var slow: [Int] = []
    private(set) var isPartial = false

    init(rows: [GeneratedRow], answers: [RowAnswer], ordinary: [Int], wild: [Int], session: RandomTestSession) {
        (self.rows, self.answers, self.ordinary, self.wild) = (rows, answers, ordinary, wild)
        self.session = session
        let inRange = ordinary.filter { [.shuffled, .uniform].contains(rows[$0].kind) }
        scale = inRange.map { Self.size(answers[$0]) }.max().map { max(1, $0) } ?? 1
    }

    /// The largest score of an answer.
    private static func size(_ answer: RowAnswer) -> Double {
        guard case .answered(let scores, _, _) = answer else { return 0 }
        return scores.reduce(0) { max($0, abs(Double($1))) }
    }

    func run() throws {
        let steps: [() throws -> Void] = [again, reversed, besideWildRows, severalTimes, alone]
        for step in steps {
            guard !session.isLate else {
                isPartial = true
                return
            }
            try step()
        }
    }

    private func ask(_ indices: [Int]) throws -> [RowAnswer] {
        try session.asker.answers(indices.map { rows[$0].cells })
    }

    private func compare(_ index: Int, _ other: RowAnswer, _ view: String) {
        compared.insert(index)
        var difference = 0.0
        switch (answers[index], other) {
        case (.answered(let one, _, let decided), .answered(let two, _, let otherwise)):
            difference = zip(one, two).map { abs(Double($0) - Double($1)) }.max() ?? 0
            if one.count != two.count { difference = .infinity }
            // why: bare labels have no scores that could differ by rounding.
            if decided != otherwise, one.isEmpty { difference = .infinity }
        case (let one, let two): difference = one.isAnswered == two.isAnswered ? 0 : .infinity
        }
        difference /= max(scale, Self.size(answers[index]))
        guard difference > session.test.tolerance, difference > found[index]?.difference ?? 0 else { return }
        found[index] = RandomTestResult.Inconsistency(row: index, view: view, difference: difference)
    }

    private func again() throws {
        for (index, answer) in zip(ordinary, try ask(ordinary)) { compare(index, answer, "asked a second time") }
    }

    private func reversed() throws {
        let order = Array(ordinary.reversed())
        for (index, answer) in zip(order, try ask(order)) { compare(index, answer, "asked in another order") }
    }

    private func besideWildRows() throws {
        let some = sample(ordinary, 100, stream: 1)
        let neighbours = wild.filter { answers[$0].isAnswered }
        guard !neighbours.isEmpty else { return }
        let mixed = some.enumerated().flatMap { [$1, neighbours[$0 % neighbours.count]] }
        for (place, answer) in try ask(mixed).enumerated() where place.isMultiple(of: 2) {
            compare(mixed[place], answer, "asked beside extreme rows")
        }
    }

    private func severalTimes() throws {
        for index in sample(ordinary, session.test.repeated, stream: 2) {
            for answer in try ask([Int](repeating: index, count: 7)) {
                compare(index, answer, "asked seven times at once")
            }
        }
    }

    private func alone() throws {
        let clock = ContinuousClock()
        for index in sample(Array(rows.indices), session.test.alone, stream: 3) {
            if session.isLate {
                isPartial = true
                return
            }
            let start = clock.now
            let answer = try ask([index])[0]
            if clock.now - start > .seconds(1) { slow.append(index) }
            if rows[index].isOrdinary { compare(index, answer, "asked alone") }
        }
    }

    private func sample(_ indices: [Int], _ count: Int, stream: UInt64) -> [Int] {
        var generator = SeededGenerator(seed: session.context.seed, stream: 0x5649_4557 + stream)
        return indices.shuffled(using: &generator).prefix(count).sorted()
    }
}
