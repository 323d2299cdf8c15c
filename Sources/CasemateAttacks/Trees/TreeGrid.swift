import CasemateCore
import CasemateData
import CasemateModels

/// The cells into which all tests of an ensemble cut the table, variable by variable, and the trees over them.
///
/// A variable is a number with ascending cuts, or something with options that have no order: a category, a one-hot
/// group. Within a cell no test changes, so the answer of the trees does not change within a product of cells.
struct TreeGrid: Sendable {
    /// Where a number's next cell begins.
    struct Cut: Sendable {
        /// The smallest float32 above the cut.
        let first: Float
        /// The threshold itself: distances are measured to it, whether or not it can be reached.
        let edge: Double
    }
    /// A part of the row that moves by itself.
    struct Variable: Sendable {
        /// Features of the table: one, or the members of a one-hot group.
        let features: [Int]
        /// Ends of the cells of a number.
        var cuts: [Cut] = []
        /// Values of the features for each option; empty for a number.
        var options: [[Float]] = []
        /// Whether some test holds for cells that are no half-line, so that cells are kept as sets.
        var isSet = false
        /// Whether it is a number.
        var isNumber: Bool { options.isEmpty }
        /// Number of cells; a set has one more, for a row that is in none of them.
        var cells: Int { isNumber ? cuts.count + 1 : options.count }
        /// 64-bit words of a set of cells.
        var words: Int { cells / 64 + 1 }
    }
    /// A test of a variable, or a leaf.
    struct Node: Sendable {
        /// The variable; -1 for a leaf.
        var variable: Int32 = -1
        /// For half-lines: first cell behind the cut.
        var cut: Int32 = 0
        /// For sets: where in `sets` the cells begin for which the test holds; -1 for half-lines.
        var set: Int32 = -1
        /// For half-lines: whether the test holds in front of the cut.
        var holdsBelow = true
        /// Where to go on; leaves keep their place in the ensemble.
        var whenTrue: Int32 = 0, whenFalse: Int32 = 0
        /// Next test of a chain that leads to the same `whenTrue`; -1 for none.
        var chained: Int32 = -1
    }

    /// The ensemble.
    let ensemble: TreeEnsemble
    /// What each column of the ensemble's input is.
    let columns: [TreeColumn]
    /// Values of a row of the table.
    let width: Int
    /// Variables that some test looks at.
    private(set) var variables: [Variable] = []
    /// Nodes, at the places they have in the ensemble.
    private(set) var nodes: [Node]
    /// Sets of cells.
    private(set) var sets: [UInt64] = []
    /// First cell of each variable in lists over all cells, and their number at the end.
    private(set) var cellStart: [Int] = [0]

    /// Cuts the table.
    /// - Parameters:
    ///   - ensemble: The trees.
    ///   - columns: What their columns are; `nil` when rows are the columns themselves.
    ///   - space: Categories and one-hot groups; `nil` when all features are numbers.
    /// - Throws: `unsupported` for tests of columns that could not be followed; `mismatch`.
    init(_ ensemble: TreeEnsemble, columns: [TreeColumn]?, space: FeatureSpace?) throws(CasemateError) {
        self.ensemble = ensemble
        let columns = columns ?? (0..<ensemble.width).map { .number(feature: $0, offset: 0, scale: 1) }
        self.columns = columns
        guard columns.count >= ensemble.width else {
            throw CasemateError(
                .mismatch, at: "trees", "\(columns.count) columns for trees that read \(ensemble.width)",
                help: "say what every column is")
        }
        let used = Self.used(ensemble)
        width = try Self.width(columns, used: used, space: space)
        nodes = [Node](repeating: Node(), count: ensemble.nodes.count)
        let owners = makeVariables(used: used, space: space)
        chain()
        makeCuts(owners)
        makeTests(owners)
        for variable in variables { cellStart.append(cellStart[cellStart.count - 1] + variable.cells + 1) }
    }

    /// Columns that some test reads.
    private static func used(_ ensemble: TreeEnsemble) -> [Int] {
        var isUsed = [Bool](repeating: false, count: ensemble.width)
        for node in ensemble.nodes where node.mode != .leaf { isUsed[Int(node.column)] = true }
        return isUsed.indices.filter { isUsed[$0] }
    }

    private static func width(
        _ columns: [TreeColumn], used: [Int], space: FeatureSpace?
    ) throws(CasemateError) -> Int {
        var width = space?.features.count ?? columns.count
        for column in used {
            switch columns[column] {
            case .number(let feature, let offset, let scale):
                guard feature >= 0, offset.isFinite, scale.isFinite, scale != 0 else { throw unknown(column) }
                if space == nil { width = max(width, feature + 1) }
                guard feature < width else { throw unknown(column) }
            case .level(let feature, let level):
                guard let space, feature >= 0, feature < width, level >= 0,
                    space.features[feature].levels != nil
                else { throw unknown(column) }
            case .unknown: throw unknown(column)
            }
        }
        return width
    }

    private static func unknown(_ column: Int) -> CasemateError {
        CasemateError(
            .unsupported, at: "column \(column) of the trees", "it could not be followed back to the table",
            help:
                "bind the model to columns that scalers, one-hot encoders and pickers make, or use a query-based attack"
        )
    }

    /// Groups features into variables; the variable of each feature.
    private mutating func makeVariables(used: [Int], space: FeatureSpace?) -> [Int: Int] {
        var owners: [Int: Int] = [:]
        let groups = space?.oneHotGroups ?? []
        let groupOf = Dictionary(groups.enumerated().flatMap { group in group.element.map { ($0, group.offset) } }) {
            first, _ in first
        }
        for column in used {
            let feature: Int
            switch columns[column] {
            case .number(let index, _, _), .level(let index, _): feature = index
            case .unknown: continue
            }
            if owners[feature] != nil { continue }
            if let group = groupOf[feature] {
                let members = groups[group]
                for member in members { owners[member] = variables.count }
                var variable = Variable(features: members, isSet: true)
                variable.options = members.indices.map { hot in members.indices.map { $0 == hot ? 1 : 0 } }
                variables.append(variable)
                continue
            }
            owners[feature] = variables.count
            var variable = Variable(features: [feature])
            if let space, case .categorical(let levels, _) = space.rules[feature].domain {
                variable.options = (0..<max(levels, 1)).map { [Float($0)] }
                variable.isSet = true
            }
            variables.append(variable)
        }
        return owners
    }

    /// Joins tests in a row of the same column that lead to the same node where they hold, as converters write tests
    /// for a set of values.
    private mutating func chain() {
        let all = ensemble.nodes
        // why backwards: a chain behind a node is known before the node.
        for index in all.indices.reversed() where all[index].mode != .leaf {
            let node = all[index]
            nodes[index].whenTrue = node.whenTrue
            nodes[index].whenFalse = node.whenFalse
            let next = Int(node.whenFalse)
            if all[next].mode != .leaf, all[next].column == node.column, nodes[next].whenTrue == node.whenTrue {
                nodes[index].chained = Int32(next)
                nodes[index].whenFalse = nodes[next].whenFalse
            }
        }
    }

    /// Whether the test of a node, with those chained to it, holds for a value of its column.
    func holds(_ index: Int, _ value: Float) -> Bool {
        var index = index
        while true {
            if ensemble.holds(ensemble.nodes[index], value) { return true }
            guard nodes[index].chained >= 0 else { return false }
            index = Int(nodes[index].chained)
        }
    }

    // MARK: Cuts

    private mutating func makeCuts(_ owners: [Int: Int]) {
        var found = [[Cut]](repeating: [], count: variables.count)
        for node in ensemble.nodes where node.mode != .leaf {
            guard case .number(let feature, let offset, let scale) = columns[Int(node.column)],
                let owner = owners[feature], variables[owner].isNumber
            else { continue }
            for cut in ensemble.cuts(of: node) {
                found[owner].append(TreeScaling(offset: offset, scale: scale).pulledBack(cut))
            }
        }
        for owner in variables.indices where variables[owner].isNumber {
            var cuts: [Cut] = []
            for cut in found[owner].sorted(by: { ($0.first, $0.edge) < ($1.first, $1.edge) })
            where cuts.last.map({ $0.first < cut.first }) ?? true { cuts.append(cut) }
            variables[owner].cuts = cuts
        }
    }

    private mutating func makeTests(_ owners: [Int: Int]) {
        var known: [SetKey: Int32] = [:]
        for index in nodes.indices where ensemble.nodes[index].mode != .leaf {
            let column = columns[Int(ensemble.nodes[index].column)]
            let feature: Int
            switch column {
            case .number(let found, _, _), .level(let found, _): feature = found
            case .unknown: continue
            }
            guard let owner = owners[feature] else { continue }
            nodes[index].variable = Int32(owner)
            if variables[owner].isNumber, let half = halfLine(index, column, variables[owner].cuts) {
                (nodes[index].cut, nodes[index].holdsBelow) = (Int32(half.cut), half.holdsBelow)
                continue
            }
            variables[owner].isSet = true
        }
        // why a second time: one test that is no half-line makes its whole variable a set.
        for index in nodes.indices where nodes[index].variable >= 0 {
            let owner = Int(nodes[index].variable)
            guard variables[owner].isSet else { continue }
            let words = cellsWhereItHolds(index, variables[owner])
            let key = SetKey(variable: owner, words: words)
            if known[key] == nil {
                known[key] = Int32(sets.count)
                sets += words
            }
            nodes[index].set = known[key] ?? 0
        }
    }

    private struct SetKey: Hashable {
        let variable: Int, words: [UInt64]
    }

    /// The cut of a plain comparison.
    private func halfLine(_ index: Int, _ column: TreeColumn, _ cuts: [Cut]) -> (cut: Int, holdsBelow: Bool)? {
        let node = ensemble.nodes[index]
        guard nodes[index].chained < 0, case .number(_, let offset, let scale) = column else { return nil }
        let isBelow: Bool
        switch node.mode {
        case .less, .lessOrEqual: isBelow = true
        case .greater, .greaterOrEqual: isBelow = false
        default: return nil
        }
        guard let cut = ensemble.cuts(of: node).first else {
            // why: a comparison with an infinity holds everywhere or nowhere; then no cell is behind its cut.
            return (cuts.count + 1, ensemble.holds(node, 0))
        }
        let first = TreeScaling(offset: offset, scale: scale).pulledBack(cut).first
        var (low, high) = (0, cuts.count)
        while low < high {
            let middle = (low + high) / 2
            if cuts[middle].first < first { low = middle + 1 } else { high = middle }
        }
        return (low + 1, isBelow == (scale > 0))
    }

    private func cellsWhereItHolds(_ index: Int, _ variable: Variable) -> [UInt64] {
        var words = [UInt64](repeating: 0, count: variable.words)
        let column = Int(ensemble.nodes[index].column)
        for cell in 0..<variable.cells {
            let value = columnValue(column, variable: variable, cell: cell)
            if holds(index, value) { words[cell / 64] |= 1 << UInt64(cell % 64) }
        }
        return words
    }

    /// The value of a column of the trees while a variable is in a cell.
    private func columnValue(_ column: Int, variable: Variable, cell: Int) -> Float {
        let values = variable.isNumber ? [variable.lowest(cell)] : variable.options[cell]
        switch columns[column] {
        case .number(let feature, let offset, let scale):
            let position = variable.features.firstIndex(of: feature) ?? 0
            return TreeScaling(offset: offset, scale: scale).value(values[position])
        case .level(_, let level): return values[0] == Float(level) ? 1 : 0
        case .unknown: return .nan
        }
    }

    /// The value of a column of the trees for a row of the table.
    @inline(__always)
    func columnValue(_ column: Int, row: UnsafeBufferPointer<Float>) -> Float {
        switch columns[column] {
        case .number(let feature, let offset, let scale):
            offset == 0 && scale == 1 ? row[feature] : TreeScaling(offset: offset, scale: scale).value(row[feature])
        case .level(let feature, let level): row[feature] == Float(level) ? 1 : 0
        case .unknown: .nan
        }
    }
}

extension TreeGrid.Variable {
    /// Smallest float32 of a cell; the cell of all that is smaller than the first cut is represented by what lies just
    /// in front of it.
    func lowest(_ cell: Int) -> Float {
        cell > 0 ? cuts[cell - 1].first : cuts.first.map(\.first.nextDown) ?? 0
    }
    /// Smallest finite float32 of a cell.
    func bottom(_ cell: Int) -> Float { cell > 0 ? cuts[cell - 1].first : -.greatestFiniteMagnitude }
    /// Largest finite float32 of a cell; below `bottom` where the cell holds none.
    func top(_ cell: Int) -> Float { cell < cuts.count ? cuts[cell].first.nextDown : .greatestFiniteMagnitude }
    /// The cell of a number.
    func cell(of value: Float) -> Int {
        var (low, high) = (0, cuts.count)
        while low < high {
            let middle = (low + high) / 2
            if cuts[middle].first <= value { low = middle + 1 } else { high = middle }
        }
        return low
    }
}

extension TreeEnsemble {
    /// Where the outcome of a comparison changes with the value.
    func cuts(of node: Node) -> [TreeGrid.Cut] {
        let at = node.threshold
        func before() -> TreeGrid.Cut { TreeGrid.Cut(first: at, edge: Double(at)) }
        func behind() -> TreeGrid.Cut { TreeGrid.Cut(first: at.nextUp, edge: Double(at)) }
        switch node.mode {
        case .leaf: return []
        case .member: return memberCuts(of: sets[Int(node.set)])
        case _ where at.isInfinite || at.isNaN: return []
        case .less, .greaterOrEqual: return [before()]
        case .lessOrEqual, .greater: return [behind()]
        case .equal, .notEqual: return [before(), behind()]
        }
    }

    private func memberCuts(of set: [UInt32]) -> [TreeGrid.Cut] {
        var cuts: [TreeGrid.Cut] = []
        var wasMember = false
        for number in 0...set.count * 32 {
            let isMember = number < set.count * 32 && set[number >> 5] >> UInt32(number & 31) & 1 == 1
            if isMember != wasMember { cuts.append(TreeGrid.Cut(first: Float(number), edge: Double(number))) }
            wasMember = isMember
        }
        return cuts
    }
}

/// What a scaler in front of the trees does to a value: `(value - offset) * scale`.
struct TreeScaling {
    let offset: Double, scale: Double
    /// The scaled value.
    @inline(__always)
    func value(_ value: Float) -> Float { Float((Double(value) - offset) * scale) }

    /// A cut of the scaled value as a cut of the value itself.
    func pulledBack(_ cut: TreeGrid.Cut) -> TreeGrid.Cut {
        if offset == 0, scale == 1 { return cut }
        // why: rounding keeps the order, so the values on one side of the cut are a half-line of float32 numbers.
        let isRising = scale > 0
        var (low, high) = (TreeNumber.key(-.infinity), TreeNumber.key(.infinity))
        func isBehind(_ key: Int64) -> Bool {
            (value(TreeNumber.float(key)) >= cut.first) == isRising
        }
        guard !isBehind(low) else { return TreeGrid.Cut(first: -.infinity, edge: -.infinity) }
        guard isBehind(high) else { return TreeGrid.Cut(first: .infinity, edge: .infinity) }
        while high > low + 1 {
            let middle = low + (high - low) / 2
            if isBehind(middle) { high = middle } else { low = middle }
        }
        let first = TreeNumber.float(high)
        let edge = min(max(cut.edge / scale + offset, Double(first.nextDown)), Double(first))
        return TreeGrid.Cut(first: first, edge: edge)
    }
}
