import CasemateCore
import CasemateData

/// Training rows whose answer hangs on a single value: what poisoned rows look like to the model that learnt them.
struct BranchRows {
    let session: BranchSession
    let grid: BranchGrid
    /// Training rows that lend their values.
    let donors: [Int]

    /// For each feature the rows that fall farthest when its value is exchanged, at most `same` each.
    func candidates(rows: Int, same: Int) throws -> [BranchCandidate] {
        let chosen = session.draw(rows, stream: 0xB0B)
        let lent = Array(donors.prefix(3))
        var best: [[BranchCandidate]] = Array(repeating: [], count: session.width)
        for start in stride(from: 0, to: chosen.count, by: 64) {
            let part = Array(chosen[start..<min(chosen.count, start + 64)])
            var asked: [Float] = []
            for index in part {
                let row = session.row(index)
                for feature in 0..<session.width {
                    for donor in lent {
                        var changed = row
                        changed[feature] = session.rows.values[donor * session.width + feature]
                        asked += changed
                    }
                }
            }
            let scores = try session.ask(asked)
            var place = 0
            for index in part {
                for feature in 0..<session.width {
                    let gaps = lent.indices.map { session.scores[index] - scores[place + $0] }
                    place += lent.count
                    // why: the middle one of three exchanges; a single donor may sit in the region too.
                    let order = gaps.indices.sorted { gaps[$0] < gaps[$1] }
                    let middle = order[order.count / 2]
                    guard abs(gaps[middle]) > 0.1 else { continue }
                    if best[feature].count >= same, abs(gaps[middle]) <= abs(best[feature][same - 1].gap) { continue }
                    let row = session.row(index)
                    var base = row
                    base[feature] = session.rows.values[lent[middle] * session.width + feature]
                    best[feature].append(BranchCandidate(row: row, base: base, origin: .rows, gap: gaps[middle]))
                    best[feature].sort { abs($0.gap) > abs($1.gap) }
                    best[feature] = Array(best[feature].prefix(same))
                }
            }
        }
        return best.joined().sorted { abs($0.gap) > abs($1.gap) }
    }
}
