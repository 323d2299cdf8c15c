import CasemateCore

/// Changes words when only decisions are seen: everything at once, then the shortest part of a random order that still
/// turns the decision by binary search, then each change taken back that is not needed. Several orders, the cheapest
/// success within the budget counts; what is asked on the way may exceed the budget.
struct BlindSearch {
    let operators: [TextOperator]
    let lists: [Int32: GoodWordList]
    /// Orders that are tried.
    static let orders = 8

    private struct Walk {
        let index: Int
        /// Changes in the order tried; each entry stays or goes as one.
        var steps: [[TextChange]]
        var low = 0, high: Int
    }

    func run(_ session: inout TextSession) throws {
        try session.begin()
        for order in 0..<Self.orders {
            guard try session.goesOn() else { break }
            let tries = session.open.map { Walk(index: $0, steps: steps($0, order, session), high: 0) }
            var walks = try turned(tries, &session)
            try shorten(&walks, &session)
            try spare(&walks, &session)
        }
        session.finish()
    }

    /// What could be changed, in random order.
    private func steps(_ index: Int, _ order: Int, _ session: TextSession) -> [[TextChange]] {
        let state = session.states[index]
        var generator = session.generator(index, 0x40 | UInt64(order) << 4)
        var steps: [[TextChange]] = []
        for group in state.pieces.groups.indices.shuffled(using: &generator) {
            let choices = operators.flatMap { WordSearch.variants(of: group, $0, index, session) }
            let cheapest = choices.map { $0.reduce(0) { $0 + $1.edits } }.min() ?? 0
            let affordable = order == 0 ? choices.filter { $0.reduce(0) { $0 + $1.edits } == cheapest } : choices
            guard !affordable.isEmpty else { continue }
            steps.append(affordable[Int(generator.next() % UInt64(affordable.count))])
        }
        if operators.contains(where: \.isInsertion) {
            let words = InsertionSearch.queue(lists, .goodWords, state).prefix(session.settings.words)
            steps.insert(
                contentsOf: words.map { [TextChange(appending: $0, .goodWords)] }, at: order == 0 ? 0 : steps.count)
        }
        var draft = TextDraft()
        return steps.filter { step in
            guard draft.takes(step) else { return false }
            draft = draft.adding(step)
            return true
        }
    }

    private func draft(_ steps: some Sequence<[TextChange]>) -> TextDraft { TextDraft().adding(steps.flatMap { $0 }) }

    /// Texts that turn when everything is changed.
    private func turned(_ walks: [Walk], _ session: inout TextSession) throws -> [Walk] {
        let wanted = walks.map { (index: $0.index, drafts: [draft($0.steps)]) }
        return zip(walks, try session.ask(wanted)).compactMap { walk, answer in
            guard answer.answers.first?.isFlipped == true else { return nil }
            var walk = walk
            walk.high = walk.steps.count
            return walk
        }
    }

    /// Binary search for the shortest part that turns the decision.
    private func shorten(_ walks: inout [Walk], _ session: inout TextSession) throws {
        while try session.goesOn() {
            let active = walks.indices.filter { walks[$0].high - walks[$0].low > 1 }
            if active.isEmpty { break }
            let wanted = active.map { place in
                let walk = walks[place]
                return (index: walk.index, drafts: [draft(walk.steps.prefix((walk.low + walk.high) / 2))])
            }
            for (place, answer) in zip(active, try session.ask(wanted)) {
                let middle = (walks[place].low + walks[place].high) / 2
                guard let answer = answer.answers.first else {
                    walks[place].low = walks[place].high
                    continue
                }
                if answer.isFlipped { walks[place].high = middle } else { walks[place].low = middle }
            }
        }
        for place in walks.indices { walks[place].steps = Array(walks[place].steps.prefix(walks[place].high)) }
        for walk in walks { keep(walk, &session) }
    }

    /// Takes changes back one by one, the dearest first; what is not needed stays out.
    private func spare(_ walks: inout [Walk], _ session: inout TextSession) throws {
        for place in walks.indices {
            walks[place].steps.sort { cost($0) > cost($1) }
            walks[place].low = 0
        }
        while try session.goesOn() {
            let ready = walks.indices.filter { walks[$0].low < walks[$0].steps.count && walks[$0].steps.count > 1 }
            if ready.isEmpty { break }
            let wanted = ready.map { place -> (index: Int, drafts: [TextDraft]) in
                var steps = walks[place].steps
                steps.remove(at: walks[place].low)
                return (walks[place].index, [draft(steps)])
            }
            for (place, answer) in zip(ready, try session.ask(wanted)) {
                if answer.answers.first?.isFlipped == true {
                    walks[place].steps.remove(at: walks[place].low)
                } else {
                    walks[place].low += 1
                }
            }
        }
        for walk in walks { keep(walk, &session) }
    }

    private func cost(_ step: [TextChange]) -> Int { step.reduce(0) { $0 + $1.edits } }

    private func keep(_ walk: Walk, _ session: inout TextSession) {
        let success = draft(walk.steps)
        guard success.edits <= session.settings.edits, success.words <= session.settings.words else { return }
        session.keep(success, for: walk.index)
    }
}
