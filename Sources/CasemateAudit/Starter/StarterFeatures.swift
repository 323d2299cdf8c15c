import CasemateCore
import CasemateData
import CasemateModels
import Foundation

/// Finds the columns that a model takes: by name where the graph names them, else by their number.
struct StarterFeatures {
    /// Features in the model's order.
    struct Found {
        let features: [Feature]
        var needsList = false
        var reason: String?
    }
    let finder: StarterFinder
    let target: StarterTarget.Found
    let cancellation: Cancellation
    /// Rows on which choices of columns are compared, and the most choices.
    private static let rows = 1000, choices = 600

    func find() throws -> Found {
        if finder.takesNames { return Found(features: try finder.bound(to: nil, excluded: [])) }
        switch finder.model.signature.layout {
        case .columns: return Found(features: try finder.bound(to: nil, excluded: []))
        case .text: return try text()
        case .matrix, .image: return try matrix()
        }
    }

    // MARK: One text

    private func text() throws -> Found {
        let texts = finder.data.shared.filter { $0.column.type == .text && $0.name != target.column.name }
        guard texts.count > 1 else {
            return Found(features: try finder.bound(to: nil, excluded: [target.column.name]))
        }
        let lengths = try StarterSurvey.figures(
            texts.map { "CAST(avg(length(\(quoted($0.name)))) AS DOUBLE)" }, finder.data.leading.table)
        let longest = zip(texts, lengths).max { $0.1 < $1.1 }?.0.name ?? texts[0].name
        return Found(
            features: try finder.bound(to: [longest], excluded: []), needsList: true,
            reason: "The model takes one text; \(StarterYaml.shown(longest)) holds the longest ones. Check it.")
    }

    // MARK: One tensor

    private func matrix() throws -> Found {
        let isText = finder.model.signature.inputs.first?.type == .string
        var offered = finder.data.shared.filter {
            $0.name != target.column.name && (isText || $0.column.type.isNumeric)
        }
        guard let width = finder.model.rowSize else {
            offered.removeAll { StarterRoles.isIdentifier($0) || StarterWords.isProtected($0.name) }
            return Found(features: try finder.bound(to: offered.map(\.name), excluded: []), needsList: false)
        }
        guard offered.count >= width else { throw tooFew(offered, width) }
        for isOther in Self.others where offered.count > width {
            let rest = offered.filter { !isOther($0) }
            if rest.count >= width { offered = rest }
        }
        guard offered.count > width else {
            return Found(features: try finder.bound(to: offered.map(\.name), excluded: []))
        }
        guard !isText else { throw tooMany(offered, width) }
        return try compared(offered, width)
    }

    /// What is hardly a feature, the surest first.
    private static let others: [@Sendable (StarterColumn) -> Bool] = [
        { StarterRoles.isIdentifier($0) && StarterWords.isIdentifier($0.name) }, { StarterRoles.isIdentifier($0) },
        { StarterWords.isWeight($0.name) || StarterWords.isTime($0.name) || StarterWords.isSource($0.name) },
        { StarterWords.isProtected($0.name) },
    ]

    /// Of the columns that could go in, those with which the model agrees best with the labels.
    private func compared(_ offered: [StarterColumn], _ width: Int) throws -> Found {
        let extra = offered.count - width
        let sets = Self.leftOut(offered.count, extra)
        let labels = try Labels(finder, target, rows: Self.rows)
        let columns = try labels.survey.head(offered.map(\.name), rows: Self.rows)
        var results: [(left: Set<Int>, fit: Fit)] = []
        for left in sets {
            try cancellation.check()
            let kept = offered.indices.filter { !left.contains($0) }
            if let fit = try labels.fit(kept.map { columns[$0] }, offered: kept.map { offered[$0] }, self) {
                results.append((left, fit))
            }
        }
        guard let best = results.min(by: { $0.fit.loss < $1.fit.loss }) else { throw tooMany(offered, width) }
        // why: where the labels cannot tell choices apart, the columns that stand last are most often the ones beside.
        let likely = results.filter { best.fit.isNoBetter(than: $0.fit) }
        let chosen = likely.first ?? best
        let names = offered.indices.filter { !chosen.left.contains($0) }.map { offered[$0].name }
        func listed(_ left: Set<Int>) -> String {
            left.sorted().prefix(8).map { StarterYaml.shown(offered[$0].name) }.joined(separator: ", ")
        }
        let others = likely.dropFirst()
        let doubt =
            others.isEmpty
            ? "every other choice does worse"
            : "leaving out \(listed(others[others.startIndex].left)) instead does as well"
                + (others.count > 1 ? ", as do \(Words.count(others.count - 1, "other choice"))" : "")
        return Found(
            features: try finder.bound(to: names, excluded: []),
            reason: "The model takes \(width) of \(offered.count) columns of numbers and does not name them. Without "
                + "\(listed(chosen.left)) it \(labels.isValue ? "errs by" : "is right in") \(chosen.fit.words), of the "
                + "first \(labels.count) rows; \(doubt). Check it.")
    }

    /// Sets of columns to leave out: neighbours from the end of the table on, then any, as long as they are few.
    private static func leftOut(_ count: Int, _ extra: Int) -> [Set<Int>] {
        var sets = (0...(count - extra)).reversed().map { Set($0..<($0 + extra)) }
        sets = Array(sets.prefix(choices))
        guard extra == 2, count * (count - 1) / 2 <= choices else { return sets }
        for first in 0..<count {
            for second in (first + 1)..<count where second > first + 1 { sets.append([first, second]) }
        }
        return sets
    }

    // MARK: Errors

    private func tooFew(_ offered: [StarterColumn], _ width: Int) -> CasemateError {
        CasemateError(
            .mismatch, at: finder.data.leading.table.path,
            "the model takes \(width) values a row and the data have \(Words.count(offered.count, "column")) that "
                + "could go in, the target '\(target.column.name.inertName)' left out",
            help: "give the data as the model takes them, encoded as for its training")
    }
    private func tooMany(_ offered: [StarterColumn], _ width: Int) -> CasemateError {
        CasemateError(
            .mismatch, at: finder.data.leading.table.path,
            "the model takes \(width) values a row, \(offered.count) columns could go in, and nothing tells which: "
                + offered.prefix(12).map { "'\($0.name.inertName)'" }.joined(separator: ", "),
            help: "give data without the other columns, or write the file by hand with `model: {features: […]}`")
    }
}

extension StarterFeatures {
    /// How well the model agrees with the labels.
    struct Fit {
        /// Loss of each row: what is compared between choices.
        let losses: [Double]
        let words: String
        var loss: Double { losses.reduce(0, +) / Double(max(1, losses.count)) }

        /// Whether the rows do not show that this fit is better than another: the mean difference lies within two
        /// standard errors.
        func isNoBetter(than other: Fit) -> Bool {
            let differences = zip(other.losses, losses).map { $0 - $1 }
            let count = Double(max(2, differences.count)), mean = differences.reduce(0, +) / count
            let spread = differences.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / (count - 1)
            return mean <= 2 * (spread / count).squareRoot()
        }
    }

    /// Labels of the first rows.
    struct Labels {
        let survey: StarterSurvey
        let isValue: Bool
        let classes: [Int], values: [Double]
        var count: Int { isValue ? values.count : classes.count }

        init(_ finder: StarterFinder, _ target: StarterTarget.Found, rows: Int) throws {
            let data = finder.data
            survey = data.leading[target.column.name] == nil ? data.test : data.leading
            isValue = target.classes.isEmpty
            if isValue {
                (classes, values) = ([], try survey.head([target.column.name], rows: rows)[0])
            } else {
                let texts = Array(try survey.table.texts(target.column.name).prefix(rows))
                let places = Dictionary(target.classes.enumerated().map { ($1, $0) }) { first, _ in first }
                (classes, values) = (texts.map { $0.flatMap { places[$0] } ?? -1 }, [])
            }
        }

        /// Asks the model about rows of the given columns; `nil` when it cannot take them.
        func fit(_ columns: [[Double]], offered: [StarterColumn], _ search: StarterFeatures) throws -> Fit? {
            let count = self.count, width = columns.count
            var rows = [Float](repeating: .nan, count: count * width)
            for (place, column) in columns.enumerated() {
                for row in 0..<min(count, column.count) { rows[row * width + place] = Float(column[row]) }
            }
            let model = search.finder.model
            let answers: Predictions
            do {
                answers = try TableModel(
                    model: model, columns: offered.map(\.column), declared: offered.map(\.name), excluded: [],
                    levels: { _ in [] }
                ).predict(rows, count: count, cancellation: search.cancellation)
            } catch is CasemateError { return nil }
            return isValue ? valueFit(answers) : classFit(answers)
        }

        private func valueFit(_ answers: Predictions) -> Fit? {
            let errors = zip(answers.scores, values).map { (Double($0) - $1) * (Double($0) - $1) }
            let error = (errors.reduce(0, +) / Double(max(1, count))).squareRoot()
            return error.isFinite ? Fit(losses: errors, words: String(format: "%.3g root mean square", error)) : nil
        }

        private func classFit(_ answers: Predictions) -> Fit? {
            let known = classes.indices.filter { classes[$0] >= 0 }
            guard !known.isEmpty else { return nil }
            let wrong = known.map { Int(answers.labels[$0]) == classes[$0] ? 0.0 : 1 }
            let share = Words.percent(1 - wrong.reduce(0, +) / Double(known.count)) + " of rows"
            guard answers.kind == .probabilities || answers.kind == .logits else {
                return Fit(losses: wrong, words: share)
            }
            let width = answers.classes.count
            let losses = known.map { -log(max(1e-6, Double(answers.scores[$0 * width + classes[$0]]))) }
            guard losses.allSatisfy(\.isFinite) else { return nil }
            let mean = losses.reduce(0, +) / Double(known.count)
            return Fit(losses: losses, words: "\(share) (log loss \(Words.fixed(mean, digits: 3)))")
        }
    }
}
