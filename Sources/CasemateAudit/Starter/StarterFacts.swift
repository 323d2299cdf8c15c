import CasemateCore
import CasemateData
import CasemateModels

/// What was found out about a model and its data.
struct StarterFacts: Sendable {
    /// What goes in and comes out.
    var signature: ModelSignature
    /// The task that had to be declared, because the model does not tell.
    var declaredTask: ModelTask?
    /// The predicted column of the test data, and why.
    var target: StarterColumn, targetReason: String
    /// Classes in the model's order, as the data spell them; empty for a regression.
    var classes: [String]
    /// Test rows of each class.
    var classCounts: [String: Int]
    /// Features in the model's order.
    var features: [Feature]
    /// Why it is these, where that was a choice; `nil` where the model names them or all columns fit.
    var featureReason: String?
    /// Whether the model itself says which columns it takes.
    var takesNames = false
    /// Whether the file has to name the features.
    var needsFeatureList: Bool
    /// Roles of the other columns.
    var roles = StarterRoles()
    /// The outcome that people probably want.
    var favourable: Favourable?
    /// What somebody should look at.
    var notes: [String] = []

    /// An outcome that people want, by its name.
    struct Favourable: Hashable, Sendable {
        let value: String, reason: String
        /// Whether names leave no doubt.
        let isObvious: Bool
    }
}

/// Roles of columns that are not the target.
struct StarterRoles: Hashable, Sendable {
    /// A protected attribute with what is known about it.
    struct Protected: Hashable, Sendable {
        let column: String
        var buckets: [Double] = []
        var note = ""
    }
    var identifiers: [String] = [], protected: [Protected] = [], ignored: [String] = []
    var time: String?, source: String?
    /// A column whose name sounds like row weights; it is left out until somebody says so.
    var weights: String?

    init() {}

    /// Gives every column of the data its role.
    init(_ data: StarterData, target: String, features: [Feature], notes: inout [String]) throws {
        let taken = Set(features.map(\.name))
        for column in data.test.columns where column.name != target {
            let isFeature = taken.contains(column.name)
            if StarterWords.isProtected(column.name), let found = try Self.protected(column, data.test, &notes) {
                protected.append(found)
            } else if !isFeature {
                place(column)
            }
        }
        let known = Set(data.test.columns.map(\.name))
        // why: a column that only the training data have would else be taken for a feature.
        ignored += (data.train?.columns ?? []).map(\.name).filter { !known.contains($0) }
    }

    private mutating func place(_ column: StarterColumn) {
        let isMoment = column.column.type == .date || column.column.type == .timestamp
        if Self.isIdentifier(column) {
            identifiers.append(column.name)
        } else if weights == nil, StarterWords.isWeight(column.name), let low = column.low, low >= 0,
            column.column.missing == 0
        {
            weights = column.name
            ignored.append(column.name)
        } else if time == nil, isMoment || StarterWords.isTime(column.name), column.distinct > 1 {
            time = column.name
        } else if source == nil, StarterWords.isSource(column.name), (2...1000).contains(column.distinct) {
            source = column.name
        } else {
            ignored.append(column.name)
        }
    }

    /// Whether a column names rows: another text or whole number in each, and enough rows or a name that says so.
    static func isIdentifier(_ column: StarterColumn) -> Bool {
        guard column.column.type == .integer || column.column.type == .text else { return false }
        return column.isUnique && (column.rows >= 20 || StarterWords.isIdentifier(column.name))
    }

    private static func protected(
        _ column: StarterColumn, _ survey: StarterSurvey, _ notes: inout [String]
    ) throws -> Protected? {
        guard column.distinct > 1, !isIdentifier(column) else { return nil }
        let name = StarterYaml.shown(column.name)
        guard column.column.type.isNumeric else {
            let isMoment = column.column.type == .date || column.column.type == .timestamp
            guard column.distinct <= 50, !isMoment else {
                notes.append(
                    "\(name) sounds like a protected attribute and has \(Words.count(column.distinct, "value")): make "
                        + "a column of groups of it.")
                return nil
            }
            return Protected(column: column.name, note: Words.count(column.distinct, "group"))
        }
        let isAge = StarterWords.isAge(column.name) && column.distinct > 8
        guard isAge || column.distinct > 50 else {
            return Protected(
                column: column.name, note: column.distinct > 2 ? "\(column.distinct) codes: what do they mean?" : "")
        }
        var cuts = try cuts(column, survey)
        if cuts.count > 1 { cuts = Array(Set(cuts)).sorted() }
        guard !cuts.isEmpty else { return nil }
        return Protected(column: column.name, buckets: cuts, note: "cuts are a suggestion: take those of your rules")
    }

    /// Cuts at ages that laws and statistics use, where people stand on both sides; else the median.
    private static func cuts(_ column: StarterColumn, _ survey: StarterSurvey) throws -> [Double] {
        let cell = "CAST(\(quoted(column.name)) AS DOUBLE)"
        if StarterWords.isAge(column.name), let low = column.low, let high = column.high, low >= 0, high <= 130 {
            let ages: [Double] = [25, 40, 60]
            let below = try StarterSurvey.figures(
                ages.map { "CAST(count(*) FILTER (WHERE \(cell) < \(Int($0))) AS DOUBLE)" }, survey.table)
            let known = Double(column.rows - column.column.missing), least = max(10, known / 50)
            var (kept, last): ([Double], Double) = ([], 0)
            for (age, count) in zip(ages, below) where count - last >= least && known - count >= least {
                (kept, last) = (kept + [age], count)
            }
            if !kept.isEmpty { return kept }
        }
        let middle = try StarterSurvey.figures(["median(\(cell)) FILTER (WHERE isfinite(\(cell)))"], survey.table)[0]
        guard middle.isFinite, let low = column.low, middle > low else { return [] }
        return [middle]
    }
}
