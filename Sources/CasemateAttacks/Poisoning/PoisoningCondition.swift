public import CasemateCore
public import CasemateData

/// A condition on one feature of a table: a range, or one value where both ends are the same.
public struct PoisoningCondition: Hashable, Sendable {
    /// Index of the feature.
    public let feature: Int
    /// Smallest and largest value, both included; infinite where open. The index of the level for a category.
    public let low: Float, high: Float
    /// Makes a condition.
    public init(feature: Int, low: Float = -.infinity, high: Float = .infinity) {
        (self.feature, self.low, self.high) = (feature, low, high)
    }
    /// Whether it asks for one value.
    public var isExact: Bool { low == high }
    /// Whether a value meets it; a missing one does not.
    public func contains(_ value: Float) -> Bool { value >= low && value <= high }

    /// The condition as evidence shows it.
    public func shown(over features: [Feature]) -> DataPattern.Condition {
        let feature = features[feature]
        if isExact { return DataPattern.Condition(column: feature.name, value: feature.text(of: low)) }
        return DataPattern.Condition(
            column: feature.name, low: low.isFinite ? Double(low) : nil, high: high.isFinite ? Double(high) : nil)
    }

    /// Reads conditions such as `age=61,purpose=car`, `income>=1000`, `age=20..25`.
    /// - Throws: `notFound` for a column that is no feature, `invalidSetting` for anything else that makes no sense.
    public static func parse(
        _ text: String, over features: [Feature], option: String, exact: Bool = false
    ) throws(CasemateError) -> [PoisoningCondition] {
        var conditions: [PoisoningCondition] = []
        for part in text.split(separator: ",") {
            conditions.append(try parse(part: String(part), over: features, option: option))
        }
        guard !conditions.isEmpty, Set(conditions.map(\.feature)).count == conditions.count,
            !exact || conditions.allSatisfy(\.isExact)
        else {
            throw CasemateError(
                .invalidSetting, at: option, "'\(text)' makes no sense here",
                help: exact
                    ? "write column=value, commas between them, each column once" : "write age=20..25,region=north")
        }
        return conditions
    }

    private static func parse(
        part: String, over features: [Feature], option: String
    ) throws(CasemateError) -> PoisoningCondition {
        func wrong(_ help: String) -> CasemateError {
            CasemateError(.invalidSetting, at: option, "'\(part)' makes no sense here", help: help)
        }
        guard let sign = ["<=", ">=", "="].first(where: { part.contains($0) }), let range = part.firstRange(of: sign)
        else { throw wrong("write column=value, column=low..high, column>=low or column<=high") }
        let name = String(part[..<range.lowerBound]), value = String(part[range.upperBound...])
        guard let index = features.firstIndex(where: { $0.name == name }) else {
            throw CasemateError(
                .notFound, at: option,
                "'\(name)' is no feature\(Suggestion.clause(for: name, among: features.map(\.name)))",
                help: "name a column that the model learns from")
        }
        if let levels = features[index].levels {
            guard sign == "=", let level = levels.firstIndex(of: value) else {
                throw wrong("its values are \(levels.prefix(10).joined(separator: ", "))")
            }
            return PoisoningCondition(feature: index, low: Float(level), high: Float(level))
        }
        let ends = value.split(separator: "..", omittingEmptySubsequences: false).compactMap { Float($0) }
        guard let first = ends.first, let last = ends.last, ends.count <= 2, ends.allSatisfy(\.isFinite), first <= last,
            value.split(separator: "..", omittingEmptySubsequences: false).count == ends.count,
            sign == "=" || ends.count == 1
        else { throw wrong("write a number") }
        return switch sign {
        case "<=": PoisoningCondition(feature: index, high: last)
        case ">=": PoisoningCondition(feature: index, low: first)
        default: PoisoningCondition(feature: index, low: first, high: last)
        }
    }
}

extension [PoisoningCondition] {
    /// Whether a row meets all of them.
    func hold(_ row: Int, in data: PoisoningData) -> Bool {
        guard case .table(let matrix) = data.content else { return false }
        let width = matrix.features.count
        return allSatisfy { $0.contains(matrix.values[row * width + $0.feature]) }
    }

    /// The conditions in words.
    func inWords(_ features: [Feature]) -> String {
        isEmpty ? "all rows" : map { $0.shown(over: features).inWords }.joined(separator: " and ")
    }
}
