import CasemateCore
import CasemateData

/// One search over one score of a model: candidates, regions, measures.
struct BranchHunt {
    /// A region with its measures.
    struct Measured {
        let region: BranchRegion
        let measure: BranchMeasure
    }
    let search: HiddenBranchSearch
    let session: BranchSession
    private let grid: BranchGrid
    private let shrinker: BranchShrinker
    private let meter: BranchMeter
    private let relations: BranchRelations
    private let bases: [Int]
    private let donors: [Int]
    /// The leaves of the model's trees.
    private(set) var leaves: BranchLeaves?
    /// Regions measured so far.
    private(set) var measured: [Measured] = []
    /// Number of scores that share the budget.
    private let channels: Int

    init(_ search: HiddenBranchSearch, _ session: BranchSession, channels: Int) throws {
        (self.search, self.session, self.channels) = (search, session, channels)
        grid = BranchGrid(session.rows, clues: session.problem.clues)
        donors = session.draw(8, stream: 1)
        bases = session.draw(32, stream: 3)
        let movers = session.draw(search.movers, stream: 2)
        shrinker = BranchShrinker(session: session, grid: grid, donors: donors, least: Float(search.least))
        meter = BranchMeter(session: session, movers: movers, spans: grid.columns.map(\.span))
        relations = BranchRelations(session: session, grid: grid, bases: Array(bases.prefix(12)))
    }

    /// Runs all parts, the surest first, so that little is lost when time runs out.
    mutating func run() throws {
        let clues = session.problem.clues
        try session.learnShape(grid.columns.map(\.span), rows: bases)
        let pinned = BranchClueRegions(session: session, grid: grid, meter: meter, bases: Array(bases.prefix(16)))
        for region in try pinned.regions(clues, keep: 16) { try measure(region) }
        leaves = try BranchLeaves(session, grid)
        if let leaves { try follow(leaves.candidates(bases: bases, keep: 30)) }
        let orders = clues.filter { $0.isOrder && $0.features.count == 2 }.map { ($0.features[0], $0.features[1]) }
        try follow(relations.candidates(pinned: orders, most: 400, keep: 20))
        let sampler = try BranchSampler(session, grid, bases: bases)
        for (index, clue) in clues.prefix(8).enumerated() where clue.features.count > 1 {
            try follow(sampler.surprises(4_000, among: clue.features, keep: 4, same: 4, stream: 100 + UInt64(index)))
        }
        let share = max(1, search.candidates / channels)
        let rows = BranchRows(session: session, grid: grid, donors: donors)
        try follow(Array(rows.candidates(rows: search.scanned / channels, same: 4).prefix(share / 2)))
        try follow(sampler.singles(points: 256, keep: 40))
        try follow(sampler.surprises(search.samples / channels, keep: share / 4, stream: 4))
        if session.problem.other != nil {
            try follow(sampler.disagreements(search.samples / channels / 2, keep: share / 8, stream: 5))
        }
    }

    private mutating func follow(_ candidates: [BranchCandidate]) throws {
        for candidate in candidates {
            try session.context.cancellation.check()
            let isKnown = measured.contains {
                $0.region.contains(candidate.row[...]) && !$0.region.contains(candidate.base[...])
            }
            if isKnown { continue }
            guard let region = try shrinker.region(around: candidate) else { continue }
            try measure(relations.related(region, movers: meter.movers) ?? region)
        }
    }

    private mutating func measure(_ region: BranchRegion) throws {
        let isKnown = measured.contains { $0.region.bounds == region.bounds && $0.region.relation == region.relation }
        guard !isKnown, !region.bounds.isEmpty else { return }
        let measure = try meter.measure(region)
        measured.append(Measured(region: region, measure: measure))
        // why: a branch that was learnt from planted rows often runs on into what is natural; the rows whose labels speak
        // against their other features show where it begins.
        guard session.isStepwise, let core = try meter.core(of: region, measure, most: search.support) else { return }
        measured.append(Measured(region: core, measure: try meter.measure(core)))
    }
}
