import CasemateCore
public import CasemateData
import CasemateModels

/// Projected gradient descent inside a feature space: exact gradients of the margin at rows that are lawful, followed to
/// the smallest change.
///
/// Sources: Madry et al., ICLR 2018 (steps along gradients, projection); Simonetto et al., "A unified framework for
/// adversarial attack and defense in constrained feature space", IJCAI 2022 (repair of rows in the loop). Every point is
/// decoded into a row first: whole numbers, levels, one-hot groups, immutable and one-way features by projection,
/// relations and derived features by repair; the gradient is the one at that row and is followed in the relaxed space. The
/// walk looks for the smallest change (`DescentWalk`). Starts after the first are random points of the space; a gradient
/// counts as a query. Deterministic for one seed, at any batch size.
public struct ConstrainedDescent: EvasionAttack {
    /// `constrained_pgd`.
    public static let identifier = "constrained_pgd"
    /// Gradients.
    public static let access = EvasionAccess.gradients
    /// L2, L∞, L1.
    public static let norms: [FeatureSpace.Norm] = [.l2, .linf, .l1]
    /// Steps of one start.
    public var iterations: Int
    /// Starts.
    public var starts: Int
    /// Queries for one sample at most.
    public var maxQueries: Int

    /// Makes the attack with 100 steps from the original and from two random points.
    public init() { self.init(iterations: 100) }
    /// Makes the attack.
    public init(iterations: Int, starts: Int = 3, maxQueries: Int = 5_000) {
        (self.iterations, self.starts, self.maxQueries) = (iterations, starts, maxQueries)
    }
    /// Every setting by name.
    public var settings: [String: String] {
        ["iterations": String(iterations), "starts": String(starts), "maxQueries": String(maxQueries)]
    }

    /// Walks with all open samples of the session.
    public func search(in session: EvasionSession) throws {
        let require = QueryAllowance.require
        try require(iterations >= 1, Self.identifier, "iterations", "\(iterations)", "use 100")
        try require(starts >= 1, Self.identifier, "starts", "\(starts)", "use 3")
        try require(maxQueries >= 1, Self.identifier, "queries", "\(maxQueries)", "use 5000")
        let allowance = QueryAllowance(session, most: maxQueries)
        for start in 0..<starts {
            let walk = DescentWalk(session)
            if start > 0 {
                for sample in session.open { session.drawStart(sample, into: walk.points[sample]) }
            }
            try walk.run(
                GradientSource(session), name: Self.identifier, iterations: iterations, allowance: allowance)
        }
    }
}

extension EvasionSession {
    /// A random point not far from the original: a tenth of the way to a random point of the space.
    fileprivate func drawStart(_ sample: Int, into point: UnsafeMutableBufferPointer<Float>) {
        drawNormal(for: sample, into: point)
        let (low, high) = limits(of: sample)
        for index in point.indices { point[index] = min(max(0.1 * point[index], low[index]), high[index]) }
    }
}

/// Gradients of the margin by the coordinates of the relaxed space.
private final class GradientSource: DirectionSource {
    private let session: EvasionSession
    init(_ session: EvasionSession) { self.session = session }

    func queries(for sample: Int) -> Int { 1 }

    func estimate(_ live: [Int], _ walk: DescentWalk) throws {
        guard let oracle = session.gradients else { return }
        let isTargeted: (Int) -> Bool = { sample in
            if case .targeted = self.session.problem.goals[sample] { true } else { false }
        }
        for group in [live.filter { !isTargeted($0) }, live.filter(isTargeted)] {
            for start in stride(from: 0, to: group.count, by: session.limits.batch) {
                let part = Array(group[start..<min(start + session.limits.batch, group.count)])
                try evaluate(part, oracle, isTargeted: isTargeted(part[0]), walk)
            }
        }
    }

    private func evaluate(
        _ samples: [Int], _ oracle: any GradientOracle, isTargeted: Bool, _ walk: DescentWalk
    ) throws {
        try session.checkTime()
        let width = session.problem.space.features.count
        session.rows.removeAll(keepingCapacity: true)
        defer { session.rows.removeAll(keepingCapacity: true) }
        let asked = samples.filter { session.append(walk.points[$0], of: $0).value < .infinity }
        guard !asked.isEmpty else { return }
        let labels = asked.map { session.problem.goals[$0].label }
        // why: a gradient through a missing value is none; the model itself sees the value as missing.
        let rows = session.rows.map { $0.isNaN ? 0 : $0 }
        let gradients = try oracle.evaluate(
            isTargeted ? .targetedMargin : .margin, rows: rows, count: asked.count, labels: labels,
            targets: isTargeted ? labels : [], cancellation: session.context.cancellation
        ).gradients
        for (row, sample) in asked.enumerated() {
            gradients.withUnsafeBufferPointer { gradients in
                session.encoding.relax(
                    UnsafeBufferPointer(rebasing: gradients[row * width..<(row + 1) * width]),
                    held: session.room[sample].held, into: walk.direction[sample])
            }
        }
    }
}

extension EvasionProblem.Goal {
    /// The label to get away from, or to get to.
    var label: Int32 {
        switch self {
        case .untargeted(let label), .targeted(let label): label
        }
    }
}

extension Encoding {
    /// Turns a gradient by features into one by coordinates; a missing value has none.
    func relax(
        _ gradient: UnsafeBufferPointer<Float>, held: [Int], into slope: UnsafeMutableBufferPointer<Float>
    ) {
        for (coordinate, feature) in numeric.enumerated() {
            slope[coordinate] = gradient[feature] * space.rules[feature].scale
        }
        for (position, unit) in discrete.enumerated() {
            for level in 0..<unit.levels {
                // why: a level that is a number counts by how far it is from the one that holds.
                slope[unit.offset + level] =
                    unit.isGroup
                    ? gradient[unit.members[level]] / amplitude
                    : gradient[unit.members[0]] * Float(level - max(held[position], 0)) / amplitude
            }
        }
    }
}
