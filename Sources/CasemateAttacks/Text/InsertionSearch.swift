import CasemateCore

/// Appends good words, one after the other as the list says, until the decision turns or the budget is spent.
///
/// Source: Lowd and Meek, "Good word attacks on statistical spam filters", CEAS 2005. For a model that adds up weights
/// of words, the list by falling weight gives the smallest number of words.
struct InsertionSearch {
    let by: TextOperator
    let lists: [Int32: GoodWordList]

    func run(_ session: inout TextSession) throws {
        try session.begin()
        var active = session.open
        var drafts: [Int: TextDraft] = [:]
        var resistance = Dictionary(uniqueKeysWithValues: active.map { ($0, session.states[$0].resistance) })
        var queues = Dictionary(uniqueKeysWithValues: active.map { ($0, queue($0, session)) })
        while !active.isEmpty, try session.goesOn() {
            var wanted: [(index: Int, drafts: [TextDraft])] = []
            for index in active {
                let draft = drafts[index] ?? TextDraft()
                while var words = queues[index], !words.isEmpty {
                    let change = TextChange(appending: words.removeFirst(), by)
                    queues[index] = words
                    guard session.fits(draft, [change]) else { continue }
                    wanted.append((index, [draft.adding([change])]))
                    break
                }
            }
            active = []
            for ((index, answers), (_, tried)) in zip(try session.ask(wanted), wanted) {
                guard let answer = answers.first else { continue }
                if answer.isFlipped {
                    session.keep(tried[0], for: index)
                    continue
                }
                active.append(index)
                // why: without scores nothing says that a word did not help.
                if session.settings.access == .scores, answer.resistance >= resistance[index] ?? 0 { continue }
                (drafts[index], resistance[index]) = (tried[0], answer.resistance)
            }
        }
        try session.reduce()
        session.finish()
    }

    /// Words of the list that the text lacks.
    private func queue(_ index: Int, _ session: TextSession) -> ArraySlice<String> {
        Self.queue(lists, by, session.states[index])
    }
    static func queue(
        _ lists: [Int32: GoodWordList], _ by: TextOperator, _ state: TextSession.State
    ) -> ArraySlice<String> {
        var words = lists[state.label]?.words ?? []
        if by == .firstGoodWords { words.sort { $0.found < $1.found } }
        return words.map(\.word).filter { !state.pieces.keys.contains($0) }[...]
    }
}
