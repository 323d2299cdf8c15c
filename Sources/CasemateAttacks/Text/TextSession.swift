import CasemateCore
import Foundation

/// Searches over all texts in step: one call of the model carries the next queries of every text still searched.
struct TextSession {
    /// The model's answer as a search sees it.
    struct Answer {
        /// Whether the decision is another one than the right one.
        let isFlipped: Bool
        /// How far the score of the right decision is above the best other; 1 and -1 where only decisions are seen.
        let resistance: Double
    }
    /// A text in search.
    struct State {
        let pieces: TextPieces
        let label: Int32
        let identifier: Int
        var queries = 0
        var outcome: TextAttackResult.Outcome?
        /// What the model says to the text as it is.
        var resistance = 0.0
        /// The cheapest success.
        var best: TextDraft?
    }
    let oracle: any TextOracle
    let settings: TextAttackSettings
    let context: RunContext
    let variants: WordVariants
    var states: [State]
    private(set) var isStopped = false

    init(_ problem: TextProblem, _ settings: TextAttackSettings, _ oracle: any TextOracle, _ context: RunContext) {
        (self.oracle, self.settings, self.context) = (oracle, settings, context)
        variants = WordVariants(neighbours: problem.neighbours)
        states = problem.texts.indices.map { index in
            let isLong = problem.texts[index].unicodeScalars.prefix(settings.longest + 1).count > settings.longest
            var state = State(
                pieces: TextPieces(isLong ? "" : problem.texts[index]), label: problem.labels[index],
                identifier: problem.identifiers[index])
            if isLong { state.outcome = .tooLong }
            return state
        }
    }

    /// Texts that are still searched.
    var open: [Int] { states.indices.filter { states[$0].outcome == nil } }

    /// Random numbers of one text and purpose: what stands beside it changes nothing.
    func generator(_ index: Int, _ purpose: UInt64) -> SeededGenerator {
        SeededGenerator(seed: context.seed, stream: UInt64(bitPattern: Int64(states[index].identifier)) << 8 | purpose)
    }

    /// Whether there is time for another round; ends the search where there is none.
    mutating func goesOn() throws -> Bool {
        try context.cancellation.check(onlyInterruption: true)
        let isLate = context.deadline.map { ContinuousClock.now >= $0 } ?? false
        guard isLate || context.cancellation.isCancelled else { return true }
        isStopped = true
        for index in open { states[index].outcome = states[index].best == nil ? .unfinished : .found }
        return false
    }

    /// Asks about the texts as they are; those decided wrongly are done.
    mutating func begin() throws {
        let answers = try ask(open.map { ($0, [TextDraft()]) })
        for (index, own) in answers {
            guard let answer = own.first else { continue }
            states[index].resistance = answer.resistance
            if answer.isFlipped { states[index].outcome = .alreadyReached }
        }
    }

    /// Asks about drafts of some texts, in chunks. A text whose queries run out gets fewer answers than it asked for.
    mutating func ask(_ wanted: [(index: Int, drafts: [TextDraft])]) throws -> [(index: Int, answers: [Answer])] {
        var owners: [(index: Int, count: Int)] = []
        var (texts, sources, bytes) = ([String](), [Int32](), 0)
        var answers: [Answer] = []
        for (index, drafts) in wanted {
            let count = min(drafts.count, settings.queries - states[index].queries)
            for draft in drafts.prefix(count) {
                texts.append(draft.text(states[index].pieces))
                sources.append(states[index].label)
                bytes += texts[texts.count - 1].utf8.count
                // why bytes, too: long texts by the thousand would not fit in memory.
                guard texts.count == 4_096 || bytes > 1 << 24 else { continue }
                answers += try Self.answers(texts, sources, oracle, settings.access)
                (texts, sources, bytes) = ([], [], 0)
            }
            states[index].queries += count
            owners.append((index, count))
        }
        answers += try Self.answers(texts, sources, oracle, settings.access)
        var start = 0
        return owners.map { owner in
            defer { start += owner.count }
            return (owner.index, Array(answers[start..<start + owner.count]))
        }
    }

    /// Answers to texts whose right decisions are `sources`.
    static func answers(
        _ texts: [String], _ sources: [Int32], _ oracle: any TextOracle, _ access: TextAccess
    ) throws -> [Answer] {
        var result: [Answer] = []
        result.reserveCapacity(texts.count)
        for start in stride(from: 0, to: texts.count, by: 4_096) {
            let end = min(start + 4_096, texts.count)
            let given = try oracle.answer(Array(texts[start..<end]))
            let classes = oracle.classes
            let hasScores = access == .scores && oracle.scale != .none
            guard given.labels.count == end - start, !hasScores || given.scores.count == (end - start) * classes else {
                throw CasemateError(
                    .mismatch, at: "model", "\(given.labels.count) answers to \(end - start) texts",
                    help: "every text needs one answer")
            }
            for row in 0..<end - start {
                let isFlipped = given.labels[row] != sources[start + row]
                var resistance = isFlipped ? -1.0 : 1.0
                if hasScores {
                    let own = Int(sources[start + row])
                    let scores = given.scores[row * classes..<(row + 1) * classes]
                    let other = scores.enumerated().reduce(-Float.infinity) {
                        $1.offset == own ? $0 : max($0, $1.element)
                    }
                    resistance = margin(scores[scores.startIndex + own], other, oracle.scale)
                }
                result.append(Answer(isFlipped: isFlipped, resistance: resistance))
            }
        }
        return result
    }

    /// How far a score is above another one. Probabilities are compared as odds: near 1 all of them look alike.
    private static func margin(_ own: Float, _ other: Float, _ scale: TextAnswers.Scale) -> Double {
        guard scale == .probabilities else { return Double(own) - Double(other) }
        let tiny = 1e-30
        return log(max(Double(own), 0) + tiny) - log(max(Double(other), 0) + tiny)
    }

    /// Whether a draft with more changes is within the budget.
    func fits(_ draft: TextDraft, _ more: [TextChange]) -> Bool {
        let edits = more.reduce(draft.edits) { $0 + $1.edits }
        let words = more.reduce(draft.words) { $0 + $1.words }
        return edits <= settings.edits && words <= settings.words && draft.takes(more)
    }

    /// Keeps a success if it is the cheapest of its text.
    mutating func keep(_ draft: TextDraft, for index: Int) {
        if let best = states[index].best, (best.edits, best.words) <= (draft.edits, draft.words) { return }
        states[index].best = draft
    }

    /// Takes back what a success does not need: the dearest change that can be spared, until none can.
    mutating func reduce() throws {
        var left = states.indices.filter { (states[$0].best?.changes.count ?? 0) > 1 }
        while !left.isEmpty, try goesOn() {
            let wanted = left.map { index -> (index: Int, drafts: [TextDraft]) in
                let best = states[index].best ?? TextDraft()
                return (index, best.changes.indices.map { best.removing($0..<$0 + 1) })
            }
            var next: [Int] = []
            for ((index, answers), (_, drafts)) in zip(try ask(wanted), wanted) {
                let spared = zip(drafts, answers).filter { $0.1.isFlipped }.map(\.0)
                guard let least = spared.min(by: { ($0.edits, $0.words) < ($1.edits, $1.words) }) else { continue }
                states[index].best = least
                if least.changes.count > 1 { next.append(index) }
            }
            left = next
        }
    }

    /// Says of every text that is left what became of it.
    mutating func finish() {
        for index in open { states[index].outcome = states[index].best == nil ? .notFound : .found }
    }
}
