import CasemateAttacks
import CasemateCore
import CasemateData

extension PoisoningLoader {
    /// Puts feature space, decision and what the user chose of attacks into the problem.
    func choose(_ material: inout PoisoningMaterial) throws {
        try compileSpace(&material)
        material.problem.threshold = threshold(material.problem)
        try plan.choose(&material)
        if material.problem.favourable == nil {
            material.notes.append(
                "No favourable outcome is named: attacks are after '\(material.problem.name(material.problem.wanted))', and "
                    + "errors have no direction. Add --favourable.")
        }
    }

    /// The feature space of a configuration that was read from a file; planted rows stay inside.
    private func compileSpace(_ material: inout PoisoningMaterial) throws {
        guard configuration.path != nil, case .table(let matrix) = material.problem.train.content else { return }
        let compiled = try configuration.featureSpace.compile(
            features: matrix.features, ranges: FeatureRange.ranges(of: matrix), training: matrix)
        material.problem.space = compiled.space
    }

    /// The declared threshold of a decision between two classes.
    private func threshold(_ problem: PoisoningProblem) -> (positive: Int32, value: Double)? {
        guard problem.classes.count == 2, let value = configuration.decision.threshold else { return nil }
        let named = configuration.decision.positive.flatMap { problem.classes.firstIndex(of: $0) }
        return (Int32(named ?? 1), value)
    }
}

extension PoisoningPlan {
    /// Puts what the user chose of attacks into a problem.
    /// - Throws: `CasemateError` with the option that does not fit the data.
    func choose(_ material: inout PoisoningMaterial) throws(CasemateError) {
        let problem = material.problem
        var choices = problem.choices
        choices.target = try label(outcome, "--outcome", problem)
        choices.source = try label(source, "--flip", problem)
        let features = problem.train.features
        if let trigger {
            choices.trigger = try PoisoningCondition.parse(trigger, over: features, option: "--trigger", exact: true)
        }
        if let segment { choices.segment = try PoisoningCondition.parse(segment, over: features, option: "--segment") }
        if let group { choices.group = try members(group, material) }
        if let token {
            guard !token.isEmpty, token.allSatisfy({ $0.isLetter || $0.isNumber }) else {
                throw CasemateError(
                    .invalidSetting, at: "--token", "'\(token)' is no single word", help: "use letters and digits")
            }
            choices.token = token
        }
        if let patch { choices.patch = try Self.patch(patch, problem.train.picture) }
        if let blend {
            guard blend > 0, blend <= 1 else {
                throw CasemateError(.invalidSetting, at: "--blend", "\(blend) is no share", help: "such as 0.2")
            }
            choices.blend = Float(blend)
        }
        if let rounds { choices.rounds = max(1, rounds) }
        if let messages { choices.messages = max(1, messages) }
        material.problem.choices = choices
    }

    private func label(
        _ text: String?, _ option: String, _ problem: PoisoningProblem
    ) throws(CasemateError) -> Int32? {
        guard let text else { return nil }
        guard let index = problem.classes.firstIndex(of: text) else {
            throw CasemateError(
                .mismatch, at: option, "'\(text)' is no class\(Suggestion.clause(for: text, among: problem.classes))",
                help: "classes: \(problem.classes.prefix(10).joined(separator: ", "))")
        }
        return Int32(index)
    }

    /// Who belongs to a group, by any column of the table; a number matches however it is spelt.
    private func members(
        _ text: String, _ material: PoisoningMaterial
    ) throws(CasemateError) -> PoisoningChoices.Group {
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 2, !parts[1].isEmpty, let table = material.table else {
            throw CasemateError(
                .invalidSetting, at: "--group", "'\(text)' names no group", help: "write column=value, for a table")
        }
        func isMember(_ value: String?) -> Bool {
            guard let value else { return false }
            return value == parts[1] || (Double(value).map { $0 == Double(parts[1]) } ?? false)
        }
        guard let train = table.values(parts[0]), let test = material.testColumn(parts[0]) else {
            throw CasemateError(
                .notFound, at: "--group",
                "column '\(parts[0])' is not in training and test data"
                    + Suggestion.clause(for: parts[0], among: table.names), help: "name a column of both")
        }
        return PoisoningChoices.Group(
            column: parts[0], value: parts[1], train: train.map(isMember), test: test.map(isMember))
    }

    private static func patch(_ text: String, _ shape: PictureShape?) throws(CasemateError) -> DataPattern.Patch {
        let numbers = text.split(separator: ",", omittingEmptySubsequences: false).map { Int($0) }
        let known = numbers.compactMap { $0 }
        guard let shape, known.count == numbers.count, known.allSatisfy({ (0...100_000).contains($0) }),
            known.count == 1 || known.count == 4
        else {
            throw CasemateError(
                .invalidSetting, at: "--patch", "'\(text)' makes no sense for these data",
                help: "for pictures: the side of a square, or x,y,width,height in pixels")
        }
        if known.count == 4 { return DataPattern.Patch(x: known[0], y: known[1], width: known[2], height: known[3]) }
        return DataPattern.Patch(
            x: shape.width - known[0], y: shape.height - known[0], width: known[0], height: known[0])
    }
}

extension PoisoningMaterial {
    /// A column over the test rows, as texts.
    func testColumn(_ name: String) -> [String?]? { (testTable ?? heldOut)?.values(name) }
}
