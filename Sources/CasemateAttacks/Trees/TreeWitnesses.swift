import CasemateData
import CasemateModels

/// Rows made of leaves that meet: judged by the model, tidied, held against the rules of the space.
final class TreeWitnesses {
    /// What became of a row.
    enum Outcome {
        /// It is of another class.
        case kept
        /// It is of the same class.
        case unchanged
        /// It is of another class, and the space does not allow it.
        case forbidden
    }
    /// Class of the row at the start.
    let predicted: Int32
    /// The cheapest row so far, its class, and its cost.
    private(set) var best: [Float]?
    private(set) var bestLabel: Int32?
    private(set) var cost = Double.infinity

    private let grid: TreeGrid
    private let rule: TreeRule
    private let space: FeatureSpace?
    private let judge: TreeJudge
    private let row: TreeRow
    private let norm: FeatureSpace.Norm
    /// Cells looked at for one variable when a row is tidied.
    private static let mostCells = 24

    init(_ robustness: TreeRobustness, _ row: TreeRow, norm: FeatureSpace.Norm) {
        (grid, rule, space) = (robustness.grid, robustness.rule, robustness.space)
        (self.row, self.norm) = (row, norm)
        judge = TreeJudge(grid, rule)
        predicted = judge.label(row.values)
    }

    /// Makes a row in the cells nearest to the start where leaves meet.
    func take(_ meeting: TreeSearch.Meeting) -> Outcome {
        var moves = self.moves(meeting)
        guard flips(moves) else { return .unchanged }
        tidy(&moves)
        let candidate = values(moves)
        guard rule.label(candidate, grid) != predicted else { return .unchanged }
        guard let space, !space.violations(of: candidate, from: row.values).isEmpty else {
            return keep(candidate, moves.reduce(0) { joined($0, cost($1)) })
        }
        var mended = candidate
        guard space.repair(&mended, around: row.values), rule.label(mended, grid) != predicted,
            space.violations(of: mended, from: row.values).isEmpty
        else { return .forbidden }
        let distance = space.distance(norm, from: row.values, to: mended)
        _ = keep(mended, norm == .l2 ? distance * distance : distance)
        return .forbidden
    }

    private func keep(_ candidate: [Float], _ cost: Double) -> Outcome {
        if cost < self.cost { (best, self.cost, bestLabel) = (candidate, cost, rule.label(candidate, grid)) }
        return .kept
    }

    // MARK: Rows

    private struct Move {
        let variable: Int
        var cell: Int
    }

    private func moves(_ meeting: TreeSearch.Meeting) -> [Move] {
        var moves: [Move] = []
        for bound in meeting.bounds {
            let (variable, own) = (Int(bound.variable), row.own[Int(bound.variable)])
            let cell: Int
            if bound.high < 0 {
                cell = meeting.cells[variable] ?? Int(own)
            } else {
                cell = Int(bound.low > own ? bound.low : bound.high < own ? bound.high : own)
            }
            if cell != Int(own) { moves.append(Move(variable: variable, cell: cell)) }
        }
        return moves
    }

    private func cost(_ move: Move) -> Double { row.costs[grid.cellStart[move.variable] + move.cell] }
    private func joined(_ one: Double, _ other: Double) -> Double { norm == .linf ? max(one, other) : one + other }

    private func values(_ moves: [Move]) -> [Float] {
        var values = row.values
        for move in moves { row.set(&values, grid, move.variable, move.cell, space) }
        return values
    }

    private func flips(_ moves: [Move]) -> Bool { judge.label(values(moves)) != predicted }

    /// Takes moves back, the dearest first, as long as the class stays another; then shortens what is left.
    private func tidy(_ moves: inout [Move]) {
        moves.sort { (cost($1), $0.variable) < (cost($0), $1.variable) }
        var index = 0
        while index < moves.count {
            let move = moves.remove(at: index)
            if flips(moves) { continue }
            moves.insert(move, at: index)
            index += 1
        }
        for index in moves.indices where grid.variables[moves[index].variable].isNumber {
            let (move, own) = (moves[index], Int(row.own[moves[index].variable]))
            let step = move.cell > own ? 1 : -1
            var cell = own + step
            for _ in 0..<Self.mostCells {
                if cell == move.cell { break }
                moves[index].cell = cell
                if cost(moves[index]) < .infinity, flips(moves) { break }
                moves[index].cell = move.cell
                cell += step
            }
        }
    }
}
