import CasemateData

/// One row that imitates one identity: which attributes it can copy, and the search for the fewest that suffice.
struct CopyPair {
    let sample: Int, identity: Int
    /// Attributes that can be copied and differ, as indices of `CopyUnits.units`, and what each costs.
    let attributes: [Int]
    let costs: [Double]
    /// Queries that it may still make.
    var budget: Int
    /// Sets of the size that is being tried, one after the other, by cost; and the next one.
    private(set) var sets: [UInt16] = []
    private(set) var order: [Int32] = []
    private(set) var next = 0
    private(set) var size = 0
    /// Whether every set up to `size` was tried or is being tried.
    private(set) var isExhaustive = true
    /// The set that serves, as positions in `attributes`.
    var found: (set: [Int], method: ImpersonationResult.Method)?

    init(_ sample: Int, _ identity: Int, attributes: [Int], costs: [Double], budget: Int) {
        (self.sample, self.identity, self.attributes, self.costs) = (sample, identity, attributes, costs)
        self.budget = budget
    }

    /// Number of sets of `size` out of `count`, or `nil` above `limit`.
    static func sets(of size: Int, outOf count: Int, limit: Int) -> Int? {
        var number = 1
        for step in 0..<size {
            let (product, overflow) = number.multipliedReportingOverflow(by: count - step)
            if overflow { return nil }
            number = product / (step + 1)
            if number > limit, step + 1 <= count - size { return nil }
        }
        return number <= limit ? number : nil
    }

    /// Lists the sets of a size by cost; a size with more sets than the budget ends the search.
    mutating func begin(size: Int) {
        (sets, order, next, self.size) = ([], [], 0, size)
        guard found == nil, isExhaustive, size <= attributes.count else { return }
        // why less: dropping attributes one by one needs some queries, too.
        let limit = budget - 2 * attributes.count
        guard let count = Self.sets(of: size, outOf: attributes.count, limit: max(attributes.count, limit)) else {
            isExhaustive = false
            return
        }
        var current = (0..<size).map { $0 }
        var sums: [Double] = []
        sums.reserveCapacity(count)
        sets.reserveCapacity(count * size)
        while true {
            for position in current { sets.append(UInt16(truncatingIfNeeded: position)) }
            sums.append(current.reduce(0) { $0 + costs[$1] })
            guard let place = current.indices.last(where: { current[$0] < attributes.count - size + $0 }) else { break }
            current[place] += 1
            for later in place + 1..<max(place + 1, size) { current[later] = current[later - 1] + 1 }
        }
        order = sums.indices.sorted { (sums[$0], $0) < (sums[$1], $1) }.map { Int32($0) }
    }

    /// The next set to try; `nil` when there is none.
    mutating func take() -> [Int]? {
        guard found == nil, next < order.count else { return nil }
        let start = Int(order[next]) * size
        next += 1
        return sets[start..<start + size].map { Int($0) }
    }

    /// Forgets the sets.
    mutating func end() { (sets, order, next) = ([], [], 0) }
}
