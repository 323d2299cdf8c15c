import CasemateCore

/// Changes words where they stand, those first that speak most for the right decision: rank by leaving each word out,
/// then the best variant of the next word until the decision turns or the budget is spent, then take back what is not
/// needed. Needs scores.
///
/// Sources: Gao et al., "DeepWordBug", 2018 and Li et al., "TextBugger", NDSS 2019, for the ranking by deletion; Jin et
/// al., "TextFooler", AAAI 2020, for the greedy walk. Ours: equal words are ranked and changed together, since one of
/// two copies may mean nothing by itself.
struct WordSearch {
    let by: TextOperator

    func run(_ session: inout TextSession) throws {
        try session.begin()
        var walks = try ranked(&session)
        while !walks.isEmpty, try session.goesOn() { walks = try step(walks, &session) }
        try session.reduce()
        session.finish()
    }

    /// The way of one text: which groups of words are next, and what was changed so far.
    struct Walk {
        let index: Int
        var groups: [Int]
        var draft = TextDraft()
        var resistance: Double
    }

    /// Groups of words by how much the score falls without them; words that speak for the other side are left out.
    private func ranked(_ session: inout TextSession) throws -> [Walk] {
        guard try session.goesOn() else { return [] }
        return try Self.rank(&session).map { index, groups in
            Walk(index: index, groups: groups, resistance: session.states[index].resistance)
        }
    }

    /// The ranking of every open text.
    static func rank(_ session: inout TextSession) throws -> [(index: Int, groups: [Int])] {
        let wanted = session.open.map { index -> (index: Int, drafts: [TextDraft]) in
            let pieces = session.states[index].pieces
            var generator = SeededGenerator(seed: 0)
            return (
                index,
                pieces.groups.map { group in
                    TextDraft().adding(
                        group.flatMap { session.variants.changes(of: $0, in: pieces, by: .removal, &generator) })
                }
            )
        }
        return try session.ask(wanted).map { index, answers in
            let falls = answers.map { session.states[index].resistance - $0.resistance }
            // why 0 stays: saturated scores do not move, and their words are all that is left to try.
            let order = falls.indices.filter { falls[$0] >= 0 }.sorted { (-falls[$0], $0) < (-falls[$1], $1) }
            return (index, order)
        }
    }

    /// One more group of words of every text.
    private func step(_ walks: [Walk], _ session: inout TextSession) throws -> [Walk] {
        var wanted: [(index: Int, drafts: [TextDraft])] = []
        var active: [Walk] = []
        for var walk in walks {
            var drafts: [TextDraft] = []
            while drafts.isEmpty, !walk.groups.isEmpty {
                let group = walk.groups.removeFirst()
                drafts = Self.variants(of: group, by, walk.index, session)
                    .filter { session.fits(walk.draft, $0) }.map { walk.draft.adding($0) }
            }
            guard !drafts.isEmpty else { continue }
            active.append(walk)
            wanted.append((walk.index, drafts))
        }
        var next: [Walk] = []
        for ((walk, answers), (_, drafts)) in zip(zip(active, try session.ask(wanted).map(\.answers)), wanted) {
            var walk = walk
            let flips = zip(drafts, answers).filter { $0.1.isFlipped }.map(\.0)
            if let cheapest = flips.min(by: { ($0.edits, $0.words) < ($1.edits, $1.words) }) {
                session.keep(cheapest, for: walk.index)
                continue
            }
            guard answers.count == drafts.count else { continue }
            if let best = answers.indices.min(by: { answers[$0].resistance < answers[$1].resistance }),
                answers[best].resistance < walk.resistance
            {
                (walk.draft, walk.resistance) = (drafts[best], answers[best].resistance)
            }
            next.append(walk)
        }
        return next
    }

    /// Variants of a group of equal words: each changes all of its places.
    static func variants(
        of group: Int, _ by: TextOperator, _ index: Int, _ session: TextSession
    ) -> [[TextChange]] {
        let pieces = session.states[index].pieces
        let purpose = UInt64(TextOperator.allCases.firstIndex(of: by) ?? 0) + 1
        var generator = session.generator(index, purpose | UInt64(group) << 32)
        let each = pieces.groups[group].map {
            session.variants.changes(of: $0, in: pieces, by: by, &generator)
        }.filter { !$0.isEmpty }
        guard let most = each.map(\.count).max() else { return [] }
        return (0..<most).map { choice in each.map { $0[choice % $0.count] } }
    }
}
