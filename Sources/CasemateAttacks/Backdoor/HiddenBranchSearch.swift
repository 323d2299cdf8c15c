public import CasemateCore
import CasemateData

/// Searches hidden branches: regions in which the model answers otherwise than right beside them, and in which (nearly)
/// no training row lies.
///
/// Candidates come from the graph (comparisons that exporters do not write), from leaves that no training row reaches,
/// from training rows whose answer hangs on one value, from orders of two features that the data never turn round, from
/// single values, and from random changes of few values in the tails. Each is shrunk to the features that matter and
/// their bounds, measured on training rows that are moved in and out, and reported only where the contrast is one that
/// training does not leave behind. Deterministic in the seed. Method, thresholds and what it cannot see:
/// `docs/probes/hidden_branches.md`.
public struct HiddenBranchSearch: Sendable {
    /// Random changes of training rows that are asked about.
    public var samples = 60_000
    /// Candidates that are followed at most, and training rows searched for answers that hang on one value.
    public var candidates = 400, scanned = 1_000
    /// Training rows that are moved into and out of a region to measure it.
    public var movers = 64
    /// Share of the training rows that a region may hold at most.
    public var support = 0.03
    /// Smallest jump of the score that is followed, in its unit.
    public var least = 0.1
    /// Step over every bound, in the score's unit, from which a region is reported without any further evidence.
    public var step = 0.24
    /// Nodes of the search for the most extreme answers of trees; 0 leaves it out.
    public var extremeNodes = 2_000
    /// Classes looked at where a model gives a score for each.
    public var mostChannels = 6

    /// Makes a search with the default settings.
    public init() {}

    /// Searches.
    /// - Parameters:
    ///   - problem: What is known about the model.
    ///   - function: The model.
    /// - Throws: `Cancelled` when interrupted, what the model throws. When the time of the context is over, what was
    ///   found by then is returned.
    public func run(
        _ problem: HiddenBranchProblem, function: any ScoreFunction, context: RunContext = RunContext()
    ) throws -> HiddenBranchResult {
        var result = HiddenBranchResult(rows: problem.reference.count, clues: problem.clues)
        let count = function.scoreCount > 0 ? function.scoreCount : max(1, problem.decisions)
        // why: with two classes the second score says all; with labels alone the second decision does.
        let channels = count == 2 ? [1] : Array(0..<min(mostChannels, count))
        for channel in channels {
            var hunt: BranchHunt?
            do {
                let started = try BranchSession(problem, function, channel: channel, context)
                var running = try BranchHunt(self, started, channels: channels.count)
                hunt = running
                defer { hunt = running }
                try running.run()
            } catch is BranchStop {
                result.isPartial = true
            } catch let cancelled as Cancelled {
                guard cancelled.reason == .outOfTime else { throw cancelled }
                result.isPartial = true
            }
            guard let hunt else { break }
            try hunt.conclude(into: &result)
            if result.isPartial { break }
        }
        if extremeNodes > 0, !result.isPartial {
            result.extremes = try BranchExtreme.find(problem, function, nodes: extremeNodes, context: context)
            result.queries += result.extremes.count
        }
        return result
    }
}

/// What a search found.
public struct HiddenBranchResult: Sendable {
    /// Branches, the surest and largest first.
    public internal(set) var branches: [HiddenBranch] = []
    /// The most extreme answers of trees where no training row lies.
    public internal(set) var extremes: [BranchExtreme] = []
    /// Training rows, and questions that the model was asked.
    public let rows: Int
    /// Questions that the model was asked.
    public internal(set) var queries = 0
    /// Leaves of the model's trees, and those that training rows reach; `nil` without trees.
    public internal(set) var leaves: (total: Int, reached: Int)?
    /// What the graph told.
    public let clues: [BranchClue]
    /// Regions that were measured.
    public internal(set) var measured = 0
    /// Whether time ran out.
    public internal(set) var isPartial = false
    /// Every region that was measured, for tests.
    package internal(set) var examined: [Examined] = []

    /// A region with its figures.
    package struct Examined: Sendable {
        /// The region, how it was found, and a row in it.
        package let bounds: [HiddenBranch.Bound], relation: HiddenBranch.Relation?
        /// How it was found, and a training row that was moved into it.
        package let origin: HiddenBranch.Origin, example: [Float]
        /// Figures by name.
        package let figures: [String: Double]
    }

    init(rows: Int, clues: [BranchClue]) { (self.rows, self.clues) = (rows, clues) }
}
