import CasemateCore

/// Counts all combinations of one, two and three codes of different columns, and keeps those whose rows nearly all
/// have one label that their expectations do not explain.
///
/// Frequent pairs of two columns are numbered anew before a third one is added, so that tables stay as small as the
/// number of rows allows. Source: Bay and Pazzani, "Detecting group differences: mining contrast sets", Data Mining and
/// Knowledge Discovery, 2001, with counting in place of a search tree.
struct CombinationSearch: Sendable {
    /// A combination that is worth a closer look.
    struct Candidate: Sendable {
        /// View and code of each condition.
        let items: [(view: Int, code: Int)]
        let target: Int
        /// Sum of the evidence of its rows.
        let evidence: Double
        let rows: Int
    }
    let views: [ColumnView]
    let evidence: LabelEvidence
    let fewest: Int, most: Int
    let purity: Double
    /// Whether combinations of three are counted.
    let isDeep: Bool
    /// Most candidates kept, and the evidence they need.
    var kept = 150, least = 10.0

    /// Single codes, those with most evidence first.
    func singles(context: RunContext) throws -> [Candidate] {
        let tasks = try ParallelTasks.map(views.count, threads: context.threads) { view in
            try context.cancellation.check()
            var found: [Candidate] = []
            var cells = cells(of: view)
            scan(&cells, items: { [(view, $0)] }, into: &found)
            return found
        }
        return top(tasks.flatMap(\.self), kept)
    }

    private func cells(of view: Int) -> Cells {
        let codes = views[view].codes
        let rows = codes.indices.filter { codes[$0] > 0 }
        return Cells(rows: rows, ids: rows.map { Int32(codes[$0]) }, size: views[view].size)
    }

    /// Combinations of two and three, those with most evidence first.
    func run(context: RunContext) throws -> [Candidate] {
        let tasks = try ParallelTasks.map(views.count, threads: context.threads) { first in
            try from(first, context)
        }
        return top(tasks.flatMap(\.self), kept * 4)
    }

    private func top(_ candidates: [Candidate], _ limit: Int) -> [Candidate] {
        // why: sorting is not stable in general, and order must not depend on threads.
        let sorted = candidates.enumerated().sorted {
            ($1.element.evidence, $0.offset) < ($0.element.evidence, $1.offset)
        }
        return sorted.prefix(limit).map(\.element)
    }

    /// All combinations of two and three that begin with a view.
    private func from(_ first: Int, _ context: RunContext) throws -> [Candidate] {
        var found: [Candidate] = []
        let one = views[first]
        let cells = cells(of: first)
        for second in views.indices where second > first && views[second].column != one.column {
            try context.cancellation.check()
            if let deadline = context.deadline, ContinuousClock.now >= deadline { break }
            let other = views[second]
            var pairs = cells.crossed(other)
            let size = other.size
            scan(&pairs, items: { [(first, $0 / size), (second, $0 % size)] }, into: &found)
            guard isDeep, second + 1 < views.count else { continue }
            let (frequent, names) = pairs.frequent(fewest)
            guard !names.isEmpty else { continue }
            for third in second + 1..<views.count
            where views[third].column != other.column && views[third].column != one.column {
                var triples = frequent.crossed(views[third])
                let width = views[third].size
                scan(
                    &triples,
                    items: { id in
                        let pair = names[id / width]
                        return [(first, pair / size), (second, pair % size), (third, id % width)]
                    }, into: &found)
            }
            if found.count > kept * 8 { found = top(found, kept) }
        }
        return top(found, kept)
    }

    /// Adds the cells of a table that are pure, rare and unexplained.
    private func scan(
        _ cells: inout Cells, items: (Int) -> [(view: Int, code: Int)], into found: inout [Candidate]
    ) {
        let classes = evidence.classes
        let pure = cells.pure(evidence.labels, classes, fewest: fewest, most: most, purity: purity)
        guard !pure.isEmpty else { return }
        for (id, sum) in cells.sums(pure, evidence) where sum.evidence >= least {
            found.append(Candidate(items: items(id), target: sum.target, evidence: sum.evidence, rows: sum.rows))
        }
    }
}

/// Rows with the cell of a table that each lies in.
struct Cells: Sendable {
    /// Rows that lie in a cell.
    let rows: [Int]
    /// Cell of each of them.
    let ids: [Int32]
    /// Number of cells.
    let size: Int

    /// The table with one more column; rows without a code of it are left out.
    func crossed(_ view: ColumnView) -> Cells {
        var kept: [Int] = []
        var cells: [Int32] = []
        kept.reserveCapacity(rows.count)
        cells.reserveCapacity(rows.count)
        let width = Int32(view.size)
        view.codes.withUnsafeBufferPointer { codes in
            rows.withUnsafeBufferPointer { rows in
                ids.withUnsafeBufferPointer { ids in
                    for place in 0..<rows.count {
                        let code = codes[rows[place]]
                        if code > 0 {
                            kept.append(rows[place])
                            cells.append(ids[place] * width + Int32(code))
                        }
                    }
                }
            }
        }
        return Cells(rows: kept, ids: cells, size: size * view.size)
    }

    /// The cells with enough rows, numbered anew, and their old numbers.
    func frequent(_ fewest: Int) -> (cells: Cells, names: [Int]) {
        var counts = [Int32](repeating: 0, count: size)
        for id in ids { counts[Int(id)] += 1 }
        var numbers = [Int32](repeating: -1, count: size)
        var names: [Int] = []
        for id in 0..<size where counts[id] >= fewest {
            numbers[id] = Int32(names.count)
            names.append(id)
        }
        var kept: [Int] = []
        var cells: [Int32] = []
        for (row, id) in zip(rows, ids) where numbers[Int(id)] >= 0 {
            kept.append(row)
            cells.append(numbers[Int(id)])
        }
        return (Cells(rows: kept, ids: cells, size: names.count), names)
    }

    /// Cells of a fitting size in which one class has at least that share: the class by cell.
    mutating func pure(
        _ labels: [Int32], _ classes: Int, fewest: Int, most: Int, purity: Double
    ) -> [Int: Int] {
        guard rows.count >= fewest else { return [:] }
        var counts = [Int32](repeating: 0, count: size * classes)
        counts.withUnsafeMutableBufferPointer { counts in
            labels.withUnsafeBufferPointer { labels in
                rows.withUnsafeBufferPointer { rows in
                    ids.withUnsafeBufferPointer { ids in
                        for place in 0..<rows.count {
                            counts[Int(ids[place]) * classes + Int(labels[rows[place]])] += 1
                        }
                    }
                }
            }
        }
        var result: [Int: Int] = [:]
        for id in 0..<size {
            var (total, largest, target) = (0, 0, 0)
            for label in 0..<classes {
                let count = Int(counts[id * classes + label])
                total += count
                if count > largest { (largest, target) = (count, label) }
            }
            if total >= fewest, total <= most, Double(largest) >= purity * Double(total) { result[id] = target }
        }
        return result
    }

    /// Evidence and number of rows of some cells, ascending by cell.
    func sums(
        _ pure: [Int: Int], _ evidence: LabelEvidence
    ) -> [(id: Int, sum: (target: Int, evidence: Double, rows: Int))] {
        var targets = [Int32](repeating: -1, count: size)
        for (id, target) in pure { targets[id] = Int32(target) }
        var sums = [Double](repeating: 0, count: size)
        var counts = [Int32](repeating: 0, count: size)
        evidence.scores.withUnsafeBufferPointer { scores in
            for (row, id) in zip(rows, ids) {
                let target = targets[Int(id)]
                if target >= 0 {
                    sums[Int(id)] += Double(scores[Int(target) * evidence.count + row])
                    counts[Int(id)] += 1
                }
            }
        }
        return pure.keys.sorted().map { ($0, (Int(targets[$0]), sums[$0], Int(counts[$0]))) }
    }
}
