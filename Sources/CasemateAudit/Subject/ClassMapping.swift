import CasemateCore
import Foundation

/// Fits the labels of a data file to the classes of a model.
///
/// The rules, in order: the same text; the same number (`1` and `1.0`, `true` and `1`); and, when the model's
/// classes are only numbered from 0, the data's labels in ascending order, in which the common libraries number them.
struct ClassMapping {
    /// Names of the model's classes, in the data's spelling where they were matched.
    let classes: [String]
    private let index: [String: Int]

    /// Fits labels to classes.
    /// - Parameters:
    ///   - classes: Names in the model's column order.
    ///   - labels: Distinct labels of the data.
    ///   - place: The data file and column, for messages.
    init(classes: [String], labels: [String], place: String) throws(CasemateError) {
        var matched: [String: Int] = [:]
        for label in labels {
            if let found = Self.match(label, among: classes) { matched[label] = found }
        }
        let unmatched = labels.filter { matched[$0] == nil }
        if !unmatched.isEmpty {
            let areNumbered = classes.enumerated().allSatisfy { $1 == String($0) }
            guard areNumbered, labels.count == classes.count else {
                throw Self.mismatch(unmatched, classes: classes, labels: labels, place: place)
            }
            matched = Dictionary(uniqueKeysWithValues: Self.ascending(labels).enumerated().map { ($1, $0) })
        }
        var names = classes
        for (label, position) in matched { names[position] = label }
        (self.classes, index) = (names, matched)
    }

    /// Position of a label of the data, or of a spelling of it in the configuration.
    func position(of label: String) -> Int? {
        index[label] ?? Self.match(label, among: classes)
    }

    /// Position of the class that is spelt so, or is the same number.
    static func match(_ label: String, among classes: [String]) -> Int? {
        if let exact = classes.firstIndex(of: label) { return exact }
        guard let number = number(label) else { return nil }
        return classes.firstIndex { Self.number($0) == number }
    }

    private static func number(_ text: String) -> Double? {
        switch text.lowercased() {
        case "true": 1
        case "false": 0
        default: Double(text)
        }
    }

    private static func ascending(_ labels: [String]) -> [String] {
        let numbers = labels.compactMap(Double.init)
        guard numbers.count == labels.count else { return labels.sorted() }
        return labels.sorted { (Double($0) ?? 0) < (Double($1) ?? 0) }
    }

    private static func mismatch(
        _ unmatched: [String], classes: [String], labels: [String], place: String
    ) -> CasemateError {
        // why: labels are class names, not data of a person; a few of them are needed to see the mistake.
        let few = unmatched.sorted().prefix(5).map { "'\($0)'" }.joined(separator: ", ")
        let known = classes.prefix(10).map { "'\($0)'" }.joined(separator: ", ")
        return CasemateError(
            .mismatch, at: place,
            "\(labels.count) distinct labels do not fit the model's \(classes.count) classes: \(few) "
                + "\(unmatched.count == 1 ? "is" : "are") not among \(known)",
            help:
                "name the classes in the model's column order with `model: {output: {classes: [...]}}`, or check `target`"
        )
    }
}
