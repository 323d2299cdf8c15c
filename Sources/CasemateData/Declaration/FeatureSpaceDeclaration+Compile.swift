public import CasemateCore

extension FeatureSpaceDeclaration {
    /// A space and what its user should know about it.
    public struct Compiled: Hashable, Sendable {
        /// The space.
        public let space: FeatureSpace
        /// Notes in sentences, such as a feature whose training values are all the same.
        public let notes: [String]
    }

    /// Fits the declaration to the features of a model and to the training data.
    ///
    /// Without a word about it, a numeric feature keeps to its training range, takes whole numbers if all training
    /// values are whole, and its changes are divided by the range; a category may become any other.
    /// - Parameters:
    ///   - ranges: One entry a feature; `nil` where there are no numbers.
    ///   - training: Rows on which derived features and relations are tried, for notes.
    /// - Throws: `invalidSetting` or `mismatch` with the place of the rule that does not fit, or of the rules that
    ///   together let nothing change.
    public func compile(
        features: [Feature], ranges: [FeatureRange?], training: FeatureMatrix? = nil
    ) throws(CasemateError) -> Compiled {
        precondition(features.count == ranges.count, "\(ranges.count) ranges for \(features.count) features")
        let names = features.map(\.name)
        try checkNames(names)
        let groups = try groups(features)
        let members = Set(groups.joined())
        let derived = try derivedFeatures(features, members)
        let isDerived = Set(derived.map(\.feature))
        var notes: [String] = []
        var rules: [FeatureSpace.Rule] = []
        for (index, feature) in features.enumerated() {
            let declared = self.features[feature.name] ?? Rule()
            try declared.validate(feature.name)
            let compiler = RuleCompiler(
                feature: feature, declared: declared, defaults: defaults, range: ranges[index])
            if isDerived.contains(index) {
                rules.append(try compiler.derived())
            } else if members.contains(index) {
                rules.append(try compiler.member())
            } else if feature.levels != nil || declared.isCategorical == true || declared.moves != nil {
                rules.append(try compiler.category())
            } else {
                rules.append(try compiler.number(&notes))
            }
        }
        try checkMembers(groups, rules, names)
        let relations = try relationRules(features)
        let space = FeatureSpace(
            features: features, rules: rules, oneHotGroups: groups, groupNames: oneHot.map(\.name),
            derived: derived, relations: relations, maxChanges: maxChanges?.value, maxCost: maxCost?.value)
        notes += try SpaceAdmission(space, declaration: self, ranges: ranges).notes()
        if let training { notes += RuleTrial(space, rows: training).notes() }
        return Compiled(space: space, notes: notes)
    }

    /// Checks that every row has exactly one 1 beside zeros in each one-hot group; missing values are let through.
    /// - Parameter file: The data file, for messages.
    /// - Throws: `mismatch` naming group and first row; values are not repeated.
    public func checkOneHot(_ matrix: FeatureMatrix, file: String) throws(CasemateError) {
        let names = matrix.features.map(\.name)
        let width = names.count
        for group in oneHot {
            let columns = group.columns.compactMap { names.firstIndex(of: $0) }
            for row in 0..<matrix.count {
                let values = columns.map { matrix.values[row * width + $0] }
                if values.contains(where: \.isNaN) { continue }
                let ones = values.count { $0 == 1 }
                if ones == 1, values.allSatisfy({ $0 == 0 || $0 == 1 }) { continue }
                throw CasemateError(
                    .mismatch, at: "\(file):row \(row + 1)",
                    "the columns of the one-hot group '\(group.name)' are not exactly one 1 beside zeros",
                    help: "correct the row, or remove the group at \(group.place)")
            }
        }
    }

    private func checkNames(_ names: [String]) throws(CasemateError) {
        let known = Set(names)
        // why sorted: the first mistake is the same one on every run.
        for (name, rule) in features.sorted(by: { $0.key < $1.key }) where !known.contains(name) {
            throw CasemateError(
                .mismatch, at: rule.place,
                "the model has no feature '\(name)'\(Suggestion.clause(for: name, among: names))",
                help: "features are \(Self.list(names))")
        }
    }

    private func groups(_ features: [Feature]) throws(CasemateError) -> [[Int]] {
        let names = features.map(\.name)
        var owners: [Int: String] = [:]
        var groups: [[Int]] = []
        for group in oneHot {
            func refuse(_ code: CasemateError.Code, _ what: String, _ help: String) -> CasemateError {
                CasemateError(code, at: group.place, "one-hot group '\(group.name)': \(what)", help: help)
            }
            if group.columns.count < 2 {
                throw refuse(.invalidSetting, "has fewer than two columns", "name all columns of the group")
            }
            var indices: [Int] = []
            for column in group.columns {
                guard let index = names.firstIndex(of: column) else {
                    let near = Suggestion.clause(for: column, among: names)
                    throw refuse(
                        .mismatch, "the model has no feature '\(column)'\(near)", "features are \(Self.list(names))")
                }
                if features[index].levels != nil {
                    throw refuse(.mismatch, "'\(column)' holds categories, not 0 and 1", "leave it out of the group")
                }
                if let owner = owners[index] {
                    let what = owner == group.name ? "is named twice" : "also belongs to '\(owner)'"
                    throw refuse(.invalidSetting, "'\(column)' \(what)", "keep each column in one place")
                }
                owners[index] = group.name
                indices.append(index)
            }
            groups.append(indices)
        }
        return groups
    }

    private func checkMembers(
        _ groups: [[Int]], _ rules: [FeatureSpace.Rule], _ names: [String]
    ) throws(CasemateError) {
        for (group, declared) in zip(groups, oneHot) {
            let frozen = group.filter { rules[$0].isImmutable }
            if frozen.isEmpty || frozen.count == group.count { continue }
            throw CasemateError(
                .invalidSetting, at: declared.place,
                "one-hot group '\(declared.name)': '\(names[frozen[0]])' is immutable and other columns are not",
                help: "make all of its columns immutable, or none")
        }
    }

    static func list(_ names: [String]) -> String {
        names.prefix(12).joined(separator: ", ") + (names.count > 12 ? ", …" : "")
    }
}
