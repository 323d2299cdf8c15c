import CasemateCore
import Foundation

/// How many labels are wrong, and how doubtful each is, from calibrated probabilities of the given labels.
///
/// Confident learning takes rows of overlapping classes for wrong labels, so its share is too high where there is
/// little noise. Where a model is most sure of a class there is least overlap, so that the share of other labels there
/// bounds the noise from above ("anchor points"). Labels that were changed whatever the row says leave that share flat
/// over the surer half of the rows; overlap lets it rise. Only a flat share counts as noise that can be told from
/// overlap. Source: Patrini et al., "Making deep neural networks robust to label noise", CVPR 2017 (anchor points).
struct LabelNoise: Hashable, Sendable {
    /// For a true class: rows taken for it, share of other labels where the model is surest, and its counts.
    struct Anchor: Hashable, Sendable {
        let predicted: Int
        let other: Int, rows: Int
        /// Share of other labels among the surest fifth, and among the next three tenths.
        let surest: Double, next: Double
        /// Whether the share does not rise: noise rather than overlap.
        let isFlat: Bool
        var share: Double { rows > 0 ? Double(other) / Double(rows) : 0 }
    }
    let anchors: [Anchor]
    /// Estimated share of wrong labels, an upper bound where `isSeparable` is false, and its interval (Wilson by
    /// class).
    let share: Double, low: Double, high: Double
    /// Whether most rows belong to classes with a flat share.
    let isSeparable: Bool
    /// Probability of each label to be wrong, by this model of noise.
    let doubts: [Double]
    /// The class that each row rather is: the likeliest other one.
    let others: [Int32]
    /// Mean probability of the label over the rows of each class, less the row's own; small where it fits.
    let shortfalls: [Double]

    init(labels: [Int32], probabilities: [Double], classes: Int) {
        let predicted = labels.indices.map { row in
            (0..<classes).max { probabilities[row * classes + $0] < probabilities[row * classes + $1] } ?? 0
        }
        let anchors = (0..<classes).map { index in
            let rows = labels.indices.filter { predicted[$0] == index }
                .sorted { one, two in
                    (probabilities[two * classes + index], one) < (probabilities[one * classes + index], two)
                }
            return Self.anchor(rows.map { labels[$0] != Int32(index) })
        }
        self.anchors = anchors
        let total = Double(max(1, labels.count))
        var (share, below, above) = (0.0, 0.0, 0.0)
        for anchor in anchors where anchor.rows > 0 {
            let weight = Double(anchor.predicted) / total
            let interval = Intervals.wilson(successes: anchor.other, trials: anchor.rows)
            share += weight * anchor.share
            below += pow(weight * (anchor.share - (interval?.low ?? 0)), 2)
            above += pow(weight * ((interval?.high ?? 1) - anchor.share), 2)
        }
        (self.share, low, high) = (share, max(0, share - below.squareRoot()), min(1, share + above.squareRoot()))
        isSeparable = anchors.reduce(0) { $0 + ($1.isFlat ? $1.predicted : 0) } * 2 > labels.count
        var others = [Int32](repeating: 0, count: labels.count)
        for row in labels.indices {
            var best = labels[row] == 0 ? 1 : 0
            for index in 0..<classes
            where index != Int(labels[row])
                && probabilities[row * classes + index] > probabilities[row * classes + best]
            {
                best = index
            }
            others[row] = Int32(best)
        }
        self.others = others
        var (sums, counts) = ([Double](repeating: 0, count: classes), [Double](repeating: 0, count: classes))
        for row in labels.indices {
            sums[Int(labels[row])] += probabilities[row * classes + Int(labels[row])]
            counts[Int(labels[row])] += 1
        }
        let shortfalls = labels.indices.map { row in
            let label = Int(labels[row])
            return sums[label] / max(1, counts[label]) - probabilities[row * classes + label]
        }
        self.shortfalls = shortfalls
        doubts = labels.indices.map { row in
            let (label, other) = (Int(labels[row]), Int(others[row]))
            let (own, rival) = (probabilities[row * classes + label], probabilities[row * classes + other])
            let doubt = Self.doubt(own, rival, anchors[other], anchors[label])
            // why: where overlap cannot be told from noise, rows far below what their label gets come first, and none
            // is called likelier wrong than right.
            return anchors[other].isFlat ? doubt : 0.3 * max(0, min(1, shortfalls[row]))
        }
    }

    /// The surest fifth of rows taken for a class, joined by the next three tenths when their share is no higher.
    private static func anchor(_ isOther: [Bool]) -> Anchor {
        let (fifth, half) = (isOther.count / 5, isOther.count / 2)
        let (surest, next) = (isOther[..<fifth].count { $0 }, isOther[fifth..<half].count { $0 })
        let (a, b) = (Double(surest) / Double(max(1, fifth)), Double(next) / Double(max(1, half - fifth)))
        let pooled = (Double(surest + next) + 0.5) / (Double(half) + 1)
        let deviation = (pooled * (1 - pooled) * (1 / Double(max(1, fifth)) + 1 / Double(max(1, half - fifth))))
            .squareRoot()
        let isFlat = half >= 50 && b <= max(a + 2 * deviation, 0.005)
        return Anchor(
            predicted: isOther.count, other: isFlat ? surest + next : surest, rows: isFlat ? half : fifth, surest: a,
            next: b, isFlat: isFlat)
    }

    /// Probability that a label is wrong: P(other | row) · e(other → label) / P(label given | row), with the shares of
    /// true classes solved from the given ones and held above 0 smoothly, so that order is kept.
    private static func doubt(_ own: Double, _ rival: Double, _ other: Anchor, _ label: Anchor) -> Double {
        let (e, back) = (max(1e-4, min(0.45, other.share)), max(1e-4, min(0.45, label.share)))
        let pair = max(1e-9, own + rival)
        let p = own / pair
        let soft = e / 6
        let right = soft * log1p(exp(min(500, (p - e) / soft))) / (1 - e - back)
        let kept = min(1, right * (1 - back) / max(1e-9, p + soft))
        return max(0, 1 - kept)
    }
}
