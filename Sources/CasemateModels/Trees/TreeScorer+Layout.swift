extension TreeScorer {
    /// Turns the nodes of an ensemble into cells.
    struct Layout {
        private let ensemble: TreeEnsemble
        /// Columns of a tile.
        private(set) var columns: [(source: Int32, isLow: Bool)] = []
        /// Rows of a tile, so that a tile stays in the nearest cache.
        let tileRows: Int
        /// Position of each column among `columns`, plain and low; -1 where it is not tested.
        private var positions: [Int32]

        init(_ ensemble: TreeEnsemble) {
            self.ensemble = ensemble
            positions = [Int32](repeating: -1, count: 2 * ensemble.width)
            for node in ensemble.nodes where node.mode != .leaf {
                let slot = Self.slot(node)
                if positions[slot] < 0 {
                    positions[slot] = Int32(columns.count)
                    columns.append((node.column, slot & 1 == 1))
                }
            }
            let fitting = 6_144 / max(1, columns.count)
            tileRows = min(128, max(16, fitting / 8 * 8))
        }

        /// Which of the two forms of its column a node reads.
        private static func slot(_ node: TreeEnsemble.Node) -> Int {
            // why: an odd test must tell NaN from -∞.
            2 * Int(node.column) + (!isOdd(node) && goesYesWhenMissing(node) ? 1 : 0)
        }

        /// Whether NaN goes to the side of small values.
        private static func goesYesWhenMissing(_ node: TreeEnsemble.Node) -> Bool {
            switch node.mode {
            case .greater, .greaterOrEqual: !node.holds(.nan)
            default: node.holds(.nan)
            }
        }

        private static func isOdd(_ node: TreeEnsemble.Node) -> Bool {
            switch node.mode {
            case .leaf: false
            case .member, .equal, .notEqual: true
            case .less, .lessOrEqual, .greater, .greaterOrEqual:
                // why: no float32 is below -∞ in a way that `<=` could say.
                node.threshold.isNaN || (node.threshold == -.infinity && [.less, .greaterOrEqual].contains(node.mode))
            }
        }

        mutating func cells() -> [Cell] {
            let nodes = ensemble.nodes
            return [Cell](unsafeUninitializedCapacity: nodes.count) { cells, done in
                for index in nodes.indices {
                    let node = nodes[index]
                    var cell = Cell(threshold: .infinity, offset: 0, yes: UInt32(index), no: UInt32(index))
                    if node.mode != .leaf {
                        cell.offset = UInt32(positions[Self.slot(node)]) * UInt32(tileRows)
                        (cell.yes, cell.no) = (UInt32(node.whenTrue), UInt32(node.whenFalse))
                        switch node.mode {
                        case .less, .greaterOrEqual: cell.threshold = node.threshold.nextDown
                        default: cell.threshold = node.threshold
                        }
                        if Self.isOdd(node) {
                            cell.threshold = .nan
                        } else if node.mode == .greater || node.mode == .greaterOrEqual {
                            swap(&cell.yes, &cell.no)
                        }
                    }
                    cells.initializeElement(at: index, to: cell)
                }
                done = nodes.count
            }
        }

        /// What each leaf adds; 0 where it adds several numbers or none.
        func values() -> [Double] {
            var values = [Double](repeating: 0, count: ensemble.nodes.count)
            for index in ensemble.nodes.indices {
                let start = Int(ensemble.weightStart[index])
                if Int(ensemble.weightStart[index + 1]) == start + 1 { values[index] = ensemble.weights[start].value }
            }
            return values
        }

        func plans() -> [Plan] {
            var depths = [Int32](repeating: 0, count: ensemble.nodes.count)
            return (0..<ensemble.trees).map { tree in
                let range = ensemble.range(ofTree: tree)
                var (deepest, isOdd): (Int32, Bool) = (0, false)
                var output: Int32?
                for index in range {
                    let node = ensemble.nodes[index]
                    if node.mode == .leaf {
                        let weights = ensemble.weights(ofNode: index)
                        let own = weights.count == 1 ? weights[weights.startIndex].output : -1
                        output = output == nil || output == own ? own : -1
                        continue
                    }
                    isOdd = isOdd || Self.isOdd(node)
                    let depth = depths[index] + 1
                    depths[Int(node.whenTrue)] = max(depths[Int(node.whenTrue)], depth)
                    depths[Int(node.whenFalse)] = max(depths[Int(node.whenFalse)], depth)
                    deepest = max(deepest, depth)
                }
                return Plan(root: UInt32(range.lowerBound), depth: deepest, isOdd: isOdd, output: output ?? -1)
            }
        }
    }
}
