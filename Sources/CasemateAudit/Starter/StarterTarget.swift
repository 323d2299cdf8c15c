import CasemateCore
import CasemateData
import CasemateModels

/// Finds the column that a model predicts.
struct StarterTarget {
    /// A column that fits.
    struct Found {
        let column: StarterColumn
        let reason: String
        let classes: [String]
        let counts: [String: Int]
        var notes: [String] = []
    }
    private struct Fit {
        let column: StarterColumn
        let classes: [String]
        /// Whether the labels are spelt as the model's classes.
        let isExact: Bool
    }
    let signature: ModelSignature
    let data: StarterData
    /// Columns that the model takes by their names.
    let taken: Set<String>
    /// Whether `taken` is all that it takes.
    let knowsFeatures: Bool

    /// The target that was named, else the one that names and values single out.
    func find(_ named: String?) throws -> Found {
        if let named {
            let column = try data.test.table.column(named)
            guard let survey = data.test[column.name] else { throw noColumn() }
            guard let fit = try self.fit(survey) else { throw misfit(survey) }
            return try found(fit, "named on the command line")
        }
        let fits = try data.test.columns.filter { !taken.contains($0.name) }.compactMap { try self.fit($0) }
        let isValue = signature.task == .regression
        let likely = fits.filter { StarterWords.isTarget($0.column.name, isValue: isValue) }
        let isNumbered = signature.classes.enumerated().allSatisfy { $1 == String($0) }
        for group in [likely, likely.filter(\.isExact)] where group.count == 1 {
            return try found(group[0], isValue ? "its name says so" : "its name says so, and its values fit")
        }
        if likely.isEmpty, !isNumbered, !isValue, case let exact = fits.filter(\.isExact), exact.count == 1 {
            return try found(exact[0], "the only column with the model's classes")
        }
        if fits.count == 1, knowsFeatures || !isValue {
            return try found(fits[0], "the only column that the model does not take and whose values fit")
        }
        throw fits.isEmpty ? noColumn() : ambiguous((likely.isEmpty ? fits : likely).map(\.column))
    }

    /// Whether the model gives one raw value a row and the target has two outcomes.
    func looksLikeLogit(_ named: String?) throws -> Bool {
        guard signature.task == .regression else { return false }
        if let named { return data.test[named]?.distinct == 2 }
        let free = data.test.columns.filter { !taken.contains($0.name) && !StarterRoles.isIdentifier($0) }
        let likely = free.filter { StarterWords.isTarget($0.name, isValue: true) }
        return likely.count == 1 && likely[0].distinct == 2
    }

    // MARK: Fitting

    private func fit(_ column: StarterColumn) throws -> Fit? {
        guard column.column.missing == 0, column.distinct > 1 else { return nil }
        guard signature.task != .regression else {
            let isName = StarterRoles.isIdentifier(column) && StarterWords.isIdentifier(column.name)
            guard column.column.type.isNumeric, column.distinct > 2, !isName else { return nil }
            return Fit(column: column, classes: [], isExact: true)
        }
        guard column.distinct <= signature.classes.count else { return nil }
        var labels = try data.test.table.levels(column.name, limit: signature.classes.count)
        if let train = data.train, let own = train[column.name] {
            guard own.distinct <= signature.classes.count else { return nil }
            let known = Set(labels)
            labels += try train.table.levels(column.name, limit: signature.classes.count)
                .filter { !known.contains($0) }
        }
        guard let mapping = try? ClassMapping(classes: signature.classes, labels: labels, place: "data") else {
            return nil
        }
        let isExact = labels.allSatisfy { ClassMapping.match($0, among: signature.classes) != nil }
        return Fit(column: column, classes: mapping.classes, isExact: isExact)
    }

    private func found(_ fit: Fit, _ reason: String) throws -> Found {
        let counts =
            signature.task == .regression
            ? [] : try data.test.table.distinct(fit.column.name, limit: LabelColumn.classLimit)
        var found = Found(
            column: fit.column, reason: reason, classes: fit.classes,
            counts: Dictionary(counts.map { ($0.value, $0.count) }) { first, _ in first })
        if !fit.isExact, !fit.classes.isEmpty {
            let spelt = fit.classes.prefix(10).map { StarterYaml.shown($0) }.joined(separator: ", ")
            found.notes.append(
                "The model numbers its classes from 0; the labels are taken in ascending order: \(spelt). Check that "
                    + "the training numbered them so.")
        }
        return found
    }

    // MARK: Errors

    private var expectation: String {
        switch signature.task {
        case .regression: "a column of numbers without gaps that the model does not take"
        default:
            "a column without gaps whose values fit the model's classes "
                + signature.classes.prefix(10).map { "'\($0.inertName)'" }.joined(separator: ", ")
        }
    }

    private func noColumn() -> CasemateError {
        CasemateError(
            .mismatch, at: data.test.table.path, "no column fits as the target: expected \(expectation)",
            help: "name it with --target COLUMN, or give data that hold the outcome")
    }

    private func ambiguous(_ columns: [StarterColumn]) -> CasemateError {
        let names = columns.prefix(12).map { "'\($0.name.inertName)'" }.joined(separator: ", ")
        return CasemateError(
            .mismatch, at: data.test.table.path,
            "several columns could be what the model predicts: \(names)"
                + (columns.count > 12 ? " and \(columns.count - 12) more" : ""),
            help: "name the one that it predicts with --target COLUMN")
    }

    private func misfit(_ column: StarterColumn) -> CasemateError {
        let what: String
        if column.column.missing > 0 {
            what = "is missing in \(column.column.missing) of \(Words.count(column.rows, "row"))"
        } else if column.distinct < 2 {
            what = "is the same in every row"
        } else if signature.task == .regression {
            what = "is no number, and the model gives one value a row"
        } else {
            what = "has \(Words.count(column.distinct, "value")) that do not fit"
        }
        return CasemateError(
            .mismatch, at: "\(data.test.table.path):'\(column.name.inertName)'", "the target \(what)",
            help: "expected \(expectation)")
    }
}
