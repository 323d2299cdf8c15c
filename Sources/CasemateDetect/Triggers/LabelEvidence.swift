import Foundation

/// What each row adds to the evidence that a set of rows has its label fixed by a trigger.
///
/// For the class t, a row with that label adds `log((1 - slack) / p)` and another one `log(slack / (1 - p))`, where p is
/// the probability of t that the rest of the row gives. The sum over a set of rows is the logarithm of a likelihood
/// ratio, so that a sum of x or more has a probability of at most `exp(-x)` where labels follow p (Markov's
/// inequality; Vovk and Wang, "E-values", Annals of Statistics, 2021). Sums are cheap, which a search needs.
struct LabelEvidence: Sendable {
    /// Rows and classes.
    let count: Int, classes: Int
    /// Class of each row.
    let labels: [Int32]
    /// `[classes, count]`: what each row adds for each class.
    let scores: [Float]
    /// `[classes, count]`: the expected probabilities, kept within bounds.
    let expected: [Float]

    /// - Parameters:
    ///   - probabilities: `[count, classes]`.
    ///   - labels: Class of each row, none missing.
    init(probabilities: [Float], labels: [Int32], classes: Int, settings: TriggerSettings) {
        let count = labels.count
        (self.count, self.classes, self.labels) = (count, classes, labels)
        let (bound, slack) = (Float(settings.surest), Float(settings.slack))
        let kept = [Float](unsafeUninitializedCapacity: count * classes) { target, done in
            for label in 0..<classes {
                for row in 0..<count {
                    let value = min(1 - bound, max(bound, probabilities[row * classes + label]))
                    target.initializeElement(at: label * count + row, to: value)
                }
            }
            done = count * classes
        }
        scores = [Float](unsafeUninitializedCapacity: count * classes) { target, done in
            for label in 0..<classes {
                for row in 0..<count {
                    let place = label * count + row
                    let value = kept[place]
                    target.initializeElement(
                        at: place,
                        to: Int(labels[row]) == label ? log((1 - slack) / value) : log(slack / (1 - value)))
                }
            }
            done = count * classes
        }
        expected = kept
    }

    /// Evidence for one class over some rows.
    func sum(_ rows: some Sequence<Int>, _ target: Int) -> Double {
        let first = target * count
        return rows.reduce(0) { $0 + Double(scores[first + $1]) }
    }

    /// The same sum for probabilities of a class that were found for these rows.
    static func sum(_ hits: [Bool], _ probabilities: [Double], settings: TriggerSettings) -> Double {
        zip(hits, probabilities).reduce(0) { sum, row in
            let value = min(1 - settings.surest, max(settings.surest, row.1))
            return sum + (row.0 ? log((1 - settings.slack) / value) : log(settings.slack / (1 - value)))
        }
    }
}
