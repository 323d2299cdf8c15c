package import CasemateCore

/// Groups of things that were found to be nearly equal, pair by pair.
struct NearGroups {
    private var parents: [Int]
    /// Pairs that were joined.
    private(set) var pairs = 0

    init(_ count: Int) { parents = Array(0..<count) }

    /// The group of a thing.
    mutating func root(_ index: Int) -> Int {
        var index = index
        while parents[index] != index {
            parents[index] = parents[parents[index]]
            index = parents[index]
        }
        return index
    }

    /// Puts two things into one group; the smaller number leads it.
    mutating func join(_ one: Int, _ other: Int) {
        pairs += 1
        let (first, second) = (root(one), root(other))
        parents[max(first, second)] = min(first, second)
    }

    /// Groups of at least two, ascending.
    mutating func groups() -> [[Int]] {
        var members: [Int: [Int]] = [:]
        for index in parents.indices { members[root(index), default: []].append(index) }
        return members.values.filter { $0.count > 1 }.sorted { $0[0] < $1[0] }
    }
}

/// Looks up what shares a key, with a bounded number of comparisons.
enum NearBuckets {
    /// Earlier members that a member of a bucket is compared with: the first ones and the last ones.
    static let comparisons = 8

    /// Calls `compare` for pairs that share a key, each pair once in a while twice.
    /// - Parameter keys: Key of each thing; `nil` leaves it out.
    static func forEachPair(_ keys: [UInt64?], _ compare: (Int, Int) throws -> Void) rethrows {
        var buckets: [UInt64: [Int]] = [:]
        for (index, key) in keys.enumerated() {
            guard let key else { continue }
            var members = buckets[key] ?? []
            for other in members { try compare(other, index) }
            if members.count >= comparisons { members.remove(at: comparisons / 2) }
            members.append(index)
            buckets[key] = members
        }
    }
}

/// Texts that are nearly the same: MinHash with banding, verified by the exact Jaccard index.
package struct NearTexts: Sendable {
    /// Smallest Jaccard index of near texts.
    package var threshold = 0.8
    /// Makes a search.
    package init() {}

    /// Groups of near texts, as ascending indices; equal texts are near too.
    ///
    /// A pair with Jaccard index 0.8 is met with a probability above 0.9999, one of 0.7 with 0.9998 (32 bands of 4);
    /// where more than eight texts share a band, each is compared with eight of them.
    /// - Throws: `Cancelled`.
    package func groups(_ texts: [String?], context: RunContext) throws -> [[Int]] {
        let sets = try ParallelTasks.map(texts.count, threads: context.threads) { index in
            if index.isMultiple(of: 1024) { try context.cancellation.check() }
            return texts[index].map(MinHash.shingles) ?? []
        }
        let keys = sets.map { $0.isEmpty ? nil : MinHash.keys(MinHash.signature($0)) }
        var near = NearGroups(texts.count)
        for band in 0..<MinHash.bands {
            try context.cancellation.check()
            NearBuckets.forEachPair(keys.map { $0?[band] }) { one, other in
                if near.root(one) != near.root(other), MinHash.jaccard(sets[one], sets[other]) >= threshold {
                    near.join(one, other)
                }
            }
        }
        return near.groups()
    }
}
