import CasemateAttacks
import CasemateCore
import Synchronization

/// A linear model over words: decision 1 where `bias` and the weights of the words add up to 0 or more. Words are runs
/// of ASCII letters and digits in lower case; each counts once, or as often as it stands there.
final class BagOfWords: TextOracle {
    let weights: [String: Double], bias: Double
    let countsAll: Bool
    let scale: TextAnswers.Scale
    private let counts = Mutex((texts: 0, calls: 0))
    var classes: Int { 2 }
    var asked: Int { counts.withLock { $0.texts } }
    var calls: Int { counts.withLock { $0.calls } }

    init(
        _ weights: [String: Double], bias: Double, countsAll: Bool = true, scale: TextAnswers.Scale = .values
    ) {
        (self.weights, self.bias, self.countsAll, self.scale) = (weights, bias, countsAll, scale)
    }

    static func words(_ text: String) -> [String] {
        text.unicodeScalars.split { !($0.isASCII && ($0.properties.isAlphabetic || $0.properties.numericType != nil)) }
            .map { String($0).lowercased() }
    }

    func score(_ text: String) -> Double {
        let words = Self.words(text)
        return (countsAll ? words : Array(Set(words))).sorted().reduce(bias) { $0 + weights[$1, default: 0] }
    }

    func answer(_ texts: [String]) -> TextAnswers {
        counts.withLock { $0 = ($0.texts + texts.count, $0.calls + 1) }
        let scores = texts.map(score)
        let given: [Float] =
            switch scale {
            case .none: []
            case .values: scores.flatMap { [Float(-$0), Float($0)] }
            case .probabilities:
                scores.flatMap { score in
                    let odds = score.exponential
                    return [Float(1 / (1 + odds)), Float(odds / (1 + odds))]
                }
            }
        return TextAnswers(labels: scores.map { $0 >= 0 ? 1 : 0 }, scores: given)
    }
}

/// A made language of words with known weights, and messages in it.
struct MadeLanguage {
    let oracle: BagOfWords
    let problem: TextProblem

    /// - Parameters:
    ///   - count: Messages to attack; half as many are known to the attacker of each kind.
    init(count: Int, seed: UInt64, countsAll: Bool = true, scale: TextAnswers.Scale = .values) throws {
        var generator = SeededGenerator(seed: seed)
        let bad = (0..<30).map { Self.word("b", $0) }
        let good = (0..<30).map { Self.word("g", $0) }
        let plain = (0..<60).map { Self.word("p", $0) }
        var weights: [String: Double] = [:]
        for word in bad { weights[word] = 0.5 + generator.uniformDouble() }
        for word in good { weights[word] = -0.3 - generator.uniformDouble() }
        let all = BagOfWords(weights, bias: -1, countsAll: countsAll, scale: scale)
        func message(_ kind: [String], _ generator: inout SeededGenerator) -> String {
            let own = (0..<3 + Int(generator.next() % 3)).map { _ in kind[Int(generator.next() % 30)] }
            let rest = (0..<6).map { _ in plain[Int(generator.next() % 60)] }
            return (own + rest).shuffled(using: &generator).joined(separator: " ")
        }
        let texts = (0..<count).map { _ in message(bad, &generator) }
        let known =
            (0..<count).map { _ in message(good, &generator) } + (0..<count).map { _ in message(bad, &generator) }
        let knownLabels = [Int32](repeating: 0, count: count) + [Int32](repeating: 1, count: count)
        oracle = all
        problem = try TextProblem(
            texts: texts, labels: [Int32](repeating: 1, count: count), identifiers: Array(0..<count), known: known,
            knownLabels: knownLabels)
    }

    /// A word of letters only that no operator turns into another word of the language.
    private static func word(_ kind: String, _ number: Int) -> String {
        let letters = Array("kmnrvwzh")
        return kind + "u" + String([letters[number / 8], "u", letters[number % 8], "u", kind.first ?? "x"])
    }
}

extension Double {
    /// e to the power of this.
    fileprivate var exponential: Double {
        var (sum, term) = (1.0, 1.0)
        for step in 1..<200 {
            term *= self / Double(step)
            sum += term
        }
        return sum
    }
}
