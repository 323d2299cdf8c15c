public import CasemateCore
public import CasemateData
import Foundation
import Synchronization

/// Rows with the others that are most like them on the model's inputs.
public struct MatchedPeers: Hashable, Sendable {
    /// Rows that have peers, ascending.
    public let rows: [Int]
    /// The peers of each, nearest first; all of the same number.
    public let peers: [[Int]]
    /// Rows that lie so far from everybody that nobody is their peer.
    public let unmatched: [Int]
    /// Rows that were to be matched, before a sample was drawn where there were too many.
    public let asked: Int
    /// Rows among which peers were looked for.
    public let candidates: Int
    /// Makes matched rows; there must be one list of peers a row, none of them empty.
    public init(rows: [Int], peers: [[Int]], unmatched: [Int] = [], asked: Int? = nil, candidates: Int = 0) {
        precondition(rows.count == peers.count && peers.allSatisfy { !$0.isEmpty }, "every row needs peers")
        (self.rows, self.peers, self.unmatched) = (rows, peers, unmatched)
        (self.asked, self.candidates) = (asked ?? rows.count + unmatched.count, candidates)
    }
}

/// Finds the peers of a few rows: the k nearest rows outside the group, exactly, by their inputs.
///
/// Distances are Euclidean over robustly standardised numbers (asinh of the robust z score) and counted mismatches of
/// categories. A row whose mean distance to its peers is a quarter larger than what 99 in 100 of the other rows have to
/// theirs is unmatched: what it gets says nothing about favours. Exact nearest neighbours of Rosenbaum, "Observational
/// Studies", 2002, chapter 10, without a propensity score, with replacement.
public struct PeerSearch: Hashable, Sendable {
    /// Peers a row.
    public var peers: Int
    /// Most rows among which peers are looked for; more are sampled with the seed.
    public var candidateLimit: Int
    /// Most rows that are matched; more are sampled with the seed.
    public var rowLimit: Int
    /// Fewest peers that make a comparison.
    public static let fewest = 5
    /// How much farther than 99 in 100 of the other rows a row may lie from its peers.
    private static let reach = 1.25
    /// Makes a search.
    public init(peers: Int = 20, candidateLimit: Int = 100_000, rowLimit: Int = 1_000) {
        precondition(
            peers >= Self.fewest && candidateLimit >= 2 && rowLimit >= 1, "\(peers) peers are too few to compare with")
        (self.peers, self.candidateLimit, self.rowLimit) = (peers, candidateLimit, rowLimit)
    }

    /// The peers of `rows` among all other rows of the matrix.
    ///
    /// O(rows × candidates × features); the same for any number of threads.
    /// - Returns: `nil` when there are fewer than ten other rows.
    /// - Throws: `Cancelled`.
    public func match(_ rows: [Int], in matrix: FeatureMatrix, context: RunContext) throws -> MatchedPeers? {
        let group = Set(rows)
        precondition(group.allSatisfy { (0..<matrix.count).contains($0) }, "a row lies outside the matrix")
        var generator = SeededGenerator(seed: context.seed, stream: 0x5045_4552)
        // why ranks by lot: of equally near rows one has to count, and files are often sorted by outcome.
        let order = (0..<matrix.count).shuffled(using: &generator)
        var ranks = order
        for (rank, row) in order.enumerated() { ranks[row] = rank }
        let candidates = order.lazy.filter { !group.contains($0) }.prefix(candidateLimit).sorted()
        let k = min(peers, candidates.count / 2)
        guard k >= Self.fewest else { return nil }
        let wanted = group.sorted()
        let chosen = wanted.count <= rowLimit ? wanted : wanted.shuffled(using: &generator).prefix(rowLimit).sorted()
        let space = RobustSpace(matrix, seed: context.seed)
        let reference = Array(candidates.shuffled(using: &generator).prefix(200))
        let found = try nearest(k, of: chosen + reference, among: candidates, ranks, in: space, context)
        let distances = found.suffix(reference.count).map(\.distance).sorted()
        let limit = Self.reach * Bootstrap.quantile(distances, 0.99)
        let own = zip(chosen, found)
        let near = own.filter { $0.1.distance <= limit }
        return MatchedPeers(
            rows: near.map(\.0), peers: near.map(\.1.rows),
            unmatched: own.filter { $0.1.distance > limit }.map(\.0), asked: wanted.count,
            candidates: candidates.count)
    }

    private typealias Found = (rows: [Int], distance: Double)

    private func nearest(
        _ k: Int, of rows: [Int], among candidates: [Int], _ ranks: [Int], in space: RobustSpace, _ context: RunContext
    ) throws -> [Found] {
        let results = Mutex([Found](repeating: ([], .infinity), count: rows.count))
        let next = Atomic<Int>(0)
        let cancellation = context.cancellation
        let work = { @Sendable in
            while !cancellation.isCancelled {
                let place = next.wrappingAdd(1, ordering: .relaxed).oldValue
                guard place < rows.count else { return }
                let (peers, distance) = space.nearest(k, to: rows[place], among: candidates, ranks: ranks)
                results.withLock { $0[place] = (peers, distance) }
            }
        }
        DispatchQueue.concurrentPerform(iterations: max(1, min(context.threads, rows.count))) { _ in work() }
        try cancellation.check()
        return results.withLock { $0 }
    }
}
