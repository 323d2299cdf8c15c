import Foundation

/// A filter of texts by token scores, as SpamBayes has it: cheap to train, and to train again with one text more.
///
/// Sources: Robinson, "A statistical approach to the spam problem", 2003; Nelson et al., "Exploiting machine learning
/// to subvert your spam filter", LEET 2008, section 2 (both scores, the discriminators, Fisher's combination).
public struct TokenFilter: Hashable, Sendable {
    /// Texts of either class that were learnt; index 1 is the class whose score `score` gives.
    public private(set) var texts = [0.0, 0.0]
    /// Number of texts of either class that hold each token.
    public private(set) var counts: [[Double]]
    /// Strength of the prior and the prior itself: Robinson's s and x.
    public var priorStrength = 0.45, prior = 0.5
    /// Tokens looked at in a text, those farthest from neutral, and how far they must be from it.
    public var discriminators = 150, neutralZone = 0.1

    /// A filter that has learnt nothing, over tokens below `width`.
    public init(width: Int) { counts = [[Double](repeating: 0, count: width), [Double](repeating: 0, count: width)] }

    /// Learns a text of class 0 or 1; a negative weight unlearns it.
    public mutating func learn(_ tokens: some Sequence<Int32>, class label: Int, weight: Double = 1) {
        texts[label] += weight
        for token in tokens { counts[label][Int(token)] += weight }
    }

    /// Score of a token for class 1, in 0…1: Robinson's f(w).
    public func tokenScore(_ token: Int32) -> Double {
        let (zero, one) = (counts[0][Int(token)], counts[1][Int(token)])
        let (shareZero, shareOne) = (zero / max(texts[0], 1), one / max(texts[1], 1))
        let total = zero + one
        let raw = shareZero + shareOne > 0 ? shareOne / (shareZero + shareOne) : prior
        return (priorStrength * prior + total * raw) / (priorStrength + total)
    }

    /// Score of a text for class 1, in 0…1; 0.5 says nothing. Fisher's method over the discriminators, both ways.
    public func score(_ tokens: some Sequence<Int32>) -> Double {
        var scores = tokens.map { tokenScore($0) }.filter { abs($0 - 0.5) >= neutralZone }
        if scores.count > discriminators {
            scores.sort { abs($0 - 0.5) > abs($1 - 0.5) }
            scores.removeLast(scores.count - discriminators)
        }
        guard !scores.isEmpty else { return 0.5 }
        var (ham, spam) = (0.0, 0.0)
        for score in scores {
            ham += log(max(score, 1e-300))
            spam += log(max(1 - score, 1e-300))
        }
        let h = Self.chiSquared(-2 * ham, evenDegrees: 2 * scores.count)
        let s = Self.chiSquared(-2 * spam, evenDegrees: 2 * scores.count)
        return (1 + h - s) / 2
    }

    /// Probability that a chi-squared variable with an even number of degrees of freedom exceeds a value: the closed
    /// form, a Poisson sum in logarithms.
    static func chiSquared(_ value: Double, evenDegrees: Int) -> Double {
        let half = value / 2
        guard half > 0 else { return 1 }
        var term = -half
        var total = 0.0
        for step in 0..<(evenDegrees / 2) {
            if step > 0 { term += log(half / Double(step)) }
            total += exp(term)
        }
        return min(1, total)
    }
}
