import CasemateCore
import CasemateData
import Foundation

/// One run of the check: effects of known-good rows, of rows, of sources.
struct RoniRun<Victim: RoniVictim> {
    let check: RoniCheck
    let subject: DataSubject
    let victim: Victim
    /// Row of the data of each candidate, with its label.
    let rows: [Int], labels: [Int]
    let trustedLabels: [Int]
    let draw: RoniDraw
    let most: Int
    /// The victim in words.
    let words: String

    func run(_ context: RunContext) throws -> DataCheckResult {
        guard let drawn = draw.draw(trustedLabels, seed: context.seed) else {
            return DataCheckResult(
                outcome: check.outcome(status: .notTested, reason: "the trusted pool has too few rows of a class"))
        }
        let roni = Roni(victim: victim, pairs: drawn.pairs, calibration: drawn.calibration)
        let good = try roni.effects(of: drawn.calibration.map { [.trusted($0)] }, context: context)
        // why halves: thresholds from one half, false alarms counted on the other.
        let half = good.indices.filter { $0 % 2 == 0 }
        let scales = scales(half.map { (trustedLabels[drawn.calibration[$0]], good[$0]) })
        let held = good.indices.filter { $0 % 2 == 1 }.map {
            tested(place: $0, label: trustedLabels[drawn.calibration[$0]], good[$0], scales)
        }
        let all = self.scales(good.indices.map { (trustedLabels[drawn.calibration[$0]], good[$0]) })
        let chosen = try chosen(context)
        let effects = try roni.effects(of: chosen.map { [.suspect($0)] }, context: context)
        let results = zip(chosen, effects).map { tested(place: $0, label: labels[$0], $1, all) }
        var story = RoniStory(check: check, subject: subject, words: words, total: rows.count)
        (story.calibration, story.pairs) = (good.count, drawn.pairs)
        story.take(held: held.count, alarms: held.count { $0.isBelow })
        story.take(results.map { RoniStory.Row($0, row: rows[$0.place], label: labels[$0.place]) })
        if let source = subject.roles.source {
            story.take(sources: try sources(source, roni, drawn, context), column: source)
        }
        return story.result
    }

    private func scales(_ good: [(label: Int, effects: [Double])]) -> [[RoniScale?]] {
        (0...1).map { label in
            (0...1).map { direction in
                RoniScale(good.filter { $0.label == label }.map { $0.effects[direction] })
            }
        }
    }

    private func tested(place: Int, label: Int, _ effects: [Double], _ scales: [[RoniScale?]]) -> RoniTested {
        let shares = (0...1).map { scales[label][$0]?.share(of: effects[$0]) ?? 1 }
        let direction = shares[1] < shares[0] ? 1 : 0
        let threshold = scales[label][direction]?.threshold ?? -.infinity
        return RoniTested(
            place: place, effects: effects, share: min(1, 2 * shares[direction]), direction: direction,
            isBelow: effects[direction] < threshold)
    }

    /// Candidates that are tested: all, or in halves those whose labels trusted rows doubt most and a draw of the others.
    private func chosen(_ context: RunContext) throws -> [Int] {
        guard rows.count > most else { return Array(rows.indices) }
        let doubts = try victim.doubts(training: Array(trustedLabels.indices.prefix(20_000)))
        let order = rows.indices.sorted { (doubts[$1], $0) < (doubts[$0], $1) }
        var generator = SeededGenerator(seed: context.seed, stream: 0x0202)
        let others = order.dropFirst(most / 2).shuffled(using: &generator)
        return (order.prefix(most / 2) + others.prefix(most - most / 2)).sorted()
    }

    /// Each source as one batch beside known-good batches of the same size.
    private func sources(
        _ column: String, _ roni: Roni<Victim>, _ drawn: (pairs: [RoniPair], calibration: [Int]), _ context: RunContext
    ) throws -> [RoniSource] {
        let names = try subject.train?.texts(column) ?? []
        let byName = Dictionary(grouping: rows.indices.filter { names.indices.contains(rows[$0]) }) {
            names[rows[$0]] ?? ""
        }
        let size = min(check.batch, drawn.calibration.count / 4)
        guard size >= 10, (2...200).contains(byName.count) else { return [] }
        var generator = SeededGenerator(seed: context.seed, stream: 0x0203)
        let repeats = 8
        var batches = (0..<120).map { _ in
            drawn.calibration.shuffled(using: &generator).prefix(size).map { RoniCandidate.trusted($0) }
        }
        let known = batches.count
        let sorted = byName.filter { $0.value.count >= size && !$0.key.isEmpty }.sorted { $0.key < $1.key }
        for (_, places) in sorted {
            for _ in 0..<repeats {
                batches.append(places.shuffled(using: &generator).prefix(size).map { RoniCandidate.suspect($0) })
            }
        }
        let effects = try roni.effects(of: batches, context: context)
        return sorted.enumerated().map { index, entry in
            let own = effects[known + index * repeats..<known + (index + 1) * repeats]
            return RoniSource(
                name: entry.key, rows: entry.value.count, own: Array(own), known: Array(effects[..<known]))
        }
    }
}

/// What the batches of a source do beside known-good batches.
struct RoniSource {
    let name: String
    let rows: Int
    /// Mean effect of its batches and of the others' by direction, and how many standard deviations lie between.
    let effect: [Double], expected: [Double], deviations: [Double]

    init(name: String, rows: Int, own: [[Double]], known: [[Double]]) {
        (self.name, self.rows) = (name, rows)
        func mean(_ all: [[Double]], _ direction: Int) -> Double {
            all.reduce(0) { $0 + $1[direction] } / Double(max(1, all.count))
        }
        effect = (0...1).map { mean(own, $0) }
        expected = (0...1).map { mean(known, $0) }
        deviations = [0, 1].map { direction in
            let centre = mean(known, direction)
            let spread = known.reduce(0) { $0 + ($1[direction] - centre) * ($1[direction] - centre) }
            // why one batch: batches of a source share its rows, so their mean is hardly surer than one of them.
            let deviation = max(1e-9, (spread / Double(max(1, known.count - 1))).squareRoot())
            return (mean(own, direction) - centre) / deviation
        }
    }
}

/// A row that was tested.
struct RoniTested {
    let place: Int
    let effects: [Double]
    /// Share of known-good rows that do as much harm, over both directions.
    let share: Double
    /// The class on whose rows the harm shows.
    let direction: Int
    let isBelow: Bool
}
