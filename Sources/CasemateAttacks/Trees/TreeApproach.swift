import CasemateCore
import CasemateData

/// The search for the nearest row of another class, from one row.
///
/// Each rival class has a search of its own inside a radius that grows: small radii leave few leaves, and most classes
/// are ruled out before they are searched at all. The class whose bound is least goes first.
final class TreeApproach {
    /// The way to one class.
    private final class Route {
        let rival: TreeRival
        /// No row of the class is nearer.
        var lower = 0.0
        /// Radius of the next search, or of the one that runs.
        var radius: Double
        var search: TreeSearch?

        init(_ rival: TreeRival, radius: Double) { (self.rival, self.radius) = (rival, radius) }
    }

    private let grid: TreeGrid
    private let settings: TreeSearchSettings
    private let context: RunContext
    private let deadline: ContinuousClock.Instant?
    private let isSum: Bool
    private let row: TreeRow
    private let witnesses: TreeWitnesses
    private var routes: [Route] = []
    /// Costs: of the best witness, and of the first class change that no rule of the space allows.
    private var upper = Double.infinity, frozen = Double.infinity
    private let epsilon: Double
    private var turns = 0, steps = 0, stepsWhenFrozen = 0
    private var reachable: [Double: [ClosedRange<Double>]] = [:]

    /// Growth of the radius while a class is ruled out by sums of best leaves alone, and after a search.
    private static let growth = (quick: 2.0, search: 1.3)
    /// Searches after the first step on a change that the space's rules forbid.
    private static let mostForbidden = 2_000
    /// Boxes looked at for an upper bound after the time is over.
    private static let lastSteps = 300

    init(
        _ robustness: TreeRobustness, _ row: [Float], _ settings: TreeSearchSettings,
        deadline: ContinuousClock.Instant?, _ context: RunContext
    ) throws(CasemateError) {
        guard settings.norm != .l0 else {
            throw CasemateError(
                .invalidSetting, at: "trees", "the exact search measures in linf, l1 or l2, not l0",
                help: "choose one of them")
        }
        (grid, self.settings, self.context, self.deadline) = (robustness.grid, settings, context, deadline)
        isSum = settings.norm != .linf
        self.row = TreeRow(row, grid, norm: settings.norm, space: robustness.space)
        witnesses = TreeWitnesses(robustness, self.row, norm: settings.norm)
        let unit = settings.epsilon.map { max(0, $0) } ?? .infinity
        // why: a distance that is exactly epsilon must not fall outside by the rounding of its square.
        epsilon = settings.norm == .l2 ? unit * unit * (1 + 0x1p-50) : unit
        let radius = self.row.firstRadius(grid)
        routes = robustness.rule.rivals(from: witnesses.predicted).map { Route($0, radius: radius) }
    }

    /// Searches until the bounds meet or the budget is spent.
    func run() throws -> TreeCertificate {
        while let route = routes.min(by: { $0.lower < $1.lower }), route.lower < upper {
            if epsilon < .infinity, route.lower > epsilon || upper <= epsilon { break }
            if try isSpent() { break }
            if let search = route.search { advance(route, search) } else { try enter(route) }
        }
        var lower = min(upper, frozen)
        for route in routes { lower = min(lower, route.lower) }
        if upper == .infinity, lower < .infinity, epsilon == .infinity { try attack() }
        return certificate(lower)
    }

    private func certificate(_ lower: Double) -> TreeCertificate {
        let isSquare = settings.norm == .l2
        var least = isSquare ? lower.squareRoot() : lower
        // why: the root of the next number above a square is often the root of the square.
        if let asked = settings.epsilon, epsilon < .infinity, lower > epsilon { least = max(least, asked.nextUp) }
        return TreeCertificate(
            predicted: witnesses.predicted, lower: least, upper: isSquare ? upper.squareRoot() : upper,
            witness: witnesses.best, witnessLabel: witnesses.bestLabel, nodes: steps)
    }

    private func isSpent() throws -> Bool {
        if steps >= settings.mostNodes { return true }
        if frozen < .infinity, steps - stepsWhenFrozen > Self.mostForbidden { return true }
        turns += 1
        guard turns % 16 == 1 else { return false }
        try context.cancellation.check()
        return deadline.map { ContinuousClock.now >= $0 } ?? false
    }

    // MARK: Radii

    /// Largest cost that still matters.
    private var limit: Double { min(upper, epsilon.nextUp) }

    /// Rules a class out within the radius, or starts a search there.
    private func enter(_ route: Route) throws(CasemateError) {
        let radius = min(route.radius, limit)
        if routes.count > 1, !mayReach(route.rival, radius) { return close(route, radius, Self.growth.quick) }
        var region = TreeRegion(grid, row: row, isSum: isSum, radius: radius)
        try region.collect(route.rival.coefficients, radius: radius)
        let nearest = region.relaxedRadius(needed: route.rival.needed)
        guard nearest < radius else { return close(route, radius, Self.growth.quick) }
        var inner = nearest * 1.25
        if inner > max(nearest, route.lower), inner < radius * 0.9 {
            region = TreeRegion(grid, row: row, isSum: isSum, radius: inner)
            try region.collect(route.rival.coefficients, radius: inner)
        } else {
            inner = radius
        }
        let groups = TreeGroups(region)
        let problem = TreeProblem(region, groups: groups.groups, constant: region.constant)
        let search = TreeSearch(problem, needed: route.rival.needed, isNearest: true)
        search.start(upper: inner)
        (route.search, route.radius, route.lower) = (search, inner, max(route.lower, nearest))
    }

    /// Nothing of the class is within a radius.
    private func close(_ route: Route, _ radius: Double, _ growth: Double) {
        route.search = nil
        route.lower = max(route.lower, radius)
        route.radius = radius * growth > row.largestCost ? .infinity : radius * growth
    }

    /// Whether the best leaves within a radius, tree by tree and output by output, could make a class of a row.
    private func mayReach(_ rival: TreeRival, _ radius: Double) -> Bool {
        let ranges: [ClosedRange<Double>]
        if let known = reachable[radius] {
            ranges = known
        } else {
            ranges = TreeRegion(grid, row: row, isSum: isSum, radius: radius).ranges(radius: radius)
            reachable[radius] = ranges
        }
        var sum = 0.0
        for (range, coefficient) in zip(ranges, rival.coefficients) {
            sum += max(coefficient * range.lowerBound, coefficient * range.upperBound)
        }
        return sum >= rival.needed - 1e-9 * (1 + abs(rival.needed))
    }

    // MARK: Searching

    private func advance(_ route: Route, _ search: TreeSearch) {
        let bound = min(limit, route.radius)
        guard let key = search.best, key < bound else {
            close(route, bound, Self.growth.search)
            return
        }
        route.lower = max(route.lower, key)
        steps += 1
        if steps & (steps - 1) == 0, steps >= 64, let meeting = search.dive() { take(meeting) }
        if case .met(let meeting) = search.step(upper: min(limit, route.radius)) {
            take(meeting)
            // why: leaves that are each within reach may meet beyond it, where costs are added.
            if upper > key { search.split(upper: min(limit, route.radius)) }
        }
        route.lower = max(route.lower, min(search.best ?? bound, bound))
    }

    /// Makes a row of leaves that meet, and keeps it when it is of another class.
    private func take(_ meeting: TreeSearch.Meeting) {
        if witnesses.take(meeting) == .forbidden {
            if frozen == .infinity { stepsWhenFrozen = steps }
            frozen = min(frozen, meeting.cost)
        }
        upper = min(upper, witnesses.cost)
    }

    /// Looks for any row of another class, for an upper bound when the time is over: leaves that meet and add up within
    /// growing radii, at last the largest sums anywhere.
    private func attack() throws {
        for route in routes.sorted(by: { $0.lower < $1.lower }).prefix(3) {
            var radius = max(route.radius == .infinity ? route.lower * 2 : route.radius, row.firstRadius(grid))
            while upper == .infinity {
                let region = TreeRegion(grid, row: row, isSum: isSum, radius: radius)
                try region.collect(route.rival.coefficients, radius: radius)
                let groups = TreeGroups(region, most: 1).groups
                if radius == .infinity {
                    let summit = TreeSummit(region, groups: groups, constant: region.constant)
                    let mostNodes = Self.lastSteps
                    _ = try summit.climb(above: route.rival.needed.nextDown, mostNodes: mostNodes, RunContext()) {
                        take($0)
                        return upper < .infinity
                    }
                    break
                }
                let problem = TreeProblem(region, groups: groups, constant: region.constant)
                let search = TreeSearch(problem, needed: route.rival.needed, isNearest: true)
                search.start(upper: radius)
                if search.best != nil, let meeting = search.dive() { take(meeting) }
                radius = radius * 4 > row.largestCost ? .infinity : radius * 4
            }
        }
    }
}
