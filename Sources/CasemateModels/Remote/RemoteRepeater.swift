import Synchronization

/// Chooses rows that are asked a second time: two after the first answers, then whenever the number of rows asked has
/// doubled, never more than a bound.
final class RemoteRepeater: Sendable {
    private struct State {
        var remembered: [(rows: RemoteRows, answer: RemoteAnswer)] = []
        var seen = 0, done = 0, next = 1
    }
    private static let size = 32
    private let state = Mutex(State())
    private let most: Int

    init(most: Int) { self.most = most }

    /// Remembers some of the rows that were answered, evenly over the run.
    func remember(_ rows: RemoteRows, _ answers: [RemoteAnswer]) {
        guard most > 0 else { return }
        state.withLock { state in
            for row in answers.indices {
                defer { state.seen += 1 }
                // why: the n-th row replaces an older one with a falling share, so that old and new ones are there.
                let isKept = state.remembered.count < Self.size || state.seen % max(1, state.seen / Self.size) == 0
                guard isKept else { continue }
                let item = (rows: rows.rows([row]), answer: answers[row])
                if state.remembered.count < Self.size {
                    state.remembered.append(item)
                } else {
                    state.remembered[state.seen / 7 % Self.size] = item
                }
            }
        }
    }

    /// Rows that are due after `asked` rows were asked, with their answers.
    func due(asked: Int) -> (RemoteRows, [RemoteAnswer])? {
        state.withLock { state in
            guard asked >= state.next, state.done < most, !state.remembered.isEmpty else { return nil }
            let count = min(2, most - state.done, state.remembered.count)
            let chosen = (0..<count).map { state.remembered[(state.done + $0) * 5 % state.remembered.count] }
            state.done += count
            state.next = max(32, asked) * 2
            return RemoteRows(joining: chosen.map(\.rows)).map { ($0, chosen.map(\.answer)) }
        }
    }
}

extension RemoteRows {
    /// Rows of the same kind, one after the other; `nil` for none.
    init?(joining parts: [RemoteRows]) {
        guard let first = parts.first else { return nil }
        let count = parts.reduce(0) { $0 + $1.count }
        switch first.storage {
        case .matrix(_, let width):
            var values: [Float] = []
            for part in parts { if case .matrix(let more, _) = part.storage { values += more } }
            self.init(matrix: values, count: count, width: width)
        case .columns(let columns):
            let joined = columns.indices.map { index -> Column in
                var (floats, doubles, texts) = ([Float](), [Double](), [String]())
                for part in parts {
                    guard case .columns(let others) = part.storage else { continue }
                    switch others[index] {
                    case .floats(let values): floats += values
                    case .doubles(let values): doubles += values
                    case .texts(let values): texts += values
                    }
                }
                return texts.count == count
                    ? .texts(texts) : doubles.count == count ? .doubles(doubles) : .floats(floats)
            }
            self.init(columns: joined, count: count)
        }
    }
}
