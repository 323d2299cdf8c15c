/// Finds the known name that a mistyped one was probably meant to be.
public enum Suggestion {
    /// The nearest of `known` to `name` by edit distance, or `nil` when none is near enough to be a slip.
    ///
    /// Near enough: at most a third of the longer name's letters (at least one) differ; upper and lower case are one.
    public static func nearest(to name: String, among known: some Sequence<String>) -> String? {
        let wanted = Array(name.lowercased().prefix(64))
        var best: (distance: Int, name: String)?
        for candidate in known {
            let letters = Array(candidate.lowercased().prefix(64))
            let distance = editDistance(wanted, letters)
            guard distance <= max(1, max(wanted.count, letters.count) / 3) else { continue }
            if distance < best?.distance ?? Int.max { best = (distance, candidate) }
        }
        return best?.name
    }

    /// `, did you mean 'x'?` or nothing, to be put behind a message.
    public static func clause(for name: String, among known: some Sequence<String>) -> String {
        nearest(to: name, among: known).map { ", did you mean '\($0)'?" } ?? ""
    }

    /// Optimal string alignment distance: insertions, deletions, substitutions and swaps of neighbours.
    static func editDistance(_ first: [Character], _ second: [Character]) -> Int {
        if first.isEmpty || second.isEmpty { return max(first.count, second.count) }
        var older = [Int](repeating: 0, count: second.count + 1)
        var previous = Array(0...second.count)
        for row in 1...first.count {
            var current = [row] + [Int](repeating: 0, count: second.count)
            for column in 1...second.count {
                let same = first[row - 1] == second[column - 1]
                current[column] = min(
                    previous[column] + 1, current[column - 1] + 1, previous[column - 1] + (same ? 0 : 1))
                if row > 1, column > 1, first[row - 1] == second[column - 2], first[row - 2] == second[column - 1] {
                    current[column] = min(current[column], older[column - 2] + 1)
                }
            }
            (older, previous) = (previous, current)
        }
        return previous[second.count]
    }
}
