import CasemateCore

/// When a signal's question is answered with yes, and how often honest traffic does so at most.
struct PatternLimits: Sendable {
    /// Share of reference rows beyond a threshold.
    static let level = 0.05
    /// Distance from the reference, and from its correlations, above which a row is unusual.
    var offManifold = Double.infinity, correlation = Double.infinity
    /// Plausibility below which the values of a row do not go together.
    var plausibility = -Double.infinity
    /// Sorted distances, correlations and plausibilities of reference rows, and the strangeness above which a row is
    /// unusual by all three.
    var ranks = StrangenessRanks(), strangeness = Double.infinity
    /// Margin below which the model is unsure.
    var margin = -Double.infinity
    /// Largest margin that counts as low: where a model is surer than that of nearly all reference rows it has seen them
    /// in training, and is honestly less sure of others.
    static let lowestMargin = 0.5
    /// Distance of sketches below which a row is nearly another, and nearly two others, in units of the distance to the
    /// nearest reference rows.
    var nearest = 0.0, second = 0.0
    /// Groups of columns in which rows of a sweep differ at most.
    var differing = 0
    /// Gap between probabilities below which two answers are nearly the same.
    var gap = 0.0
    /// Rows of a client that a new one is compared with.
    var window = 64
    /// How often honest traffic says yes at most, by signal and stratum; 1 for a signal that is blind.
    var honest = [[Double]](
        repeating: [Double](repeating: 1, count: 1), count: PatternSignal.count)

    /// Whether honest traffic says yes so often that the signal says nothing.
    func isBlind(_ signal: PatternSignal) -> Bool { (honest[signal.index].min() ?? 1) > 0.5 }

    /// The bound of a signal in a stratum.
    func bound(_ signal: PatternSignal, _ stratum: Int) -> Double {
        let bounds = honest[signal.index]
        return stratum < bounds.count ? bounds[stratum] : bounds[bounds.count - 1]
    }
}

/// How strange a row is by several scores together: the sum of the logarithms of its ranks among reference rows.
///
/// Source: Fisher, "Statistical Methods for Research Workers", 1925 (combination of significances); here a score of which
/// the distribution is taken from the reference, since the parts depend on each other.
struct StrangenessRanks: Sendable {
    private var sorted: [[Double]] = []

    init() {}
    /// Takes scores that grow with strangeness, one list a score.
    init(_ scores: [[Double]]) { sorted = scores.map { $0.sorted() } }

    /// The strangeness of a row with the given scores.
    func strangeness(_ scores: [Double]) -> Double {
        zip(scores, sorted).reduce(0) { sum, part in
            var (low, high) = (0, part.1.count)
            while low < high {
                let middle = (low + high) / 2
                if part.1[middle] < part.0 { low = middle + 1 } else { high = middle }
            }
            return sum - (Double(part.1.count - low + 1) / Double(part.1.count + 1)).logarithm
        }
    }
}
