import CasemateCore
import CasemateData
import Testing

/// Random spaces with relations and derived features over those of `RandomSpace`.
struct RandomRules {
    var random: RandomSpace
    init(seed: UInt64) { random = RandomSpace(seed: seed) }

    /// Numbers of a space that are not in a group and not categories.
    static func numbers(_ space: FeatureSpace) -> [Int] {
        let grouped = Set(space.oneHotGroups.joined())
        return space.features.indices.filter { space.features[$0].levels == nil && !grouped.contains($0) }
    }

    mutating func linear(_ names: [String]) -> String {
        var terms: [String] = []
        for name in names where random.pick(3) > 0 { terms.append("\(random.pick(5) - 2) * row.\(name)") }
        if terms.isEmpty { terms = ["row.\(names[0])"] }
        let relation = ["<=", ">=", "==", "<", ">", "!="][random.pick(6)]
        return terms.joined(separator: " + ") + " \(relation) \(random.pick(9) - 4)" + (random.pick(3) == 0 ? ".5" : "")
    }

    mutating func rule(_ space: FeatureSpace) -> String? {
        let names = Self.numbers(space).map { space.features[$0].name }
        let level = space.features.first { $0.levels != nil }?.name
        switch random.pick(6) {
        case 0:
            guard let level, let name = names.first else { return nil }
            return "row.\(level) != \"b\" || row.\(name) <= \(random.pick(3)).25"
        case 1 where names.count > 1: return "row.\(names[0]) * row.\(names[1]) <= \(random.pick(4))"
        case 2 where !space.oneHotGroups.isEmpty && !names.isEmpty:
            return "row.\(space.features[space.oneHotGroups[0][0]].name) == 1 || \(linear(names))"
        default: return names.isEmpty ? nil : linear(names)
        }
    }

    mutating func space() throws -> FeatureSpace {
        let plain = random.space()
        var (features, rules) = (plain.features, plain.rules)
        for index in rules.indices where random.pick(3) == 0 {
            rules[index].cost = .init(
                increase: Double(random.pick(3)), decrease: Double(random.pick(4)) / 2,
                fixed: Double(random.pick(2)) / 4)
        }
        let names = Self.numbers(plain).map { plain.features[$0].name }
        var derived: [FeatureSpace.Derived] = []
        if names.count > 1, random.pick(2) == 0 {
            features.append(Feature("d"))
            rules.append(.init())
            let text = ["row.\(names[0]) + 2 * row.\(names[1])", "row.\(names[0]) / row.\(names[1])"][random.pick(2)]
            derived.append(try .init(features.count - 1, text, features: features))
            if random.pick(2) == 0 {
                features.append(Feature("e", .categorical(levels: ["low", "high"])))
                rules.append(.init(domain: .categorical(levels: 2, moves: nil)))
                derived.insert(
                    try .init(features.count - 1, "row.d > 1.0 ? \"high\" : \"low\"", features: features), at: 0)
            }
        }
        var relations: [FeatureSpace.Relation] = []
        for _ in 0..<random.pick(4) {
            guard var text = rule(plain), random.pick(5) > 0 || derived.isEmpty else { continue }
            if !derived.isEmpty, random.pick(4) == 0 { text += " || row.d < 0" }
            relations.append(try .init(text, features: features))
        }
        return FeatureSpace(
            features: features, rules: rules, oneHotGroups: plain.oneHotGroups, derived: derived, relations: relations,
            maxChanges: random.pick(4) == 0 ? 1 + random.pick(3) : nil,
            maxCost: random.pick(4) == 0 ? Double(random.pick(12)) / 2 : nil)
    }
}

@Suite("Repair of rows in a feature space with rules between features")
struct FeatureSpaceRepairTests {
    @Test func whatIsRepairedIsLawfulAndStays() throws {
        var (repaired, given, changed) = (0, 0, 0)
        for seed in 0..<4_000 as Range<UInt64> {
            var rules = RandomRules(seed: seed)
            let space = try rules.space()
            let original = rules.random.original(space)
            for _ in 0..<3 {
                var row = rules.random.row(space)
                let isLawful = space.repair(&row, around: original)
                let violations = space.violations(of: row, from: original)
                #expect(violations.isEmpty, "seed \(seed): \(violations)")
                given += 1
                guard isLawful else {
                    #expect(areSame(row, original), "seed \(seed): not repaired, and not the original")
                    continue
                }
                repaired += 1
                if !areSame(row, original) { changed += 1 }
                var again = row
                #expect(space.repair(&again, around: original))
                #expect(areSame(again, row), "seed \(seed): repairing twice moved the row")
            }
            var unchanged = original
            #expect(space.repair(&unchanged, around: original), "seed \(seed)")
            #expect(areSame(unchanged, original), "seed \(seed): an unchanged row moved")
        }
        #expect(repaired * 10 > given * 6 && changed * 2 > given, "\(repaired), \(changed) of \(given)")
    }

    @Test func costsAndCountsAreThoseOfTheChanges() throws {
        for seed in 0..<1_500 as Range<UInt64> {
            var rules = RandomRules(seed: seed)
            let space = try rules.space()
            let original = rules.random.original(space)
            var row = rules.random.row(space)
            _ = space.repair(&row, around: original)
            let changes = space.changes(from: original, to: row)
            let sum = changes.map(\.cost).reduce(0, +)
            #expect(abs(space.cost(from: original, to: row) - sum) <= 1e-9 * max(1, sum), "seed \(seed)")
            let count = original.withUnsafeBufferPointer { original in
                row.withUnsafeBufferPointer { space.changeCount(from: original, to: $0) }
            }
            #expect(count == changes.count, "seed \(seed)")
            #expect(Double(count) == space.distance(.l0, from: original, to: row), "seed \(seed)")
            if let most = space.maxCost { #expect(sum <= most * (1 + 1e-9), "seed \(seed)") }
            if let most = space.maxChanges { #expect(count <= most, "seed \(seed)") }
            let isDerived = Set(space.derived.map(\.feature))
            #expect(changes.allSatisfy { isDerived.isDisjoint(with: $0.features) }, "seed \(seed)")
            #expect(space.cost(from: original, to: original) == 0)
        }
    }

    /// On whole numbers, wherever moving one feature of the projected candidate gives a lawful row, one is found.
    @Test func oneSlackFeatureIsEnoughForLinearRelations() throws {
        var solvable = 0
        for seed in 0..<3_000 as Range<UInt64> {
            var rules = RandomRules(seed: seed)
            let count = 2 + rules.random.pick(3)
            let features = (0..<count).map { Feature("x\($0)") }
            let ranges = (0..<count).map { _ in
                FeatureSpace.Rule(
                    domain: .integer, low: -4, high: 4, isImmutable: rules.random.pick(5) == 0,
                    direction: FeatureSpace.Rule.Direction.allCasesForTests[rules.random.pick(3)])
            }
            let relations = try (0..<1 + rules.random.pick(3)).map { index in
                try FeatureSpace.Relation(rules.linear(features.map(\.name)), name: "r\(index)", features: features)
            }
            let space = FeatureSpace(features: features, rules: ranges, relations: relations)
            let original = (0..<count).map { _ in Float(rules.random.pick(9) - 4) }
            var candidate = (0..<count).map { _ in Float(rules.random.pick(13) - 6) }
            space.project(&candidate, around: original)
            var hasSolution = false
            for feature in 0..<count where !hasSolution {
                for value in -4...4 {
                    var row = candidate
                    row[feature] = Float(value)
                    if row != original, space.violations(of: row, from: original).isEmpty { hasSolution = true }
                }
            }
            guard hasSolution, candidate != original else { continue }
            solvable += 1
            var row = candidate
            #expect(space.repair(&row, around: original), "seed \(seed): \(relations.map(\.name)) \(original)")
            #expect(row != original, "seed \(seed)")
        }
        #expect(solvable > 1_000, "\(solvable)")
    }

    /// A broken sum of continuous features is mended by the least move: the projection on a plane in scaled units.
    @Test func sumsAreMendedByProjection() throws {
        let features = ["a", "b", "total"].map { Feature($0) }
        let rules: [FeatureSpace.Rule] = [.init(scale: 1), .init(scale: 2), .init(scale: 1)]
        let space = FeatureSpace(
            features: features, rules: rules,
            relations: [try .init("row.a + row.b == row.total", features: features)])
        var row: [Float] = [4, 2, 3]
        #expect(space.repair(&row, around: [1, 2, 3]))
        // By hand: difference 3, weights 1, 4, 1: a - 3/6, b - 12/6, total + 3/6.
        #expect(row == [3.5, 0, 3.5])
        let fixed = FeatureSpace(
            features: features, rules: [.init(), .init(isImmutable: true), .init()],
            relations: [try .init("row.a + row.b == row.total", features: features)])
        var other: [Float] = [4, 2, 3]
        #expect(fixed.repair(&other, around: [1, 2, 3]))
        #expect(other == [2.5, 2, 4.5])
    }

    @Test func equationsHoldWithinTheRoundingOfFloat32() throws {
        let features = ["a", "b", "total"].map { Feature($0) }
        let space = FeatureSpace(
            features: features, rules: features.map { _ in .init() },
            relations: [try .init("row.a + row.b == row.total", name: "sum", features: features)])
        func isBroken(_ row: [Float]) -> Bool {
            space.violations(of: row, from: [1, 2, 3]).contains { $0.reason == .brokenRelation }
        }
        #expect(!isBroken([0.1, 0.2, 0.3]))
        #expect(isBroken([0.1, 0.2, 0.30001]))
        #expect(!isBroken([1_000.1, 0.01, 1_000.11]))
        // Whole numbers are exact up to 2^24.
        #expect(isBroken([8_000_000, 8_000_000, 16_000_001]))
        #expect(!isBroken([8_000_000, 8_000_000, 16_000_000]))
    }

    @Test func derivedFeaturesFollowAndCountAsNoChange() throws {
        let features = ["loan", "price", "share", "double"].map { Feature($0) }
        let space = FeatureSpace(
            features: features, rules: features.map { _ in .init(low: 0, high: 1_000) },
            derived: [
                try .init(3, "2.0 * row.share", features: features),
                try .init(2, "row.loan / row.price", features: features),
            ], maxChanges: 1)
        #expect(space.derived.map(\.feature) == [2, 3])
        let original: [Float] = [80, 100, 0.8, 1.6]
        var row: [Float] = [50, 100, 0.1, 7]
        #expect(space.repair(&row, around: original))
        #expect(row == [50, 100, 0.5, 1])
        #expect(space.changes(from: original, to: row).map(\.features) == [[0]])
        #expect(space.cost(from: original, to: row) == 30)
        #expect(space.violations(of: [50, 100, 0.8, 1.6], from: original).map(\.reason) == [.wrongDerivedValue])
        #expect(space.violations(of: [80, 100, 0.5, 1.6], from: original).map(\.feature) == [2, 3])
        // Data that round otherwise are left alone until something changes.
        let rounded: [Float] = [80, 90, 0.9, 1.8]
        #expect(space.violations(of: rounded, from: rounded).isEmpty)
        var other: [Float] = [80, 90, 5, 5]
        #expect(space.repair(&other, around: rounded) && other == rounded)
        // Nothing can be divided by zero: the price goes back as far as it must.
        var none: [Float] = [80, 0, 0.8, 1.6]
        #expect(space.repair(&none, around: original))
        #expect(none[1] > 0 && none[2] == 80 / none[1] && none[3] == 2 * none[2])
        #expect(
            space.violations(of: [80, 0, .infinity, .infinity], from: original).map(\.reason)
                == [.wrongDerivedValue, .wrongDerivedValue])
    }

    @Test func derivedLevelsAndTruthValues() throws {
        let features = [
            Feature("age"), Feature("young"), Feature("band", .categorical(levels: ["low", "high"])),
            Feature("job", .categorical(levels: ["none", "some"])),
        ]
        let space = FeatureSpace(
            features: features,
            rules: [
                .init(domain: .integer, low: 18, high: 99), .init(), .init(domain: .categorical(levels: 2, moves: nil)),
                .init(domain: .categorical(levels: 2, moves: nil)),
            ],
            derived: [
                try .init(1, "row.age < 25.0", features: features),
                try .init(2, "row.young == 1 && row.job == \"none\" ? \"low\" : \"high\"", features: features),
            ])
        var row: [Float] = [22, 0, 1, 0]
        #expect(space.repair(&row, around: [40, 0, 1, 0]))
        #expect(row == [22, 1, 0, 0])
        #expect(throws: CasemateError.self) { try FeatureSpace.Derived(2, "row.age", features: features) }
        #expect(throws: CasemateError.self) { try FeatureSpace.Derived(0, "row.job", features: features) }
    }

    @Test func aRelationThatTheOriginalBreaksIsNotDemanded() throws {
        let features = ["years", "age"].map { Feature($0) }
        let space = FeatureSpace(
            features: features, rules: features.map { _ in .init(domain: .integer, low: 0, high: 90) },
            relations: [try .init("row.years <= row.age - 14", name: "worked as a child", features: features)])
        #expect(space.violations(of: [20, 25], from: [15, 25]).isEmpty)
        let broken = space.violations(of: [12, 25], from: [10, 25])
        #expect(broken.map(\.description) == ["'worked as a child' is a relation that the change breaks"])
        #expect(broken.map(\.feature) == [0])
        var row: [Float] = [30, 40]
        #expect(space.repair(&row, around: [10, 40]))
        #expect(row == [26, 40] || row == [30, 44])
        // A missing value says nothing.
        #expect(space.violations(of: [80, .nan], from: [10, .nan]).isEmpty)
    }

    @Test func theCheckerNamesBrokenLimits() {
        let features = ["a", "b"].map { Feature($0) }
        let space = FeatureSpace(
            features: features, rules: [.init(cost: .init(increase: 2, decrease: 3, fixed: 1)), .init()], maxChanges: 1,
            maxCost: 5)
        #expect(space.violations(of: [1, 1], from: [0, 0]).map(\.reason) == [.tooManyChanges])
        #expect(space.violations(of: [3, 0], from: [0, 0]).map(\.reason) == [.tooCostly])
        #expect(space.violations(of: [2, 0], from: [0, 0]).isEmpty)
        #expect(space.cost(from: [0, 0], to: [-1, 0]) == 4)
        var row: [Float] = [-9, 0]
        #expect(space.repair(&row, around: [0, 0]))
        #expect(abs(row[0] + 4.0 / 3) < 1e-5, "\(row)")
    }

    @Test func costsOfMovesAndGroups() {
        let features = [
            Feature("c", .categorical(levels: ["x", "y", "z"])), Feature("own"), Feature("rent"), Feature("free"),
        ]
        let member = FeatureSpace.Rule(domain: .integer, low: 0, high: 1)
        var (rent, own) = (member, member)
        rent.cost = .init(increase: 4, decrease: 0)
        own.cost = .init(increase: 1, decrease: 3, fixed: 0.5)
        let space = FeatureSpace(
            features: features,
            rules: [
                .init(
                    domain: .categorical(levels: 3, moves: nil),
                    cost: .init(increase: 2, fixed: 0.25, moves: [0: [1: 7]])), own, rent, member,
            ], oneHotGroups: [[1, 2, 3]])
        func cost(_ before: [Float], _ after: [Float]) -> Double { space.cost(from: before, to: after) }
        #expect(cost([0, 1, 0, 0], [1, 1, 0, 0]) == 7.25)
        #expect(cost([1, 1, 0, 0], [0, 1, 0, 0]) == 2.25)
        #expect(cost([0, 1, 0, 0], [0, 0, 1, 0]) == 7)
        #expect(cost([0, 0, 1, 0], [0, 1, 0, 0]) == 1.5)
        #expect(cost([0, 0, 1, 0], [0, 0, 0, 1]) == 1)
        #expect(cost([0, .nan, 0, 1], [0, 1, 0, 0]) == .infinity)
    }
}
