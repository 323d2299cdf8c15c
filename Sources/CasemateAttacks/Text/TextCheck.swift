import CasemateCore

/// Checks what searches found, with nothing of theirs but the text: the model is asked again, edits and words are
/// counted anew, and the text is asked about once more after normalisation.
struct TextCheck {
    let problem: TextProblem
    let settings: TextAttackSettings
    let oracle: any TextOracle

    /// Samples of a finished search.
    func attack(
        _ session: TextSession, by kind: TextOperator?, _ queries: inout Int
    ) throws -> TextAttackResult.Attack {
        let found = session.states.indices.filter { session.states[$0].outcome == .found }
        let texts = found.map { session.states[$0].best?.text(session.states[$0].pieces) ?? "" }
        let labels = try labels(texts, &queries)
        let normalised = try self.labels(texts.map(settings.normaliser.normalise), &queries)
        var successes: [Int: TextAttackResult.Sample] = [:]
        for (position, index) in found.enumerated() {
            successes[index] = sample(
                session.states[index], texts[position], index, label: labels[position],
                normalised: normalised[position])
        }
        let samples = session.states.indices.map { index in
            successes[index] ?? failure(session.states[index], session.states[index].outcome ?? .notFound)
        }
        return TextAttackResult.Attack(by: kind, samples: samples)
    }

    private func sample(
        _ state: TextSession.State, _ text: String, _ index: Int, label: Int32, normalised: Int32
    ) -> TextAttackResult.Sample {
        let before = problem.texts[index]
        guard label != problem.labels[index],
            let edits = TextRecount.edits(from: before, to: text, limit: settings.edits),
            let words = TextRecount.words(from: before, to: text, limit: settings.words)
        else { return failure(state, .discarded) }
        let used = Set(state.best?.changes.map(\.by) ?? [])
        return TextAttackResult.Sample(
            identifier: state.identifier, outcome: .found, text: text, label: label, edits: edits, words: words,
            operators: TextOperator.allCases.filter(used.contains), queries: state.queries,
            survivesNormalisation: normalised != problem.labels[index],
            hasSurvivor: normalised != problem.labels[index])
    }

    private func failure(
        _ state: TextSession.State, _ outcome: TextAttackResult.Outcome
    ) -> TextAttackResult.Sample {
        TextAttackResult.Sample(
            identifier: state.identifier, outcome: outcome, text: nil, label: nil, edits: 0, words: 0, operators: [],
            queries: state.queries, survivesNormalisation: false, hasSurvivor: false)
    }

    /// Decision on each text of the problem after normalisation.
    func normalisedLabels(_ queries: inout Int) throws -> [Int32] {
        try labels(problem.texts.map(settings.normaliser.normalise), &queries)
    }

    /// A list with how many attacked texts its words turn, each alone and together with those before it. They were
    /// chosen on other texts.
    func measured(_ list: GoodWordList, on attacked: [Int], _ queries: inout Int) throws -> GoodWordList {
        let own = attacked.filter { problem.labels[$0] == list.label }
        var list = list
        list.measured = own.count
        var together = own.map { problem.texts[$0] }
        for place in list.words.indices.prefix(max(20, settings.words)) {
            let word = list.words[place].word
            together = together.map { GoodWordSearch.appended($0, word) }
            let alone = try labels(own.map { GoodWordSearch.appended(problem.texts[$0], word) }, &queries)
            list.words[place].flips = alone.count { $0 != list.label }
            list.words[place].flipsTogether = try labels(together, &queries).count { $0 != list.label }
        }
        return list
    }

    private func labels(_ texts: [String], _ queries: inout Int) throws -> [Int32] {
        queries += texts.count
        var result: [Int32] = []
        for start in stride(from: 0, to: texts.count, by: 4_096) {
            let block = Array(texts[start..<min(start + 4_096, texts.count)])
            let labels = try oracle.answer(block).labels
            guard labels.count == block.count else {
                throw CasemateError(
                    .mismatch, at: "model", "\(labels.count) answers to \(block.count) texts",
                    help: "every text needs one answer")
            }
            result += labels
        }
        return result
    }
}
