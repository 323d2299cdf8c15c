import CasemateCore
import Foundation

/// The nearest other rows of each row in a space, none of them a copy of it.
struct LabelNeighbours: Sendable {
    /// Rows kept for each row, so that a vote still has its number when some are left out.
    private static let kept = 24
    /// `[count, kept]`, the nearest first; -1 where there are no more.
    private let rows: [Int32]
    private let count: Int

    /// Looks for neighbours among at most `pool` rows, drawn by the seed.
    init(_ rows: LabelRows, _ space: LabelSpace, pool: Int, context: RunContext) throws {
        count = rows.count
        let firsts = (0..<rows.count).filter { rows.groups[$0] == $0 }
        var generator = SeededGenerator(seed: context.seed, stream: 0x4B4E)
        let members =
            firsts.count <= pool ? firsts : Array(firsts.shuffled(using: &generator).prefix(pool)).sorted()
        let step = space.stride
        let index = try HnswIndex(
            members.flatMap { space.points[$0 * step..<($0 + 1) * step] }, stride: step, seed: context.seed,
            cancellation: context.cancellation)
        let total = rows.count
        let chunk = 512
        let (kept, groups) = (Self.kept, rows.groups)
        let parts = try ParallelTasks.map((total + chunk - 1) / chunk, threads: context.threads) { part in
            try context.cancellation.check()
            var found = [Int32]()
            for row in part * chunk..<min(total, (part + 1) * chunk) {
                let nearest = try space.points.withUnsafeBufferPointer { points in
                    try points.baseAddress.map { try index.nearest(min(kept + 1, members.count), to: $0 + row * step) }
                }
                let others = (nearest ?? []).map { members[$0.row] }.filter { groups[row] != $0 }.prefix(kept)
                found += others.map(Int32.init) + [Int32](repeating: -1, count: kept - others.count)
            }
            return found
        }
        self.rows = parts.flatMap { $0 }
    }

    /// The vote of the `votes` nearest rows that are not left out.
    func view(_ labels: [Int32], classes: Int, votes: Int, leavingOut isLeftOut: [Bool]) -> LabelView {
        LabelViews.view(probabilities: shares(labels, classes: classes, votes: votes, isLeftOut), classes: classes)
    }

    /// Share of each class among those neighbours, `[count, classes]`.
    private func shares(_ labels: [Int32], classes: Int, votes: Int, _ isLeftOut: [Bool]) -> [Double] {
        var result = [Double](repeating: 0, count: count * classes)
        for row in 0..<count {
            var cast = 0
            for place in row * Self.kept..<(row + 1) * Self.kept where cast < votes {
                let other = Int(rows[place])
                guard other >= 0, !isLeftOut[other] else { continue }
                result[row * classes + Int(labels[other])] += 1
                cast += 1
            }
            for index in 0..<classes {
                let value = result[row * classes + index]
                result[row * classes + index] = cast > 0 ? value / Double(cast) : 1 / Double(classes)
            }
        }
        return result
    }

    /// Share of the nearest `votes` rows whose label differs, for each row.
    func disagreement(_ labels: [Int32], classes: Int, votes: Int) -> [Double] {
        let shares = shares(labels, classes: classes, votes: votes, [Bool](repeating: false, count: count))
        return labels.indices.map { 1 - shares[$0 * classes + Int(labels[$0])] }
    }
}
