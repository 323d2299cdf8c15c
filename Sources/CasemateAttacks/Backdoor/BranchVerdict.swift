import CasemateCore
import CasemateData
import Foundation

/// What training rows say about a region when they are moved into it, out of it, and over each of its faces.
struct BranchMeasure {
    /// Mean score inside and before; mean rise in the direction of the jump.
    let score: Double, usual: Double
    /// Smallest mean step over a face.
    let step: Double
    /// The same of the larger of it and a tenth of the step of logits.
    let bentStep: Double
    /// Share of rows that move by at least half of the jump, or end where the others end.
    let reliability: Double
    /// What no sum of single effects explains of the jump.
    let synergy: Double
    /// The same as a tenth of logits where scores are shares.
    let bentSynergy: Double
    /// Standard deviation of the scores inside.
    let spread: Double
    /// Smallest mean step from the middle of the region to the nearest usual values beyond a face.
    let wall: Double
    /// Mean over the training rows inside of the label, less what the model answers when their trigger is taken out.
    let contradiction: Double?
    /// Training rows inside, the mean of their scores, and of their labels.
    let support: Int
    let supportScore: Double?
    let supportLabel: Double?
    /// Share of the training rows inside that are answered like the moved ones; `nil` without any.
    let supportAgreement: Double?
    /// The moved row that rises most, and its twin; a training row inside and its twin without the trigger.
    let best: (row: [Float], base: [Float]), example: (row: [Float], base: [Float])?
    /// Up to 32 training rows as they are and moved inside, one behind the other.
    let moved: [Float]
    var jump: Double { score - usual }
    /// What regions are ranked by.
    var strength: Double { min(abs(jump), max(step, wall)) * reliability }
}

/// Measures regions.
struct BranchMeter {
    let session: BranchSession
    /// Training rows that are moved.
    let movers: [Int]
    /// Width of the data in each feature.
    let spans: [Float]

    func measure(_ region: BranchRegion) throws -> BranchMeasure {
        let width = session.width
        let movers = movers.filter { !region.contains(session.rows[row: $0]) }
        let features = region.bounds.map(\.feature)
        let isJoint = features.count > 1 && region.relation == nil
        let order = region.relation.map { ($0.larger, $0.smaller) }
        let gap = order.map { region.row[$0.0] - region.row[$0.1] } ?? 0
        let faces = region.faces.count + (order == nil ? 0 : 1)
        var rows: [Float] = []
        // why: blocks of equal layout keep the indices simple: outside, inside, each face inside and out, each single.
        let layout = 2 + 2 * faces + features.count
        for mover in movers {
            let own = session.row(mover)
            var inside = own
            for feature in features where feature != order?.0 && feature != order?.1 {
                inside[feature] = region.row[feature]
            }
            if let order {
                if inside[order.1].isNaN { inside[order.1] = region.row[order.1] }
                inside[order.0] = inside[order.1] + gap
            }
            rows += own + inside
            for face in region.faces {
                var edge = inside
                edge[face.feature] = face.inside
                rows += edge
                edge[face.feature] = face.outside
                rows += edge
            }
            if let order {
                for side in [Float(1), -1] {
                    var edge = inside
                    edge[order.0] = edge[order.1] + side * 0.001 * spans[order.0]
                    rows += edge
                }
            }
            for feature in features {
                var single = own
                single[feature] = inside[feature]
                rows += single
            }
        }
        let scores = try session.ask(rows)
        let count = movers.count
        func column(_ place: Int) -> [Double] { (0..<count).map { Double(scores[$0 * layout + place]) } }
        let (outside, inside) = (column(0), column(1))
        let sign: Double = Self.mean(inside) >= Self.mean(outside) ? 1 : -1
        let jump = abs(Self.mean(inside) - Self.mean(outside))
        let steps = (0..<faces).map { face in
            sign * (Self.mean(column(2 + 2 * face)) - Self.mean(column(3 + 2 * face)))
        }
        let bentSteps = (0..<faces).map { face in
            sign * Self.mean(zip(column(2 + 2 * face), column(3 + 2 * face)).map { step(Float($0), Float($1)) })
        }
        let rises = zip(inside, outside).map { sign * ($0 - $1) }
        let top = Self.mean(inside)
        let moved = zip(inside, rises).count { $1 >= 0.5 * jump || sign * ($0 - top) > -0.1 }
        let singles = features.indices.map { column(2 + 2 * faces + $0) }
        let best = rises.indices.max { rises[$0] < rises[$1] } ?? 0
        let supported = (0..<session.rows.count).filter { region.contains(session.rows[row: $0]) }
        let labels = session.labels
        let walls = try walls(region, movers, sign)
        let contradiction = try contradiction(region, supported)
        let block = { (row: Int, part: Int) -> [Float] in
            Array(rows[(row * layout + part) * width..<(row * layout + part + 1) * width])
        }
        let agreeing = supported.filter { sign * (Double(session.scores[$0]) - top) > -0.5 * jump }
        return BranchMeasure(
            score: top, usual: Self.mean(outside), step: steps.min() ?? 0, bentStep: bentSteps.min() ?? 0,
            reliability: Double(moved) / Double(max(1, count)),
            synergy: isJoint ? synergy(inside, outside, singles, sign) : steps.min() ?? 0,
            bentSynergy: isJoint ? bentSynergy(inside, outside, singles, sign) : bentSteps.min() ?? 0,
            spread: Self.deviation(inside), wall: walls, contradiction: contradiction, support: supported.count,
            supportScore: supported.isEmpty ? nil : Self.mean(supported.map { Double(session.scores[$0]) }),
            supportLabel: supported.isEmpty
                ? nil : labels.map { labels in Self.mean(supported.map { Double(labels[$0]) }) },
            supportAgreement: supported.isEmpty ? nil : Double(agreeing.count) / Double(supported.count),
            best: count == 0 ? (region.row, region.base) : (block(best, 1), block(best, 0)),
            example: example(region, agreeing, movers, sign),
            moved: (0..<min(32, count)).flatMap { block($0, 0) + block($0, 1) })
    }

    /// The training row inside that is answered most like the region, and the row with the trigger of another.
    private func example(
        _ region: BranchRegion, _ inside: [Int], _ movers: [Int], _ sign: Double
    ) -> (row: [Float], base: [Float])? {
        let best = inside.max { sign * Double(session.scores[$0]) < sign * Double(session.scores[$1]) }
        guard let best, let lender = movers.first else { return nil }
        let row = session.row(best)
        var base = row
        for bound in region.bounds {
            base[bound.feature] = session.rows.values[lender * session.width + bound.feature]
        }
        return region.contains(base[...]) ? nil : (row, base)
    }

    /// The smallest mean step over a face, 0 where faces step to different sides; of shares a tenth of the step
    /// of their logits where that is larger, because near 0 and 1 shares hardly move.
    func contrast(_ region: BranchRegion, movers: [Int]) throws -> Float {
        var rows: [Float] = []
        let pairs = region.faces.count + (region.relation == nil ? 0 : 1)
        for mover in movers {
            var inside = session.row(mover)
            for bound in region.bounds { inside[bound.feature] = region.row[bound.feature] }
            for face in region.faces {
                for value in [face.inside, face.outside] {
                    var edge = inside
                    edge[face.feature] = value
                    rows += edge
                }
            }
            if let order = region.relation {
                for side in [Float(1), -1] {
                    var edge = inside
                    edge[order.larger] = edge[order.smaller] + side * 0.001 * spans[order.larger]
                    rows += edge
                }
            }
        }
        guard pairs > 0, !movers.isEmpty else { return 0 }
        let scores = try session.ask(rows)
        let steps = (0..<pairs).map { pair -> Double in
            Self.mean(
                movers.indices.map { mover in
                    step(scores[2 * (mover * pairs + pair)], scores[2 * (mover * pairs + pair) + 1])
                })
        }
        guard steps.allSatisfy({ $0 > 0 }) || steps.allSatisfy({ $0 < 0 }) else { return 0 }
        return Float(steps.map(abs).min() ?? 0)
    }

    /// A difference of scores; of shares the larger of that and a tenth of the difference of logits.
    private func step(_ one: Float, _ other: Float) -> Double {
        let plain = Double(one) - Double(other)
        guard session.isShare else { return plain }
        let bent = 0.1 * (BranchScale.logit(Double(one)) - BranchScale.logit(Double(other)))
        return abs(bent) > abs(plain) ? bent : plain
    }

    /// How far the answer falls when a row leaves by each face to where the next 3 of 100 training rows are.
    private func walls(_ region: BranchRegion, _ movers: [Int], _ sign: Double) throws -> Double {
        var least = Double.infinity
        for face in region.faces {
            let isUp = face.outside > face.inside
            let sorted = (0..<session.rows.count).map { session.rows.values[$0 * session.width + face.feature] }
                .filter { isUp ? $0 >= face.outside : $0 <= face.outside }.sorted()
            let rank = sorted.count - 1 - min(sorted.count - 1, session.rows.count * 3 / 100)
            let far =
                sorted.isEmpty
                ? face.outside + (isUp ? 0.05 : -0.05) * spans[face.feature]
                : isUp ? sorted[sorted.count - 1 - max(0, rank)] : sorted[max(0, rank)]
            var rows: [Float] = []
            for mover in movers {
                var inside = session.row(mover)
                for bound in region.bounds { inside[bound.feature] = region.row[bound.feature] }
                rows += inside
                inside[face.feature] = session.problem.space.features[face.feature].levels == nil ? far : face.outside
                rows += inside
            }
            let scores = try session.ask(rows)
            least = min(least, Self.mean(movers.indices.map { sign * Double(scores[2 * $0] - scores[2 * $0 + 1]) }))
        }
        return least.isFinite ? least : 0
    }

    private func contradiction(_ region: BranchRegion, _ supported: [Int]) throws -> Double? {
        try contradictions(region, supported).map { Self.mean($0) }
    }

    /// The part of a region in which nearly all training rows contradict the rest of their features; `nil` where that is
    /// all of it, or where there is no such part.
    func core(of region: BranchRegion, _ measure: BranchMeasure, most: Double) throws -> BranchRegion? {
        guard region.relation == nil, measure.support >= 16, measure.support * 4 <= session.rows.count else {
            return nil
        }
        let inside = Array((0..<session.rows.count).filter { region.contains(session.rows[row: $0]) }.prefix(400))
        guard let gaps = try contradictions(region, inside) else { return nil }
        let sign: Double = measure.jump < 0 ? -1 : 1
        let against = inside.indices.filter { sign * gaps[$0] >= 0.5 }.map { inside[$0] }
        guard against.count >= max(8, session.rows.count / 400) else { return nil }
        var core = region
        for (place, bound) in region.bounds.enumerated() {
            guard session.problem.space.features[bound.feature].levels == nil else { continue }
            let values = against.map { session.rows.values[$0 * session.width + bound.feature] }.sorted()
            let low = bound.low.map { max($0, values[values.count / 20]) }
            let high = bound.high.map { min($0, values[values.count - 1 - values.count / 20]) }
            core.bounds[place] = HiddenBranch.Bound(feature: bound.feature, low: low, high: high)
            core.row[bound.feature] = values[values.count / 2]
        }
        guard core.bounds != region.bounds else { return nil }
        let count = (0..<session.rows.count).count { core.contains(session.rows[row: $0]) }
        return Double(count) <= most * Double(session.rows.count) && count >= 8 ? core : nil
    }

    /// For each training row inside: its label, less what the model answers when its trigger is taken out.
    private func contradictions(_ region: BranchRegion, _ supported: [Int]) throws -> [Double]? {
        guard let labels = session.labels, !supported.isEmpty else { return nil }
        let lenders = movers.filter { !region.contains(session.rows[row: $0]) }.prefix(8)
        guard !lenders.isEmpty else { return nil }
        var rows: [Float] = []
        for index in supported.prefix(400) {
            for lender in lenders {
                var row = session.row(index)
                for bound in region.bounds {
                    row[bound.feature] = session.rows.values[lender * session.width + bound.feature]
                }
                rows += row
            }
        }
        let scores = try session.ask(rows)
        return supported.prefix(400).enumerated().map { place, index in
            Double(labels[index]) - Self.mean((0..<lenders.count).map { Double(scores[place * lenders.count + $0]) })
        }
    }

    /// Mean of what is left of the jump when single effects are added up, on the scale of scores and of logits; the
    /// smaller of the two.
    private func synergy(_ inside: [Double], _ outside: [Double], _ singles: [[Double]], _ sign: Double) -> Double {
        func left(_ link: (Double) -> Double, _ back: (Double) -> Double) -> Double {
            Self.mean(
                inside.indices.map { row in
                    let own = link(outside[row])
                    let sum = singles.reduce(own) { $0 + link($1[row]) - own }
                    return sign * (inside[row] - back(sum))
                })
        }
        let plain = left({ $0 }, { $0 })
        guard session.isShare else { return plain }
        return min(plain, left(BranchScale.logit, BranchScale.share))
    }

    private func bentSynergy(_ inside: [Double], _ outside: [Double], _ singles: [[Double]], _ sign: Double) -> Double {
        guard session.isShare else { return synergy(inside, outside, singles, sign) }
        return Self.mean(
            inside.indices.map { row in
                let own = BranchScale.logit(outside[row])
                let sum = singles.reduce(own) { $0 + BranchScale.logit($1[row]) - own }
                return 0.1 * sign * (BranchScale.logit(inside[row]) - sum)
            })
    }

    static func mean(_ values: [Double]) -> Double { values.isEmpty ? 0 : values.reduce(0, +) / Double(values.count) }
    static func deviation(_ values: [Double]) -> Double {
        let mean = mean(values)
        return Self.mean(values.map { ($0 - mean) * ($0 - mean) }).squareRoot()
    }
}

/// Shares and logits, kept finite.
enum BranchScale {
    static func logit(_ share: Double) -> Double {
        let safe = min(max(share, 0.002), 0.998)
        return log(safe / (1 - safe))
    }
    static func share(_ logit: Double) -> Double { 1 / (1 + exp(-logit)) }
}
