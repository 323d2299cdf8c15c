import CasemateAttacks
import CasemateCore
import Testing

@Suite struct TextAttackTests {
    private func settings(
        _ operators: [TextOperator], edits: Int = 200, words: Int = 20, access: TextAccess = .scores
    ) -> TextAttackSettings {
        var settings = TextAttackSettings()
        (settings.operators, settings.edits, settings.words, settings.access) = (operators, edits, words, access)
        return settings
    }

    /// The fewest weights of a list, the largest first, that bring a score below 0; `nil` where all do not.
    private func fewest(_ score: Double, _ weights: [Double]) -> Int? {
        var left = score
        for (count, weight) in weights.filter({ $0 > 0 }).sorted(by: >).enumerated() {
            left -= weight
            if left < 0 { return count + 1 }
        }
        return nil
    }

    /// For a model that adds up weights, the best-N-words attack appends the smallest number of words there is.
    @Test(arguments: [TextAnswers.Scale.values, .probabilities]) func bestWordsAreOptimal(
        scale: TextAnswers.Scale
    ) throws {
        let made = try MadeLanguage(count: 60, seed: 3, scale: scale)
        let result = try TextAttack(settings([.goodWords, .firstGoodWords])).run(
            made.problem, oracle: made.oracle, context: RunContext())
        let list = try #require(result.lists.first)
        let weights = list.words.compactMap { made.oracle.weights[$0.word] }
        #expect(list.words.count >= 20 && weights.count == list.words.count)
        #expect(weights == weights.sorted(), "the list is in order of the true weights")
        var firstWords = 0, bestWords = 0
        for (index, sample) in result.attacks[0].samples.enumerated() where sample.isAttacked {
            let score = made.oracle.score(made.problem.texts[index])
            #expect(sample.outcome == .found && sample.words == fewest(score, weights.map { -$0 }))
            bestWords += sample.words
            firstWords += result.attacks[1].samples[index].words
        }
        #expect(bestWords > 0 && firstWords > bestWords, "first-N takes more words than best-N")
    }

    /// Leaving words out takes the smallest number of different words there is.
    @Test(arguments: [true, false]) func removalIsOptimal(countsAll: Bool) throws {
        let made = try MadeLanguage(count: 60, seed: 5, countsAll: countsAll)
        let result = try TextAttack(settings([.removal])).run(
            made.problem, oracle: made.oracle, context: RunContext())
        var successes = 0
        for (index, sample) in result.attacks[0].samples.enumerated() where sample.isAttacked {
            let words = Set(BagOfWords.words(made.problem.texts[index]))
            let copies = Dictionary(BagOfWords.words(made.problem.texts[index]).map { ($0, 1) }, uniquingKeysWith: +)
            let weights = words.map {
                made.oracle.weights[$0, default: 0] * (countsAll ? Double(copies[$0] ?? 0) : 1)
            }
            let least = fewest(made.oracle.score(made.problem.texts[index]), weights)
            guard let text = sample.text else {
                #expect(least == nil)
                continue
            }
            successes += 1
            let left = Set(BagOfWords.words(text))
            #expect(left.isSubset(of: words) && made.oracle.score(text) < 0)
            let taken = words.subtracting(left).count
            // why at most: of a word that counts twice one copy may do.
            #expect(countsAll ? taken <= (least ?? 0) : taken == least, "text \(index)")
        }
        #expect(successes > 40)
    }

    /// Every success flips the decision of a model that is asked once more, within the budget; queries are counted to
    /// the last one; a text's result hangs on nothing beside it.
    @Test(arguments: [TextAccess.scores, .labels], [(2, 3), (6, 12), (20, 200)])
    func budgetsHold(access: TextAccess, budget: (words: Int, edits: Int)) throws {
        let made = try MadeLanguage(count: 40, seed: 7)
        var settings = settings(TextOperator.allCases, edits: budget.edits, words: budget.words, access: access)
        settings.queries = 60
        let result = try TextAttack(settings).run(made.problem, oracle: made.oracle, context: RunContext(seed: 1))
        #expect(result.queries == made.oracle.asked)
        #expect(result.attacks.map(\.name).last == "combined" && result.attacks.count == 9, "synonyms need a file")
        for attack in result.attacks {
            #expect(attack.count(.discarded) == 0)
            for (index, sample) in attack.samples.enumerated() {
                if attack.by != nil { #expect(sample.queries <= 60) }
                guard let text = sample.text else { continue }
                let before = made.problem.texts[index]
                #expect(made.oracle.score(text) < 0 && sample.label == 0 && made.oracle.score(before) >= 0)
                #expect(sample.edits <= budget.edits && sample.words <= budget.words && sample.edits > 0)
                #expect(slowDistance(Array(before.unicodeScalars), Array(text.unicodeScalars)) == sample.edits)
                #expect(slowDistance(before.split { $0 == " " }, text.split { $0 == " " }) == sample.words)
            }
        }
        let best = try #require(result.combined)
        for attack in result.attacks {
            for (one, other) in zip(attack.samples, best.samples) where one.outcome == .found {
                #expect(other.outcome == .found && other.edits <= one.edits)
            }
        }
    }

    /// Some texts alone, and all texts under other calls of the model, give the same bytes.
    @Test(arguments: [TextAccess.scores, .labels]) func resultsHangOnNothingBeside(access: TextAccess) throws {
        let made = try MadeLanguage(count: 24, seed: 9)
        let attack = TextAttack(settings(TextOperator.allCases, edits: 30, words: 6, access: access))
        let whole = try attack.run(made.problem, oracle: made.oracle, context: RunContext(seed: 4))
        #expect(whole == (try attack.run(made.problem, oracle: made.oracle, context: RunContext(seed: 4))))
        let picks = [3, 17, 4]
        let part = try TextProblem(
            texts: picks.map { made.problem.texts[$0] }, labels: [1, 1, 1], identifiers: picks,
            known: made.problem.known, knownLabels: made.problem.knownLabels)
        let alone = try attack.run(part, oracle: made.oracle, context: RunContext(seed: 4))
        for (one, other) in zip(alone.attacks, whole.attacks) {
            #expect(one.samples == picks.map { other.samples[$0] })
        }
    }

    /// Decisions alone suffice to find good words and to attack, at more queries and with a little more change.
    @Test func decisionsAloneSuffice() throws {
        let made = try MadeLanguage(count: 60, seed: 11)
        let kinds: [TextOperator] = [.goodWords, .homoglyphs]
        let scores = try TextAttack(settings(kinds)).run(made.problem, oracle: made.oracle, context: RunContext())
        let labels = try TextAttack(settings(kinds, access: .labels)).run(
            made.problem, oracle: made.oracle, context: RunContext())
        let list = try #require(labels.lists.first)
        #expect(list.words.count > 10 && list.words.allSatisfy { made.oracle.weights[$0.word, default: 0] < 0 })
        for (one, other) in zip(scores.attacks, labels.attacks) {
            #expect(Double(other.count(.found)) >= 0.9 * Double(one.count(.found)), "\(one.name)")
            let words = (one.found.reduce(0) { $0 + $1.words }, other.found.reduce(0) { $0 + $1.words })
            #expect(words.1 <= 2 * words.0 && words.0 <= words.1)
        }
    }

    /// An oracle that lies the second time it sees a text: what it retracts is no success.
    @Test func everySuccessIsAskedAgain() throws {
        let result = try TextAttack(settings([.removal])).run(
            try TextProblem(texts: ["win cash now"], labels: [1], identifiers: [0]), oracle: Fickle(),
            context: RunContext())
        #expect(result.attacks[0].samples[0].outcome == .discarded && result.attacks[0].found.isEmpty)
    }

    /// With no time at all nothing is claimed; texts without a word, and too long ones, are no successes.
    @Test func unusualTexts() throws {
        let model = BagOfWords(["cash": 5], bias: -1)
        let texts = ["", "   \r\n ", "cash", "cash\r\ncash 👨‍👩‍👧 e\u{301}", String(repeating: "cash ", count: 9_000)]
        let problem = try TextProblem(texts: texts, labels: [0, 0, 1, 1, 1], identifiers: [5, 6, 7, 8, 9])
        let result = try TextAttack(settings([.removal, .typos, .zeroWidth, .whitespace])).run(
            problem, oracle: model, context: RunContext())
        for attack in result.attacks {
            #expect(attack.samples[4].outcome == .tooLong && attack.samples[0].outcome == .notFound)
            #expect(attack.samples[2].outcome == .found && attack.samples[3].outcome == .found, "\(attack.name)")
            let text = try #require(attack.samples[3].text)
            #expect(text.unicodeScalars.suffix(8).elementsEqual(texts[3].unicodeScalars.suffix(8)), "\(attack.name)")
        }
        let none = try TextAttack(settings([.removal])).run(
            problem, oracle: model, context: RunContext(deadline: ContinuousClock.now - .seconds(1)))
        #expect(none.isPartial && none.attacks[0].found.isEmpty && none.attacks[0].count(.unfinished) == 4)
    }

    /// Synonyms come from the file, in the shape of the word they replace.
    @Test func synonymsComeFromTheFile() throws {
        let model = BagOfWords(["cash": 5, "prize": 1], bias: -1)
        let neighbours = WordNeighbours([("cash", "money", 0.9), ("cash", "prize", 0.95), ("cash", "sum", 0.1)])
        let problem = try TextProblem(
            texts: ["Cash, now", "(CASH)"], labels: [1, 1], identifiers: [0, 1], neighbours: neighbours)
        let result = try TextAttack(settings([.synonyms])).run(problem, oracle: model, context: RunContext())
        #expect(result.attacks[0].samples.map(\.text) == ["Money, now", "(MONEY)"])
        #expect(
            result.attacks[0].samples.map(\.edits) == [5, 5].map { _ in slowDistance(Array("cash"), Array("money")) })
    }
}

/// Says 1 to the original, 0 to a changed text seen for the first time, 1 to all it has seen.
private final class Fickle: TextOracle {
    private let inner = BagOfWords(["win": 1, "cash": 1, "now": 1], bias: -1)
    var classes: Int { 2 }
    var scale: TextAnswers.Scale { .values }
    func answer(_ texts: [String]) -> TextAnswers {
        let isAgain = inner.calls > 2 && texts.count == 1
        let labels = texts.map { $0 == "win cash now" || isAgain ? Int32(1) : 0 }
        _ = inner.answer(texts)
        return TextAnswers(labels: labels, scores: labels.flatMap { [Float(1 - $0), Float($0)] })
    }
}

/// Levenshtein distance by the plain recurrence.
func slowDistance<Element: Equatable>(_ one: [Element], _ other: [Element]) -> Int {
    var above = Array(0...other.count)
    for (row, element) in one.enumerated() {
        var current = [row + 1]
        for column in other.indices {
            current.append(
                min(above[column] + (element == other[column] ? 0 : 1), above[column + 1] + 1, current[column] + 1))
        }
        above = current
    }
    return above[other.count]
}
