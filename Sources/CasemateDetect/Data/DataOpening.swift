import CasemateCore
public import CasemateData
public import CasemateModels

/// Makes a `DataSubject` of tables: which columns are features, which are texts, what the labels are.
public struct DataOpening: Sendable {
    /// The tables, opened in one call so that SQL can join them.
    public var train: DataTable, reference: DataTable?, test: DataTable?
    /// What columns mean; a target that is not named is looked for under the usual names.
    public var roles = DataSubject.Roles()
    /// The model and the release before it, bound to the columns of `train`.
    public var model: TableModel?, previous: TableModel?
    /// Declared rules.
    public var constraints: [ConstraintRule] = []
    /// Engines for checks that train.
    public var boosting: LightGBM?, runtime: OnnxRuntime?
    /// Names that a target often has, the likeliest first; upper and lower case alike.
    public static let usualTargets = ["label", "target", "class", "y"]
    /// A text column with more different values than this holds texts, not categories.
    public static let levelLimit = 100

    /// Makes an opening.
    public init(train: DataTable, reference: DataTable? = nil, test: DataTable? = nil) {
        (self.train, self.reference, self.test) = (train, reference, test)
    }

    /// Makes the subject.
    /// - Parameter name: What it is called in sentences and fingerprints.
    /// - Throws: `notFound` for a declared column that is not there; what reading throws; `Cancelled`.
    public func subject(name: String) throws -> DataSubject {
        var notes = [("training data", train), ("reference", reference), ("test data", test)].flatMap { role, table in
            table?.notes.map { "Of the \(role): \($0)" } ?? []
        }
        let roles = try settled(&notes)
        let (features, texts) = try columns(roles, &notes)
        let labels = try labels(roles, &notes)
        return DataSubject(
            name: name, train: train, reference: reference, test: test, roles: roles, features: features, texts: texts,
            labels: labels, referenceLabels: try reference.flatMap { try Self.values($0, roles.target, labels) },
            testLabels: try test.flatMap { try Self.values($0, roles.target, labels) }, count: train.count,
            model: model, previous: previous, constraints: constraints, boosting: boosting, runtime: runtime,
            notes: notes)
    }

    /// The roles with the target that is meant; declared columns must be there.
    private func settled(_ notes: inout [String]) throws -> DataSubject.Roles {
        var roles = self.roles
        let declared =
            [roles.target, roles.source, roles.time].compactMap(\.self) + roles.identifiers + roles.protected
        for column in declared { _ = try train.column(column) }
        if roles.target == nil {
            let names = train.columns.map(\.name).filter { !roles.ignored.contains($0) }
            let found = Self.usualTargets.lazy.compactMap { usual in names.first { $0.lowercased() == usual } }.first
            roles.target = found
            notes.append(
                found.map { "Column '\($0)' is taken for the labels, since no target is named." }
                    ?? "No target is named, so nothing is said of labels.")
        }
        return roles
    }

    /// Features and text columns.
    private func columns(
        _ roles: DataSubject.Roles, _ notes: inout [String]
    ) throws -> (features: [Feature], texts: [String]) {
        let others = Set(
            [roles.target, roles.source, roles.time].compactMap(\.self) + roles.identifiers + roles.ignored)
        var features: [Feature] = []
        var texts: [String] = []
        var empty: [String] = []
        let counters = try rowNumbers()
        for column in train.columns where !others.contains(column.name) {
            if column.missing == train.count {
                empty.append(column.name)
                continue
            }
            if column.type == .text {
                if let levels = try levels(column.name) {
                    features.append(Feature(column.name, .categorical(levels: levels)))
                } else {
                    texts.append(column.name)
                }
            } else if counters.contains(column.name) {
                notes.append("Column '\(column.name.clipped(to: 60))' counts the rows and is left out.")
            } else {
                features.append(Feature(column.name))
            }
        }
        notes += empty.prefix(3).map { "Column '\($0.clipped(to: 60))' is missing in every row and is left out." }
        if empty.count > 3 {
            notes.append("\(empty.count - 3) more columns are missing in every row and are left out.")
        }
        return (features, texts)
    }

    /// Values of a category over all tables; `nil` for texts.
    private func levels(_ column: String) throws -> [String]? {
        var all: [String] = []
        var seen: Set<String> = []
        for table in [train, reference, test].compactMap(\.self)
        where table.columns.contains(where: { $0.name == column }) {
            let found = try table.distinct(column, limit: Self.levelLimit + 1).map(\.value)
            all += found.filter { seen.insert($0).inserted }
            if all.count > Self.levelLimit { return nil }
        }
        // why: nearly as many values as rows are names or texts, also where there are few rows.
        if all.count > 20, all.count * 2 > train.count { return nil }
        return all.sorted()
    }

    /// Columns of whole numbers that count the rows up by one.
    ///
    /// why blocks: a query per column of a wide table would plan all its columns each time.
    private func rowNumbers() throws -> Set<String> {
        guard train.count > 20 else { return [] }
        let whole = train.columns.filter { $0.type == .integer && $0.missing == 0 }
        var found: Set<String> = []
        for start in stride(from: 0, to: whole.count, by: 64) {
            let block = whole[start..<min(start + 64, whole.count)]
            let ends = block.flatMap { column in
                ["min", "max"].map { "CAST(\($0)(\(quoted(column.name))) AS DOUBLE)" }
            }
            let answer = try train.query("SELECT \(ends.joined(separator: ", ")) FROM {table}")
            for (place, column) in block.enumerated() {
                guard let low = answer.columns[2 * place].numbers?.first,
                    let high = answer.columns[2 * place + 1].numbers?.first, high - low == Double(train.count - 1)
                else { continue }
                let sql = "SELECT count(DISTINCT \(quoted(column.name))) FROM {table}"
                if try train.query(sql).columns.first?.numbers?.first == Double(train.count) {
                    found.insert(column.name)
                }
            }
        }
        return found
    }

    private func labels(_ roles: DataSubject.Roles, _ notes: inout [String]) throws -> DataSubject.Labels? {
        guard let target = roles.target else { return nil }
        let column = try train.column(target)
        let isNumber = column.type == .number || column.type == .date || column.type == .timestamp
        let limit = isNumber ? 50 : LabelColumn.classLimit
        let found = try train.distinct(target, limit: limit + 1).count
        guard found <= limit else {
            notes.append("Target '\(target.clipped(to: 60))' has more than \(limit) values: no check of labels.")
            return nil
        }
        guard found > 1 else {
            notes.append("Target '\(target.clipped(to: 60))' has one class only: no check of labels.")
            return nil
        }
        let classes = try train.levels(target, limit: limit)
        if column.missing > 0 { notes.append("The label is missing in \(column.missing) rows.") }
        let favourable = try roles.favourable.map { value throws -> Int in
            let spelt = CanonicalText.of(value, as: column.type)
            if let index = classes.firstIndex(of: spelt) { return index }
            throw CasemateError(
                .mismatch, at: train.path,
                "favourable outcome '\(value.clipped(to: 60))' does not occur in '\(target.clipped(to: 60))'"
                    + Suggestion.clause(for: value, among: classes),
                help: "outcomes: \(classes.prefix(10).map { $0.clipped(to: 40) }.joined(separator: ", "))")
        }
        let coded = DataSubject.Labels(classes: classes, values: [], favourable: favourable)
        let values = try Self.values(train, target, coded) ?? []
        return DataSubject.Labels(classes: classes, values: values, favourable: favourable)
    }

    /// Classes of the rows of a table; `nil` where it has no such column.
    private static func values(
        _ table: DataTable, _ target: String?, _ labels: DataSubject.Labels?
    ) throws -> [Int32]? {
        guard let target, let labels, table.columns.contains(where: { $0.name == target }) else { return nil }
        return try table.codes(target, levels: labels.classes)
    }
}
