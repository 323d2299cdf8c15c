public import CasemateCore
import CasemateData
import CasemateModels
import Logging

/// Refuses values that a model must not see: what is no number, what lies outside known ranges, unknown levels, rows that
/// break rules, requests of too many rows and texts that are too long.
public struct ValidationStage: GuardStage {
    /// Name in `guard.yaml`, records and metrics.
    public static let identifier = "validation"
    /// Heading on pages.
    public static let title = "Values"
    /// What it does.
    public static let purpose = "refuses values outside known ranges, unknown levels and rows that break rules"
    /// The threats that it stands against.
    public static let taxonomy = Taxonomy(
        stages: [.inference], influence: .exploratory, violations: [.integrity, .availability],
        atlas: ["AML.T0015", "AML.T0029", "AML.T0043"], owasp: ["ML01"], nist: ["NISTAML.022"])
    /// Keys under the stage.
    public static let keys = ValidationSettings.keys
    /// On where the configuration says nothing.
    public static let defaultMode = StageMode.enforce

    private let layout: ProfileLayout
    private let checks: [ValueCheck]
    private let rules: [BoundConstraint]
    private let allowsMissing: Bool
    private let mostRows: Int, longestText: Int
    private let hasTexts: Bool
    /// Most reasons of one request.
    private static let mostReasons = 8

    /// Creates the stage.
    /// - Throws: `notFound` for a profile that is not there, `mismatch` for one of another model, `invalidSetting` for
    ///   ranges of unknown features and rules that no row keeps; what reading rules and profiles throws.
    public init(_ settings: SettingNode?, setup: StageSetup) throws {
        let plan = try ValidationSettings(settings)
        guard let model = setup.model else {
            throw CasemateError(.invalidSetting, at: plan.place, "there is no model", help: "put it under a model")
        }
        let profile = try plan.profile.map { try GuardProfile(folder: setup.path($0)) }
        layout = try ProfileLayout(profile, model: model, allowOther: plan.allowsOther, at: plan.place)
        checks = try Self.checks(plan, layout, hasProfile: profile != nil)
        rules = try Self.rules(plan, layout, model)
        allowsMissing = plan.missing == .allow
        (mostRows, longestText) = (plan.mostRows, plan.longestText)
        hasTexts = model.inputs.contains { $0.type == .string }
        if let profile, profile.model.sha256 != model.sha256 {
            setup.context.logger.warning(
                "validation: the profile was made with another model than '\(model.name)' serves")
        }
    }

    private static func checks(
        _ plan: ValidationSettings, _ layout: ProfileLayout, hasProfile: Bool
    ) throws(CasemateError) -> [ValueCheck] {
        var checks = layout.features.enumerated().map { index, feature in
            let seen = hasProfile && layout.columns[index].missing > 0
            var check = ValueCheck(feature, mayBeMissing: plan.missing == .allow || plan.missing == .profile && seen)
            if hasProfile { check.learn(layout.columns[index], margin: plan.margin) }
            if check.isLevel, !plan.refusesUnseen { check.low = -1 }
            return check
        }
        let names = layout.features.map(\.name)
        for range in plan.ranges {
            guard let index = names.firstIndex(of: range.feature) else {
                throw CasemateError(
                    .invalidSetting, at: range.place,
                    "the model has no feature '\(range.feature.prefix(60))'"
                        + Suggestion.clause(for: range.feature, among: names),
                    help: "features are \(names.prefix(12).joined(separator: ", "))" + (names.count > 12 ? ", …" : ""))
            }
            let isBounded = range.low != nil || range.high != nil || range.isWhole != nil
            guard !checks[index].isLevel || !isBounded else {
                throw CasemateError(
                    .invalidSetting, at: range.place, "'\(range.feature)' is a category and has no range",
                    help: "state `missing` alone, or write a rule")
            }
            guard range.low ?? -.infinity <= range.high ?? .infinity else {
                throw CasemateError(
                    .invalidSetting, at: range.place, "'min' lies above 'max'", help: "exchange them")
            }
            let most = Double(Float.greatestFiniteMagnitude)
            if let low = range.low { checks[index].low = Float(max(-most, low)) }
            if let high = range.high { checks[index].high = Float(min(most, high)) }
            if let isWhole = range.isWhole { checks[index].isWhole = isWhole }
            if let mayBeMissing = range.mayBeMissing { checks[index].mayBeMissing = mayBeMissing }
        }
        return checks
    }

    private static func rules(
        _ plan: ValidationSettings, _ layout: ProfileLayout, _ model: ModelDescription
    ) throws(CasemateError) -> [BoundConstraint] {
        let columns = layout.features.enumerated().map { index, feature in
            Column(name: feature.name, type: layout.type(of: index, model), missing: 0)
        }
        var bound: [BoundConstraint] = []
        for rule in plan.rules {
            let parsed = try ConstraintRule(rule.text, name: rule.name, columns: columns, at: rule.place)
            guard parsed.constantVerdict != .violated else {
                throw CasemateError(
                    .invalidSetting, at: rule.place, "no row can keep the rule '\(parsed.name.prefix(60))'",
                    help: "correct it; every request would be refused")
            }
            guard let fitted = parsed.bound(to: layout.features) else {
                throw CasemateError(
                    .invalidSetting, at: rule.place,
                    "the rule '\(parsed.name.prefix(60))' reads a text that the model takes as a number",
                    help: "write it over the numbers")
            }
            bound.append(fitted)
        }
        return bound
    }

    /// Refuses a request with the first row that is not accepted; what is wrong with that row stands in the reasons.
    public func examine(_ request: InferenceRequest, _ exchange: inout Exchange) async throws -> StageVerdict {
        guard request.rows <= mostRows else {
            return refusal("a request may have at most \(mostRows) rows", field: "", reasons: ["rows"])
        }
        if hasTexts, let verdict = lengths(request) { return verdict }
        guard let values = layout.rows(of: request) else { return finite(request) }
        let width = checks.count
        return values.withUnsafeBufferPointer { values in
            checks.withUnsafeBufferPointer { checks in
                var start = 0
                for row in 0..<request.rows {
                    for index in 0..<width where !checks[index].admits(values[start + index]) {
                        return verdict(row, values[start..<start + width])
                    }
                    let whole = UnsafeBufferPointer(rebasing: values[start..<start + width])
                    for rule in rules where rule.verdict(whole) == .violated {
                        return verdict(row, values[start..<start + width])
                    }
                    start += width
                }
                return .pass
            }
        }
    }

    /// What is wrong with a row that breaks something: all of it in the reasons, the first in the words.
    private func verdict(_ row: Int, _ values: Slice<UnsafeBufferPointer<Float>>) -> StageVerdict {
        var reasons: [String] = []
        var first: (detail: String, field: String)?
        func add(_ reason: String, _ detail: String, _ field: String) {
            if reasons.count < Self.mostReasons { reasons.append(reason) }
            if first == nil { first = (detail, field) }
        }
        for (index, value) in values.enumerated() {
            guard let fault = checks[index].fault(value) else { continue }
            let name = String(layout.features[index].name.prefix(100))
            let said = fault == .whole ? ValueCheck.Fault.range : fault
            add("\(said.rawValue):\(name)", "row \(row): '\(name)' \(fault.words)", name)
        }
        for rule in rules where rule.verdict(UnsafeBufferPointer(rebasing: values)) == .violated {
            let name = String(rule.rule.name.prefix(200))
            add("rule:\(name)", "row \(row): the rule '\(name)' is broken", "")
        }
        return refusal(first?.detail ?? "row \(row) is not accepted", field: first?.field ?? "", reasons: reasons)
    }

    private func refusal(_ detail: String, field: String, reasons: [String]) -> StageVerdict {
        let word = reasons.first?.prefix { $0 != ":" } ?? "range"
        return StageVerdict(
            .refuse(GuardRefusal(.unprocessable, detail, field: field, reason: String(word))), reasons: reasons)
    }

    private func lengths(_ request: InferenceRequest) -> StageVerdict? {
        for input in request.inputs {
            guard case .string(let texts) = input.tensor.storage else { continue }
            if let place = texts.firstIndex(where: { $0.utf8.count > longestText }) {
                let row = place / max(1, texts.count / max(1, request.rows))
                return refusal(
                    "row \(row): '\(input.name.prefix(100))' is longer than \(longestText) bytes",
                    field: input.name, reasons: ["length:\(input.name.prefix(100))"])
            }
        }
        return nil
    }

    /// Refuses what is no number in tensors that are no rows of columns.
    private func finite(_ request: InferenceRequest) -> StageVerdict {
        for input in request.inputs {
            guard let fault = input.tensor.storage.firstNonFinite else { continue }
            if fault.isNaN, allowsMissing { continue }
            let row = fault.position / max(1, input.tensor.storage.count / max(1, request.rows))
            let name = String(input.name.prefix(100))
            return refusal(
                "row \(row): '\(name)' holds what is no number", field: name,
                reasons: ["\(fault.isNaN ? "missing" : "range"):\(name)"])
        }
        return .pass
    }
}

extension ValueCheck.Fault {
    /// What the caller is told.
    fileprivate var words: String {
        switch self {
        case .missing: "has no value"
        case .range: "is outside the accepted range"
        case .whole: "takes whole numbers only"
        case .level: "is none of the known values"
        }
    }
}

extension ProfileLayout {
    /// What a column holds, for rules.
    fileprivate func type(of index: Int, _ model: ModelDescription) -> ColumnType {
        if columns.indices.contains(index) { return columns[index].type }
        if features[index].levels != nil { return .text }
        let port =
            model.layout == .columns ? model.inputs.first { $0.name == features[index].name } : model.inputs.first
        switch port?.type {
        case .int8, .int16, .int32, .int64, .uint8, .uint16, .uint32, .uint64: return .integer
        case .bool: return .boolean
        default: return .number
        }
    }
}

extension Tensor.Storage {
    /// The first value that is no finite number, Inf before NaN; `nil` where all are finite.
    fileprivate var firstNonFinite: (position: Int, isNaN: Bool)? {
        func find<Value>(_ values: [Value], _ isNaN: (Value) -> Bool, _ isInfinite: (Value) -> Bool) -> (Int, Bool)? {
            if let place = values.firstIndex(where: isInfinite) { return (place, false) }
            return values.firstIndex(where: isNaN).map { ($0, true) }
        }
        return switch self {
        case .float(let values): find(values, \.isNaN, \.isInfinite)
        case .double(let values): find(values, \.isNaN, \.isInfinite)
        case .float16(let values): find(values, { $0 & 0x7FFF > 0x7C00 }, { $0 & 0x7FFF == 0x7C00 })
        default: nil
        }
    }
}
