import CasemateCore

/// Turns what is said about one feature, and what the training data show, into its rule.
struct RuleCompiler {
    let feature: Feature
    let declared: FeatureSpaceDeclaration.Rule
    let defaults: FeatureSpaceDeclaration.Defaults
    let range: FeatureRange?

    private func refuse(_ what: String, _ help: String) -> CasemateError { refuse(.invalidSetting, what, help) }
    private func refuse(_ code: CasemateError.Code, _ what: String, _ help: String) -> CasemateError {
        CasemateError(code, at: declared.place, "feature '\(feature.name)': \(what)", help: help)
    }

    /// The rule of a member of a one-hot group: 0 or 1.
    func member() throws(CasemateError) -> FeatureSpace.Rule {
        if let key = declared.givenForMember.first {
            throw refuse("'\(key)' does not apply to a column of a one-hot group", "keep 'immutable' at most")
        }
        return FeatureSpace.Rule(
            domain: .integer, low: 0, high: 1, isImmutable: declared.isImmutable ?? false, scale: 1,
            cost: try cost(decrease: 0))
    }

    /// What is declared of the cost of a number or of a member, whose `decrease` is 0 unless declared.
    private func cost(decrease: Double = 1) throws(CasemateError) -> FeatureSpace.Cost? {
        guard let cost = declared.cost else { return nil }
        if !cost.moves.isEmpty {
            throw refuse("'cost.moves' needs categories", "write 'increase', 'decrease' or 'fixed'")
        }
        return FeatureSpace.Cost(
            increase: cost.each ?? cost.increase ?? 1,
            decrease: (decrease > 0 ? cost.each : nil) ?? cost.decrease ?? decrease,
            fixed: cost.fixed ?? 0)
    }

    /// The rule of a derived feature, of which nothing else may be said.
    func derived() throws(CasemateError) -> FeatureSpace.Rule {
        if let key = declared.givenForDerived.first {
            throw refuse(
                "is derived, so '\(key)' does not apply",
                "remove it; 'relations' can bound it: row.\(feature.name) <= 1")
        }
        return FeatureSpace.Rule(
            domain: feature.levels.map { .categorical(levels: $0.count, moves: nil) } ?? .continuous, isImmutable: true)
    }

    /// The rule of a category.
    func category() throws(CasemateError) -> FeatureSpace.Rule {
        if declared.isCategorical == false {
            throw refuse(.mismatch, "'categorical' is false and the model takes categories", "remove the key")
        }
        if let key = declared.givenForCategories.first {
            throw refuse(.mismatch, "'\(key)' does not apply to categories", "remove it; categories have 'moves'")
        }
        let levels: [String]
        if let named = feature.levels { levels = named } else { levels = try codes() }
        let moves = try declared.moves.map { moves throws(CasemateError) in try indices(of: moves, levels) }
        return FeatureSpace.Rule(
            domain: .categorical(levels: levels.count, moves: moves), isImmutable: declared.isImmutable ?? false,
            cost: try categoryCost(levels, moves))
    }

    private func categoryCost(_ levels: [String], _ moves: [[Int]]?) throws(CasemateError) -> FeatureSpace.Cost? {
        guard let cost = declared.cost else { return nil }
        if cost.increase != nil || cost.decrease != nil {
            throw refuse(
                "'cost.\(cost.increase == nil ? "decrease" : "increase")' does not apply to categories",
                "write 'moves' or 'fixed'")
        }
        let each = cost.each ?? 1
        var result = FeatureSpace.Cost(increase: each, decrease: each, fixed: cost.fixed ?? 0)
        for (from, targets) in cost.moves.sorted(by: { $0.key < $1.key }) {
            let start = try index(of: from, levels)
            for (target, price) in targets.sorted(by: { $0.key < $1.key }) {
                let end = try index(of: target, levels)
                if start == end || moves.map({ !$0[start].contains(end) }) == true {
                    throw refuse(
                        "'cost.moves' names \(from) to \(target), a move that does not exist",
                        start == end ? "remove it" : "add it to 'moves', or remove it")
                }
                result.moves[start, default: [:]][end] = price
            }
        }
        return result
    }

    /// Levels of a numeric feature that holds codes.
    private func codes() throws(CasemateError) -> [String] {
        guard let range, range.isWhole, range.low >= 0, range.high < 100_000 else {
            throw refuse(
                .mismatch, "'categorical' needs training values that are codes 0, 1, …",
                "for other numbers use 'ordinal', or leave the key out")
        }
        return (0...Int(range.high)).map { String($0) }
    }

    private func index(of level: String, _ levels: [String]) throws(CasemateError) -> Int {
        if let index = levels.firstIndex(of: level) { return index }
        let shown = levels.prefix(12).joined(separator: ", ") + (levels.count > 12 ? ", …" : "")
        throw refuse(
            .mismatch, "has no level '\(level)'\(Suggestion.clause(for: level, among: levels))",
            "levels are \(shown)")
    }

    private func indices(of moves: [String: [String]], _ levels: [String]) throws(CasemateError) -> [[Int]] {
        var result = [[Int]](repeating: [], count: levels.count)
        for (from, targets) in moves.sorted(by: { $0.key < $1.key }) {
            let start = try index(of: from, levels)
            for target in targets {
                let end = try index(of: target, levels)
                if end != start, !result[start].contains(end) { result[start].append(end) }
            }
        }
        return result.map { $0.sorted() }
    }

    /// The rule of a number.
    func number(_ notes: inout [String]) throws(CasemateError) -> FeatureSpace.Rule {
        let (low, high) = try bounds()
        let isWhole = declared.isInteger ?? (defaults.detectsIntegers && range?.isWhole == true)
        var domain = FeatureSpace.Rule.Domain.continuous
        if let ordinal = declared.ordinal {
            domain = .ordinal(ordinal.map { Float($0) })
        } else if isWhole {
            domain = .integer
            if low.rounded(.up) > high.rounded(.down) {
                let mend = declared.isInteger == true ? "drop 'integer'" : "set 'integer: false'"
                throw refuse("no whole number lies within its bounds", "widen 'bounds', or \(mend)")
            }
        }
        return FeatureSpace.Rule(
            domain: domain, low: low, high: high, isImmutable: declared.isImmutable ?? false,
            direction: declared.direction ?? .any, scale: try scale(&notes), cost: try cost())
    }

    private func bounds() throws(CasemateError) -> (low: Float, high: Float) {
        if let ordinal = declared.ordinal, let first = ordinal.first, let last = ordinal.last {
            return (Float(first), Float(last))
        }
        switch declared.bounds ?? defaults.bounds {
        case .none: return (-.infinity, .infinity)
        case .train:
            if let range { return (range.low, range.high) }
            guard declared.bounds != nil else { return (-.infinity, .infinity) }
            throw refuse(.mismatch, "has no training values to take bounds from", "write `bounds: [low, high]`")
        case .between(let low, let high):
            guard low <= high else { throw refuse("bounds are the wrong way round", "write the smaller number first") }
            guard Float(low).isFinite, Float(high).isFinite else {
                throw refuse("bounds lie beyond float32", "write `bounds: none` for no bounds")
            }
            return (Float(low), Float(high))
        }
    }

    private func scale(_ notes: inout [String]) throws(CasemateError) -> Float {
        switch declared.scale ?? defaults.scale {
        case .raw: return 1
        case .value(let value):
            let scale = Float(value)
            guard scale > 0, scale.isFinite else {
                throw refuse("'scale' is no positive float32", "use another number")
            }
            return scale
        case .train:
            guard let range else {
                notes.append("'\(feature.name)' has no training values: its changes count as they are (scale 1).")
                return 1
            }
            let width = range.high - range.low
            if width > 0, width.isFinite { return width }
            let why = width == 0 ? "is the same in all training rows" : "has a range beyond float32"
            notes.append("'\(feature.name)' \(why): its changes count as they are (scale 1).")
            return 1
        }
    }
}
