import CasemateCore

/// All operators at once, greedily by what an edit buys, then by what a word buys: at each step the next words of the
/// ranking under every operator and the next good words, of which the one is taken that lowers the score most for its
/// cost. Needs scores.
struct MixedSearch {
    let operators: [TextOperator]
    let lists: [Int32: GoodWordList]
    /// Groups of words and good words that are looked at in one step, and variants of each operator.
    static let breadth = 5

    private struct Walk {
        var words: WordSearch.Walk
        var good: ArraySlice<String>
    }

    func run(_ session: inout TextSession) throws {
        try session.begin()
        let ranking = try session.goesOn() ? WordSearch.rank(&session) : []
        // why twice: many cheap changes can use up the words that a few dear ones need, and the other way round.
        for isByEdits in [true, false] {
            var walks = ranking.compactMap { index, groups -> Walk? in
                let state = session.states[index]
                guard state.best == nil else { return nil }
                return Walk(
                    words: WordSearch.Walk(index: index, groups: groups, resistance: state.resistance),
                    good: InsertionSearch.queue(lists, .goodWords, state))
            }
            while !walks.isEmpty, try session.goesOn() { walks = try step(walks, isByEdits: isByEdits, &session) }
        }
        try session.reduce()
        session.finish()
    }

    private func step(_ walks: [Walk], isByEdits: Bool, _ session: inout TextSession) throws -> [Walk] {
        let offers = walks.map { self.offers($0, session) }
        let wanted = zip(walks, offers).map { walk, offers in
            (index: walk.words.index, drafts: offers.map { walk.words.draft.adding($0.changes) })
        }
        var next: [Walk] = []
        for ((walk, answers), (offers, drafts)) in zip(
            zip(walks, try session.ask(wanted).map(\.answers)), zip(offers, wanted.map(\.drafts)))
        {
            guard !answers.isEmpty else { continue }
            let flips = zip(drafts, answers).filter { $0.1.isFlipped }.map(\.0)
            if let cheapest = flips.min(by: { ($0.edits, $0.words) < ($1.edits, $1.words) }) {
                session.keep(cheapest, for: walk.words.index)
            } else if answers.count == drafts.count {
                next.append(moved(walk, offers, drafts, answers, isByEdits: isByEdits))
            }
        }
        return next
    }

    /// Changes that could be next, each with the group or the word that it uses up.
    private func offers(_ walk: Walk, _ session: TextSession) -> [(changes: [TextChange], group: Int?)] {
        var result: [(changes: [TextChange], group: Int?)] = []
        for group in walk.words.groups.prefix(Self.breadth) {
            for kind in operators where !kind.isInsertion {
                let variants = WordSearch.variants(of: group, kind, walk.words.index, session)
                    .filter { session.fits(walk.words.draft, $0) }
                result += variants.prefix(Self.breadth).map { ($0, group) }
            }
        }
        guard operators.contains(where: \.isInsertion) else { return result }
        for word in walk.good.prefix(Self.breadth) {
            let change = TextChange(appending: word, .goodWords)
            if session.fits(walk.words.draft, [change]) { result.append(([change], nil)) }
        }
        return result
    }

    /// The walk after the step that buys most for an edit; what was looked at and bought nothing is not looked at
    /// again.
    private func moved(
        _ walk: Walk, _ offers: [(changes: [TextChange], group: Int?)], _ drafts: [TextDraft],
        _ answers: [TextSession.Answer], isByEdits: Bool
    ) -> Walk {
        var next = walk
        let gains = answers.indices.map { index in
            let (draft, before) = (drafts[index], walk.words.draft)
            let cost = isByEdits ? draft.edits - before.edits : draft.words - before.words
            return (walk.words.resistance - answers[index].resistance) / Double(max(1, cost))
        }
        guard let best = gains.indices.max(by: { (gains[$0], -$0) < (gains[$1], -$1) }), gains[best] > 0 else {
            next.words.groups = Array(walk.words.groups.dropFirst(Self.breadth))
            next.good = walk.good.dropFirst(Self.breadth)
            return next
        }
        (next.words.draft, next.words.resistance) = (drafts[best], answers[best].resistance)
        if let group = offers[best].group {
            next.words.groups.removeAll { $0 == group }
        } else if let word = offers[best].changes.first?.appended {
            next.good = ArraySlice(walk.good.filter { $0 != word })
        }
        return next
    }
}
