public import CasemateCore

extension FeatureSpaceDeclaration {
    private static let any = -Double.greatestFiniteMagnitude...Double.greatestFiniteMagnitude
    /// What may be written for bounds.
    private static let boundsKind = SettingKind.either([.choice(["train", "none"]), .list(.number(any), minimum: 2)])
    private static let scaleKind = SettingKind.either([
        .choice(["train", "raw"]), .number(0...Double.greatestFiniteMagnitude, isLowExcluded: true),
    ])

    private static let atLeastNothing = SettingKind.number(0...Double.greatestFiniteMagnitude)
    private static let costKind = SettingKind.either([
        atLeastNothing,
        .mapping([
            SettingKey("increase", atLeastNothing, "cost of each scale unit upwards, or of becoming the 1 of a group"),
            SettingKey("decrease", atLeastNothing, "cost of each scale unit downwards, or of ceasing to be that 1"),
            SettingKey("fixed", atLeastNothing, "cost of any change, whatever its size"),
            SettingKey(
                "moves", .table(.table(atLeastNothing, of: "levels"), of: "levels"), "cost from level to level"),
        ]),
    ])

    /// Keys of one feature.
    public static let ruleKeys: [SettingKey] = [
        SettingKey("bounds", boundsKind, "smallest and largest value, `train` for the training range, or `none`"),
        SettingKey("integer", .flag, "whether it takes whole numbers only"),
        SettingKey("ordinal", .list(.number(any), minimum: 2), "the values there are, ascending"),
        SettingKey("categorical", .flag, "whether a numeric feature holds codes 0, 1, … of categories"),
        SettingKey(
            "moves", .table(.list(.text, minimum: 0), of: "levels"),
            "levels that may replace a level; a level without an entry cannot be left"),
        SettingKey("immutable", .flag, "whether nobody can change it"),
        SettingKey("direction", .choice(["any", "increase", "decrease"]), "the way in which it may move"),
        SettingKey("scale", scaleKind, "what a change is divided by before it counts as distance"),
        SettingKey("cost", costKind, "what a change costs the attacker"),
    ]
    /// Keys of `feature_space`, apart from its `defaults`.
    public static let keys: [SettingKey] = [
        SettingKey("features", .table(.mapping(ruleKeys), of: "features"), "what is said about single features"),
        SettingKey(
            "one_hot", .list(.mapping(oneHotKeys)), "groups of 0/1 columns of which exactly one is 1"),
        SettingKey(
            "derived", .table(.text, of: "features"), "features computed from others, as CEL expressions"),
        SettingKey(
            "relations", .list(.mapping(relationKeys, short: "rule")), "linear and CEL relations that every row keeps"),
        SettingKey("max_changes", .integer(1...1_000_000), "most features that an attacker changes"),
        SettingKey("max_cost", atLeastNothing, "most that an attacker spends"),
    ]
    private static let relationKeys: [SettingKey] = [
        SettingKey("name", .text, "name in messages"),
        SettingKey("rule", .text, "CEL expression over `row`", isRequired: true),
    ]
    private static let oneHotKeys: [SettingKey] = [
        SettingKey("name", .text, "what the columns stand for", isRequired: true),
        SettingKey("columns", .list(.text, minimum: 2), "the columns", isRequired: true),
    ]

    /// Takes what a checked key of `feature_space` other than `defaults` says.
    /// - Throws: `invalidSetting` for rules that contradict themselves.
    public mutating func take(_ key: String, _ node: SettingNode) throws(CasemateError) {
        switch key {
        case "features": try take(features: node)
        case "one_hot": take(oneHot: node)
        case "derived":
            derived = node.entries.map { entry in
                DerivedFeature(
                    entry.key, entry.value.text ?? "", place: entry.place, expressionPlace: entry.value.place)
            }
        case "relations":
            relations = node.items.map {
                RelationRule($0["rule"]?.text ?? "", name: $0["name"]?.text, place: $0["rule"]?.place ?? $0.place)
            }
        case "max_changes": maxChanges = node.integer.map { Limit($0, place: node.place) }
        case "max_cost": maxCost = node.number.map { Limit($0, place: node.place) }
        default: break
        }
    }

    /// What is declared under a key, for `config show`: names, rules or the limit; `nil` for nothing.
    public func shown(_ key: String) -> SettingValue? {
        let texts: [String]
        switch key {
        case "features": texts = features.keys.sorted()
        case "one_hot": texts = oneHot.map(\.name)
        case "derived": texts = derived.map { "\($0.feature) = \($0.expression)" }
        case "relations": texts = relations.map { $0.name ?? $0.rule }
        case "max_changes": return maxChanges.map { .integer($0.value) }
        case "max_cost": return maxCost.map { .number($0.value) }
        default: return nil
        }
        return texts.isEmpty ? nil : .list(texts.map { .text($0) })
    }

    /// Takes what a checked `feature_space.features` says.
    /// - Throws: `invalidSetting` for rules that contradict themselves.
    public mutating func take(features node: SettingNode) throws(CasemateError) {
        features = [:]
        for entry in node.entries { features[entry.key] = try Rule(entry) }
    }

    /// Takes what a checked `feature_space.one_hot` says.
    public mutating func take(oneHot node: SettingNode) {
        oneHot = node.items.map {
            OneHotGroup(name: $0["name"]?.text ?? "", columns: $0["columns"]?.texts ?? [], place: $0.place)
        }
    }
}

extension FeatureSpaceDeclaration.Bounds {
    /// Reads a checked value.
    init(_ node: SettingNode, _ name: String) throws(CasemateError) {
        switch node.text {
        case "train": self = .train
        case "none": self = .none
        default:
            let ends = node.numbers
            guard ends.count == 2 else {
                throw CasemateError(
                    .invalidSetting, at: node.place, "feature '\(name)': bounds are two numbers, found \(ends.count)",
                    help: "write `bounds: [low, high]`")
            }
            guard ends[0] <= ends[1] else {
                throw CasemateError(
                    .invalidSetting, at: node.place, "feature '\(name)': bounds are the wrong way round",
                    help: "write the smaller number first")
            }
            self = .between(ends[0], ends[1])
        }
    }
}

extension FeatureSpaceDeclaration.Scale {
    /// Reads a checked value.
    init(_ node: SettingNode) {
        switch node.text {
        case "train": self = .train
        case "raw": self = .raw
        default: self = .value(node.number ?? 1)
        }
    }
}

extension FeatureSpaceDeclaration.Cost {
    /// Reads a checked value: a number, or a mapping.
    init(_ node: SettingNode) {
        self.init(node.number)
        (increase, decrease, fixed) = (node["increase"]?.number, node["decrease"]?.number, node["fixed"]?.number)
        for entry in node["moves"]?.entries ?? [] {
            for target in entry.value.entries { moves[entry.key, default: [:]][target.key] = target.value.number }
        }
    }
}

extension FeatureSpaceDeclaration.Rule {
    /// Reads a checked rule and refuses what contradicts itself.
    init(_ entry: SettingNode.Entry) throws(CasemateError) {
        let node = entry.value
        self.init(place: entry.place)
        if let value = node["bounds"] { bounds = try FeatureSpaceDeclaration.Bounds(value, entry.key) }
        isInteger = node["integer"]?.flag
        ordinal = node["ordinal"]?.numbers
        isCategorical = node["categorical"]?.flag
        if let table = node["moves"] {
            moves = Dictionary(
                table.entries.map { ($0.key, $0.value.texts) }, uniquingKeysWith: { first, _ in first })
        }
        isImmutable = node["immutable"]?.flag
        direction = (node["direction"]?.text).flatMap { FeatureSpace.Rule.Direction(rawValue: $0) }
        scale = node["scale"].map { FeatureSpaceDeclaration.Scale($0) }
        cost = node["cost"].map { FeatureSpaceDeclaration.Cost($0) }
        try check(entry.key)
    }

    /// Keys that are set, as written.
    private var given: [String] {
        [
            ("bounds", bounds != nil), ("integer", isInteger == true), ("ordinal", ordinal != nil),
            ("direction", direction != nil && direction != .any), ("scale", scale != nil),
        ].filter(\.1).map(\.0)
    }

    private func check(_ name: String) throws(CasemateError) {
        func refuse(_ what: String, _ help: String) -> CasemateError {
            CasemateError(.invalidSetting, at: place, "feature '\(name)': \(what)", help: help)
        }
        if isImmutable == true, let direction, direction != .any {
            throw refuse("'immutable' and 'direction: \(direction.rawValue)' contradict each other", "keep one of them")
        }
        if isImmutable == true, cost != nil {
            throw refuse("'immutable' and 'cost' contradict each other", "keep one of them")
        }
        if let cost, let direction {
            let other = direction == .increase ? cost.decrease.map { _ in "decrease" } : nil
            if let other = other ?? (direction == .decrease ? cost.increase.map { _ in "increase" } : nil) {
                throw refuse(
                    "'direction: \(direction.rawValue)' and 'cost.\(other)' contradict each other", "keep one of them")
            }
        }
        if isCategorical == false, moves != nil {
            throw refuse("'moves' needs categories, and 'categorical' is false", "remove one of them")
        }
        if isCategorical == true || moves != nil, let other = given.first {
            throw refuse("'\(other)' does not apply to categories", "remove it; categories have 'moves'")
        }
        guard let ordinal else { return }
        if let other = given.first(where: { $0 == "bounds" || $0 == "integer" }) {
            throw refuse("'\(other)' and 'ordinal' contradict each other", "the list of values says it all")
        }
        let steps = ordinal.map { Float($0) }
        guard zip(steps, steps.dropFirst()).allSatisfy({ $0 < $1 }), steps.allSatisfy(\.isFinite) else {
            throw refuse("'ordinal' is not ascending", "list each value once, the smallest first")
        }
    }

    /// Checks for rules that were not read from a file.
    package func validate(_ name: String) throws(CasemateError) { try check(name) }
    /// Keys that are set, all of which mean nothing for a derived feature.
    package var givenForDerived: [String] {
        givenForMember + (isImmutable != nil ? ["immutable"] : []) + (cost != nil ? ["cost"] : [])
            + (isInteger == false ? ["integer"] : []) + (isCategorical == false ? ["categorical"] : [])
            + (direction == .any ? ["direction"] : [])
    }
    /// Keys that are set and mean nothing for a member of a one-hot group.
    package var givenForMember: [String] {
        given + (isCategorical == true ? ["categorical"] : []) + (moves != nil ? ["moves"] : [])
    }
    /// Keys that are set and mean nothing for categories.
    package var givenForCategories: [String] { given }
}
