public import CasemateCore
public import CasemateData

/// Rows to attack, what counts as success for each, and where an attacker may move.
public struct EvasionProblem: Sendable {
    /// What an attacker wants the model to say.
    public enum Goal: Hashable, Sendable {
        /// Anything but this label.
        case untargeted(label: Int32)
        /// This label.
        case targeted(label: Int32)
        /// Whether `label` is what the attacker wants.
        @inline(__always)
        public func isReached(by label: Int32) -> Bool {
            switch self {
            case .untargeted(let own): label != own
            case .targeted(let wanted): label == wanted
            }
        }
    }
    /// The rows before the attack.
    public let originals: FeatureMatrix
    /// Where they may move.
    public let space: FeatureSpace
    /// One goal a row.
    public let goals: [Goal]
    /// A number for each row that seeds its randomness, such as its row in the file: a row's result then does not
    /// depend on which rows are attacked beside it.
    public let identifiers: [Int]
    /// Rows known from elsewhere, such as training data, among which the search looks for a start; `nil` for none.
    public let startingPoints: FeatureMatrix?

    /// Makes a problem; `identifiers` default to the position.
    /// - Throws: `CasemateError` with `mismatch` for counts or columns that do not fit together, `unusable-data` for
    ///   infinite values, `invalid-setting` when nothing can move or bounds exclude all of at least five rows.
    public init(
        originals: FeatureMatrix, space: FeatureSpace, goals: [Goal], identifiers: [Int]? = nil,
        startingPoints: FeatureMatrix? = nil
    ) throws(CasemateError) {
        (self.originals, self.space, self.goals) = (originals, space, goals)
        self.identifiers = identifiers ?? Array(0..<originals.count)
        self.startingPoints = startingPoints
        try checkShapes()
        try checkValues()
        try checkMovable()
    }

    /// The usual problem: make the model answer anything but `labels`, the true labels or the model's own.
    public init(
        originals: FeatureMatrix, space: FeatureSpace, labels: [Int32], identifiers: [Int]? = nil,
        startingPoints: FeatureMatrix? = nil
    ) throws(CasemateError) {
        try self.init(
            originals: originals, space: space, goals: labels.map { .untargeted(label: $0) },
            identifiers: identifiers, startingPoints: startingPoints)
    }

    private func checkShapes() throws(CasemateError) {
        func refuse(_ what: String, _ help: String) -> CasemateError {
            CasemateError(.mismatch, at: "evasion", what, help: help)
        }
        let names = space.features.map(\.name)
        guard originals.features.map(\.name) == names else {
            throw refuse(
                "rows have \(originals.features.count) features, the feature space \(names.count), or in another order",
                "make both from the same list of features")
        }
        if let startingPoints, startingPoints.features.map(\.name) != names {
            throw refuse("starting points have other features than the rows", "take them from the same columns")
        }
        guard goals.count == originals.count, identifiers.count == originals.count else {
            throw refuse(
                "\(originals.count) rows with \(goals.count) labels and \(identifiers.count) identifiers",
                "give one of each for every row")
        }
    }

    private func checkValues() throws(CasemateError) {
        for (position, value) in originals.values.enumerated() where value.isInfinite {
            let (row, feature) = position.quotientAndRemainder(dividingBy: originals.features.count)
            throw CasemateError(
                .unusableData, at: "row \(identifiers[row]), '\(originals.features[feature].name)'",
                "the value is infinite", help: "clean the column, or leave the row out; missing values are allowed")
        }
    }

    private func checkMovable() throws(CasemateError) {
        func refuse(_ what: String, _ help: String) -> CasemateError {
            CasemateError(.invalidSetting, at: "feature space", what, help: help)
        }
        if space.rules.allSatisfy(\.isImmutable) {
            let names = space.features.prefix(8).map { "'\($0.name)'" }.joined(separator: ", ")
            let more = space.features.count > 8 ? " and \(space.features.count - 8) more" : ""
            throw refuse(
                "no feature can move: \(names)\(more) are all immutable",
                "take 'immutable' off what an attacker controls")
        }
        let isMember = Set(space.oneHotGroups.joined())
        guard originals.count >= 5 else { return }
        for (index, rule) in space.rules.enumerated() where !rule.isImmutable && !isMember.contains(index) {
            if case .categorical = rule.domain { continue }
            let values = (0..<originals.count).map { originals.values[$0 * space.features.count + index] }
                .filter { !$0.isNaN }
            if !values.isEmpty, values.allSatisfy({ $0 < rule.low || $0 > rule.high }) {
                throw refuse(
                    "'\(space.features[index].name)' has bounds \(rule.low)...\(rule.high), and every row lies outside",
                    "give bounds in the units of the data")
            }
        }
    }
}
