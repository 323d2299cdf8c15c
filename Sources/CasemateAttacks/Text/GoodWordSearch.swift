import CasemateCore
import Foundation

/// Finds words that push texts away from a decision, by queries on texts that the attacker owns.
///
/// Candidates are words of known texts with another decision, those first that are most frequent there beside how often
/// they stand in texts with this one (the frequency ratio attack). With scores each candidate is appended to a number
/// of carriers and ranked by the mean fall of the score. With labels the carriers are border texts: one with this
/// decision, to which words of another text were added until one more would turn it; a candidate is as good as the
/// share of border texts that it turns. Some of them lie deeper, so that strong words can be told from weak ones.
///
/// Source: Lowd and Meek, "Good word attacks on statistical spam filters", CEAS 2005; border texts are their "barely
/// spam" messages. Ranking by several carriers is ours: a list that is to be universal must not hang on one message.
struct GoodWordSearch {
    let problem: TextProblem
    let settings: TextAttackSettings
    let oracle: any TextOracle
    let context: RunContext

    /// The list that pushes away from `label`.
    func list(against label: Int32) throws -> GoodWordList {
        let candidates = self.candidates(against: label)
        var queries = 0
        let own = problem.known.indices.filter { index in
            problem.knownLabels[index] == label
                && problem.known[index].unicodeScalars.prefix(settings.longest + 1).count <= settings.longest
        }
        guard !candidates.isEmpty, !own.isEmpty else {
            return GoodWordList(label: label, words: [], carriers: 0, queries: 0)
        }
        var generator = SeededGenerator(
            seed: context.seed, stream: 0x67_6F_6F_64 << 16 | UInt64(UInt32(bitPattern: label)))
        let drawn = Array(own.shuffled(using: &generator).prefix(4 * settings.carriers)).map { problem.known[$0] }
        let isScored = settings.access == .scores && oracle.scale != .none
        let carriers =
            isScored
            ? try decided(drawn, label, &queries) : try border(drawn, label, &generator, &queries)
        guard !carriers.isEmpty else { return GoodWordList(label: label, words: [], carriers: 0, queries: queries) }
        let base = try ask(carriers, label, &queries)
        var words = candidates.map { (word: $0, effect: 0.0, flips: 0) }
        // why blocks: all candidates on all carriers are too many texts to hold at once.
        for start in stride(from: 0, to: words.count, by: 64) {
            let block = start..<min(start + 64, words.count)
            let texts = block.flatMap { place in carriers.map { Self.appended($0, words[place].word) } }
            let answers = try ask(texts, label, &queries)
            for place in block {
                for carrier in carriers.indices {
                    let answer = answers[(place - start) * carriers.count + carrier]
                    let fall = isScored ? base[carrier].resistance - answer.resistance : answer.isFlipped ? 1 : 0
                    words[place].effect += fall / Double(carriers.count)
                    words[place].flips += answer.isFlipped ? 1 : 0
                }
            }
        }
        return GoodWordList(label: label, words: best(words), carriers: carriers.count, queries: queries)
    }

    /// Words that helped, the best first.
    private func best(_ words: [(word: String, effect: Double, flips: Int)]) -> [GoodWordList.Word] {
        let good = words.filter { $0.effect > 0 }.enumerated().map { place, word in
            GoodWordList.Word(word: word.word, effect: word.effect, found: place + 1, chosenFlips: word.flips)
        }
        return Array(good.sorted { ($1.effect, $0.found) < ($0.effect, $1.found) }.prefix(settings.goodWords))
    }

    static func appended(_ text: String, _ word: String) -> String { text + " " + word }

    // MARK: Candidates

    /// Words of other known texts, the most telling first: in at least two of them, of two to fifteen letters.
    private func candidates(against label: Int32) -> [String] {
        var (here, there) = ([String: Int](), [String: Int]())
        for (text, known) in zip(problem.known, problem.knownLabels) {
            for word in Self.words(text) {
                if known == label { here[word, default: 0] += 1 } else { there[word, default: 0] += 1 }
            }
        }
        let ranked = there.filter { $0.value >= 2 }.map { word, count in
            (word: word, ratio: Double(count) / Double(1 + here[word, default: 0]))
        }.sorted { ($1.ratio, $0.word) < ($0.ratio, $1.word) }
        return ranked.prefix(settings.dictionary).map(\.word)
    }

    /// Words of letters only, in lower case.
    private static func words(_ text: String) -> Set<String> {
        let parts = text.lowercased().unicodeScalars.split { !$0.properties.isAlphabetic }
        return Set(parts.filter { (2...15).contains($0.count) }.map { String($0) })
    }

    // MARK: Carriers

    /// The drawn texts that the model decides as known.
    private func decided(_ drawn: [String], _ label: Int32, _ queries: inout Int) throws -> [String] {
        let answers = try ask(drawn, label, &queries)
        return Array(zip(drawn, answers).filter { !$0.1.isFlipped }.map(\.0).prefix(settings.carriers))
    }

    /// Texts that words of another text have brought to the border.
    private func border(
        _ drawn: [String], _ label: Int32, _ generator: inout SeededGenerator, _ queries: inout Int
    ) throws -> [String] {
        let others = problem.known.indices.filter { problem.knownLabels[$0] != label }
        guard !others.isEmpty else { return [] }
        var carriers: [String] = []
        for text in try decided(drawn, label, &queries) {
            let other = problem.known[others[Int(generator.next() % UInt64(others.count))]]
            let words = other.unicodeScalars.split { $0.properties.isWhitespace }.prefix(60).map { String($0) }
            var steps = [text]
            for word in words { steps.append(Self.appended(steps[steps.count - 1], word)) }
            let answers = try ask(steps, label, &queries)
            guard let turn = answers.firstIndex(where: \.isFlipped), turn > 0 else { continue }
            // why: every other one a step deeper, so that strong words are told from weak ones.
            carriers.append(steps[carriers.count.isMultiple(of: 2) ? turn - 1 : max(0, turn - 2)])
        }
        return carriers
    }

    private func ask(_ texts: [String], _ label: Int32, _ queries: inout Int) throws -> [TextSession.Answer] {
        try context.cancellation.check()
        queries += texts.count
        return try TextSession.answers(
            texts, [Int32](repeating: label, count: texts.count), oracle, settings.access)
    }
}
