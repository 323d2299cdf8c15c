import CasemateCore
import CasemateData

/// The state of one search: the only way to the oracle. Counts queries, keeps to the space, ends with the time.
final class ImpersonationSession {
    let search: ImpersonationSearch
    let problem: ImpersonationProblem
    let units: CopyUnits
    private let oracle: any DecisionOracle
    let context: RunContext
    let costs: IdentityCosts
    private let width: Int
    /// Queries on behalf of each row.
    var queries: [Int]
    var unlawful = 0
    var isPartial = false
    /// Pairs whose search ended, and rows for which all of them did.
    var pairs: [CopyPair] = []
    var finished: Set<Int> = []
    /// What became of the most imitated identities on all rows.
    var donorPairs: [CopyPair] = []
    /// Identities that some row passed with in full, with the rows.
    var passed: [Int: Set<Int>] = [:]
    var donors: [Int] = []
    private var buffer: [Float] = []
    private var tags: [(tag: Int, sample: Int)] = []

    init(
        _ search: ImpersonationSearch, _ problem: ImpersonationProblem, _ oracle: any DecisionOracle,
        _ context: RunContext
    ) {
        (self.search, self.problem, self.oracle, self.context) = (search, problem, oracle, context)
        units = CopyUnits(problem.space)
        costs = IdentityCosts(units, identities: problem.identities)
        width = problem.space.features.count
        queries = [Int](repeating: 0, count: problem.rows.count)
    }

    // MARK: Queries

    /// A row with attributes of an identity, its derived features recomputed; `nil` when it breaks a rule.
    func copy(_ sample: Int, _ identity: Int, _ attributes: some Sequence<Int>) -> [Float]? {
        var row = Array(problem.rows[row: sample])
        let source = costs.identity(identity)
        for attribute in attributes {
            for feature in units.units[attribute].features { row[feature] = source[source.startIndex + feature] }
        }
        let isLawful = row.withUnsafeMutableBufferPointer { row in
            problem.rows[row: sample].withUnsafeBufferPointer { problem.space.keepsRules(row, around: $0) }
        }
        if !isLawful { unlawful += 1 }
        return isLawful ? row : nil
    }

    /// Puts a row into the next call; `take` gets its tag with whether it passes.
    func ask(_ row: [Float], tag: Int, sample: Int, _ take: (Int, Bool) -> Void) throws {
        buffer += row
        tags.append((tag, sample))
        if tags.count >= search.batch { try flush(take) }
    }

    /// Sends what is waiting.
    func flush(_ take: (Int, Bool) -> Void) throws {
        guard !tags.isEmpty else { return }
        defer {
            buffer.removeAll(keepingCapacity: true)
            tags.removeAll(keepingCapacity: true)
        }
        try checkTime()
        let labels = try decide(buffer, count: tags.count)
        for (label, item) in zip(labels, tags) {
            queries[item.sample] += 1
            take(item.tag, label == problem.wanted)
        }
    }

    func decide(_ rows: [Float], count: Int) throws -> [Int32] {
        let labels = try oracle.decide(rows, count: count)
        guard labels.count == count else {
            throw CasemateError(
                .engineFailed, at: "oracle", "\(labels.count) labels for \(count) rows",
                help: "the oracle must answer every row")
        }
        return labels
    }

    private func checkTime() throws {
        switch context.cancellation.reason {
        case .interrupted: throw Cancelled(reason: .interrupted)
        case .outOfTime: throw EvasionStop()
        case nil: break
        }
        if let deadline = context.deadline, ContinuousClock.now >= deadline { throw EvasionStop() }
    }

    // MARK: Rows

    /// Finds the cheapest identities of each row, and the fewest attributes of the best of them.
    func studyRows() throws {
        let chosen = cheapestIdentities()
        let passes = try fullCopies(chosen)
        var open: [CopyPair] = []
        for (sample, identities) in chosen.enumerated() {
            let ranked =
                identities.filter { passes.contains([sample, $0]) }
                + identities.filter { !passes.contains([sample, $0]) }
            let share = max(1, (search.queries - identities.count) / search.studied)
            for identity in ranked.prefix(search.studied) { open.append(pair(sample, identity, budget: share)) }
        }
        try study(&open, passing: passes) { self.pairs = $0 }
        finished = Set(problem.rows.values.isEmpty ? [] : Array(0..<problem.rows.count))
    }

    private func cheapestIdentities() -> [[Int]] {
        var scratch = [Float](repeating: 0, count: costs.count)
        return (0..<problem.rows.count).map { sample in
            problem.rows[row: sample].withUnsafeBufferPointer {
                costs.cheapest(search.identities, for: $0, &scratch)
            }
        }
    }

    /// Asks about full copies; gives the pairs of row and identity that pass.
    private func fullCopies(_ chosen: [[Int]]) throws -> Set<[Int]> {
        var passes: Set<[Int]> = []
        var asked: [(sample: Int, identity: Int)] = []
        func take(_ tag: Int, _ isPassing: Bool) {
            guard isPassing else { return }
            passes.insert([asked[tag].sample, asked[tag].identity])
            passed[asked[tag].identity, default: []].insert(asked[tag].sample)
        }
        for (sample, identities) in chosen.enumerated() {
            for identity in identities.prefix(search.queries) {
                guard let row = copy(sample, identity, copyable(sample, identity)) else { continue }
                asked.append((sample, identity))
                try ask(row, tag: asked.count - 1, sample: sample, take)
            }
        }
        try flush(take)
        return passes
    }

    private func copyable(_ sample: Int, _ identity: Int) -> [Int] {
        problem.rows[row: sample].withUnsafeBufferPointer { row in
            costs.identity(identity).withUnsafeBufferPointer { source in
                units.units.indices.filter { units.canCopy(units.units[$0], from: source, to: row) }
            }
        }
    }

    private func pair(_ sample: Int, _ identity: Int, budget: Int) -> CopyPair {
        let attributes = copyable(sample, identity)
        let costs = problem.rows[row: sample].withUnsafeBufferPointer { row in
            self.costs.identity(identity).withUnsafeBufferPointer { source in
                attributes.map { units.cost(of: units.units[$0], from: source, to: row) }
            }
        }
        return CopyPair(sample, identity, attributes: attributes, costs: costs, budget: budget)
    }

    // MARK: Identities

    /// Tries the identities that most rows passed with on all rows.
    func studyDonors() throws {
        for pair in pairs where pair.found != nil { passed[pair.identity, default: []].insert(pair.sample) }
        donors = passed.sorted { ($1.value.count, $0.key) < ($0.value.count, $1.key) }.prefix(search.donors).map(\.key)
        guard !donors.isEmpty else { return }
        var open: [CopyPair] = []
        let known = Set(pairs.map { [$0.sample, $0.identity] })
        for sample in 0..<problem.rows.count {
            for identity in donors where !known.contains([sample, identity]) {
                open.append(pair(sample, identity, budget: max(1, search.queries / donors.count)))
            }
        }
        let chosen = donors
        donorPairs = pairs.filter { chosen.contains($0.identity) }
        let before = donorPairs
        try study(&open, passing: nil) { self.donorPairs = before + $0 }
    }

    // MARK: Sets of attributes

    /// Searches the smallest sets of all pairs at once; `keep` gets the pairs whenever time might end.
    private func study(
        _ open: inout [CopyPair], passing: Set<[Int]>?, _ keep: ([CopyPair]) -> Void
    ) throws {
        defer { keep(open) }
        for size in 1...search.maxAttributes {
            for index in open.indices { open[index].begin(size: size) }
            try exhaust(&open)
            for index in open.indices { open[index].end() }
            context.progress("impersonation", size, search.maxAttributes + 1)
        }
        try drop(&open, passing)
    }

    /// Asks about the listed sets of all pairs, some of each in turn, until each has one that passes or none is left.
    private func exhaust(_ open: inout [CopyPair]) throws {
        var active = Array(open.indices)
        while !active.isEmpty {
            var asked: [(pair: Int, set: [Int])] = []
            var answers: [Bool] = []
            func take(_ tag: Int, _ isPassing: Bool) { answers[tag] = isPassing }
            for index in active {
                var waiting = 0
                while waiting < 32, open[index].budget > 0, let set = open[index].take() {
                    let pair = open[index]
                    guard let row = copy(pair.sample, pair.identity, set.lazy.map { pair.attributes[$0] }) else {
                        continue
                    }
                    open[index].budget -= 1
                    waiting += 1
                    asked.append((index, set))
                    answers.append(false)
                    try ask(row, tag: asked.count - 1, sample: pair.sample, take)
                }
            }
            try flush(take)
            if asked.isEmpty { break }
            for (item, isPassing) in zip(asked, answers) where isPassing && open[item.pair].found == nil {
                open[item.pair].found = (item.set, .exhaustive)
            }
            active = active.filter { open[$0].found == nil && open[$0].next < open[$0].order.count }
        }
    }

    /// Takes the dearest attributes from full copies that pass, as long as they pass.
    private func drop(_ open: inout [CopyPair], _ passing: Set<[Int]>?) throws {
        var work = open.indices.filter { index in
            open[index].found == nil && open[index].attributes.count > 1
                && passing.map { $0.contains([open[index].sample, open[index].identity]) } != false
        }
        if passing == nil { work = try passingInFull(work, open) }
        var sets = work.map { index in
            Array(open[index].attributes.indices).sorted { open[index].costs[$0] > open[index].costs[$1] }
        }
        var places = [Int](repeating: 0, count: work.count)
        var hasDropped = [Bool](repeating: false, count: work.count)
        for (position, index) in work.enumerated() { open[index].found = (sets[position], .greedy) }
        while true {
            var asked: [Int] = []
            var answers = [Bool](repeating: false, count: work.count)
            func take(_ tag: Int, _ isPassing: Bool) { answers[tag] = isPassing }
            for (position, index) in work.enumerated() {
                let pair = open[index]
                if places[position] >= sets[position].count, hasDropped[position] {
                    // why again: without what went since, an earlier one may go as well.
                    (places[position], hasDropped[position]) = (0, false)
                }
                while places[position] < sets[position].count, sets[position].count > 1, open[index].budget > 0 {
                    var smaller = sets[position]
                    smaller.remove(at: places[position])
                    let row = copy(pair.sample, pair.identity, smaller.lazy.map { pair.attributes[$0] })
                    guard let row else {
                        places[position] += 1
                        continue
                    }
                    open[index].budget -= 1
                    asked.append(position)
                    try ask(row, tag: position, sample: pair.sample, take)
                    break
                }
            }
            try flush(take)
            if asked.isEmpty { break }
            for position in asked {
                if answers[position] {
                    sets[position].remove(at: places[position])
                    hasDropped[position] = true
                    open[work[position]].found = (sets[position].sorted(), .greedy)
                } else {
                    places[position] += 1
                }
            }
        }
    }

    private func passingInFull(_ work: [Int], _ open: [CopyPair]) throws -> [Int] {
        var passing: [Int] = []
        func take(_ index: Int, _ isPassing: Bool) { if isPassing { passing.append(index) } }
        for index in work {
            let pair = open[index]
            guard let row = copy(pair.sample, pair.identity, pair.attributes) else { continue }
            try ask(row, tag: index, sample: pair.sample, take)
        }
        try flush(take)
        return passing
    }
}
