import CasemateCore
import CasemateData
import Testing

/// Random spaces with every kind of rule, and rows for them that also break bounds, miss values and are no valid codes.
struct RandomSpace {
    var generator: SeededGenerator
    init(seed: UInt64) { generator = SeededGenerator(seed: seed) }

    mutating func pick(_ count: Int) -> Int { Int(generator.next() % UInt64(count)) }

    mutating func rule() -> (FeatureSpace.Rule, [String]?) {
        let direction = FeatureSpace.Rule.Direction.allCasesForTests[pick(3)]
        let (low, high): (Float, Float) = pick(3) == 0 ? (-.infinity, .infinity) : (-1.5, 2.25)
        let isImmutable = pick(6) == 0
        func numeric(_ domain: FeatureSpace.Rule.Domain) -> (FeatureSpace.Rule, [String]?) {
            (
                .init(
                    domain: domain, low: low, high: high, isImmutable: isImmutable, direction: direction, scale: 0.5),
                nil
            )
        }
        switch pick(5) {
        case 0: return numeric(.continuous)
        case 1: return numeric(.integer)
        case 2: return numeric(.ordinal([-2, -0.5, 0.25, 1, 7]))
        case 3: return (.init(domain: .categorical(levels: 3, moves: nil), isImmutable: isImmutable), ["a", "b", "c"])
        default:
            let moves = [[1], [0, 2], []]
            return (.init(domain: .categorical(levels: 3, moves: moves), isImmutable: isImmutable), ["a", "b", "c"])
        }
    }

    mutating func space() -> FeatureSpace {
        var features: [Feature] = []
        var rules: [FeatureSpace.Rule] = []
        for index in 0..<(1 + pick(5)) {
            let (rule, levels) = rule()
            rules.append(rule)
            features.append(Feature("x\(index)", levels.map { .categorical(levels: $0) } ?? .numeric))
        }
        var groups: [[Int]] = []
        for _ in 0..<pick(3) {
            let start = rules.count
            for member in 0..<(2 + pick(3)) {
                let direction = FeatureSpace.Rule.Direction.allCasesForTests[pick(8) == 0 ? pick(3) : 0]
                rules.append(
                    .init(domain: .integer, low: 0, high: 1, isImmutable: pick(12) == 0, direction: direction))
                features.append(Feature("g\(start)_\(member)"))
            }
            groups.append(Array(start..<rules.count))
        }
        return FeatureSpace(features: features, rules: rules, oneHotGroups: groups)
    }

    mutating func row(_ space: FeatureSpace) -> [Float] {
        space.rules.indices.map { index in
            switch pick(8) {
            case 0: return .nan
            case 1: return 40 - 80 * generator.uniform()
            case 2, 3: return Float(pick(5)) - 1
            default: return 6 * generator.uniform() - 3
            }
        }
    }

    /// A row before an attack: levels and groups mostly valid.
    mutating func original(_ space: FeatureSpace) -> [Float] {
        var row = row(space)
        for (index, rule) in space.rules.enumerated() {
            if case .categorical(let levels, _) = rule.domain, pick(8) != 0 { row[index] = Float(pick(levels)) }
        }
        for group in space.oneHotGroups where pick(8) != 0 {
            let hot = pick(group.count)
            for (position, member) in group.enumerated() { row[member] = position == hot ? 1 : 0 }
        }
        return row
    }
}

extension FeatureSpace.Rule.Direction {
    static let allCasesForTests: [Self] = [.any, .increase, .decrease]
}

func areSame(_ one: [Float], _ other: [Float]) -> Bool {
    zip(one, other).allSatisfy { $0 == $1 || $0.isNaN && $1.isNaN }
}

@Suite struct FeatureSpaceTests {
    @Test func projectionIsLawfulAndIdempotentInRandomSpaces() {
        for seed in 0..<4_000 as Range<UInt64> {
            var random = RandomSpace(seed: seed)
            let space = random.space()
            let original = random.original(space)
            for _ in 0..<4 {
                var row = random.row(space)
                space.project(&row, around: original)
                let violations = space.violations(of: row, from: original)
                #expect(violations.isEmpty, "seed \(seed): \(violations)")
                var again = row
                space.project(&again, around: original)
                #expect(areSame(again, row), "seed \(seed)")
            }
            var unchanged = original
            space.project(&unchanged, around: original)
            #expect(areSame(unchanged, original), "seed \(seed): an unchanged row moved")
            #expect(space.distance(.l2, from: original, to: unchanged) == 0)
        }
    }

    /// A number goes to the nearest value that a brute-force list of allowed values holds.
    @Test func projectionOfNumbersIsTheNearestAllowedValue() {
        let rule = FeatureSpace.Rule(domain: .integer, low: -1.5, high: 2.25, direction: .increase)
        let space = FeatureSpace(features: [Feature("x")], rules: [rule])
        for step in -60...60 {
            let value = Float(step) / 10
            var row = [value]
            space.project(&row, around: [0.5])
            let best = [0.5, 1, 2].map { abs(Float($0) - value) }.min()
            #expect(abs(row[0] - value) == best, "\(value) became \(row[0])")
        }
    }

    @Test func numbersRespectBoundsDomainAndDirection() {
        func projected(_ rule: FeatureSpace.Rule, _ value: Float, from original: Float) -> Float {
            var row = [value]
            FeatureSpace(features: [Feature("x")], rules: [rule]).project(&row, around: [original])
            return row[0]
        }
        #expect(projected(.init(low: 0, high: 1), 3, from: 0.5) == 1)
        #expect(projected(.init(low: 0, high: 1), .infinity, from: 0.5) == 1)
        #expect(projected(.init(), .infinity, from: 0.5) == 0.5)
        #expect(projected(.init(domain: .integer, low: 0.5, high: 3.5), 9, from: 1) == 3)
        #expect(projected(.init(domain: .integer, low: 0.2, high: 0.8), 0.6, from: 0.5) == 0.5)
        #expect(projected(.init(domain: .ordinal([1, 2, 5])), 3.4, from: 1) == 2)
        #expect(projected(.init(direction: .decrease), 3, from: 1) == 1)
        #expect(projected(.init(isImmutable: true), 3, from: 1) == 1)
        #expect(projected(.init(), .nan, from: 1) == 1)
        #expect(projected(.init(), 1, from: .nan).isNaN)
        // Out of bounds before the attack: may stay, may come in, may not go farther.
        #expect(projected(.init(low: 0, high: 1), 9, from: 5) == 5)
        #expect(projected(.init(low: 0, high: 1), 1.5, from: 5) == 1)
        #expect(projected(.init(low: 0, high: 1, direction: .increase), 6, from: 5) == 5)
    }

    @Test func oneHotGroupsMoveAsAWhole() {
        let member = FeatureSpace.Rule(domain: .integer, low: 0, high: 1)
        func space(_ rules: [FeatureSpace.Rule]) -> FeatureSpace {
            FeatureSpace(
                features: rules.indices.map { Feature("g\($0)") }, rules: rules, oneHotGroups: [Array(rules.indices)])
        }
        func projected(_ space: FeatureSpace, _ row: [Float], from original: [Float]) -> [Float] {
            var row = row
            space.project(&row, around: original)
            return row
        }
        let free = space([member, member, member])
        #expect(projected(free, [0.2, 0.9, 0.7], from: [1, 0, 0]) == [0, 1, 0])
        #expect(projected(free, [0.5, 0.5, 0.5], from: [0, 0, 1]) == [0, 0, 1])
        var frozen = member
        frozen.isImmutable = true
        #expect(projected(space([member, frozen, member]), [0, 0, 1], from: [1, 0, 0]) == [1, 0, 0])
        var onlyUp = member
        onlyUp.direction = .increase
        #expect(projected(space([onlyUp, member, member]), [0, 1, 0], from: [1, 0, 0]) == [1, 0, 0])
        #expect(free.distance(.l2, from: [1, 0, 0], to: [0, 1, 0] as [Float]) == 1)
        #expect(free.changes(from: [1, 0, 0], to: [0, 0, 1] as [Float]).map(\.features) == [[0, 1, 2]])
    }

    @Test func theCheckerNamesWhatIsBroken() {
        typealias Rule = FeatureSpace.Rule
        func reasons(_ rule: Rule, _ before: Float, _ after: Float) -> [FeatureSpace.Violation.Reason] {
            FeatureSpace(features: [Feature("x")], rules: [rule]).violations(of: [after], from: [before]).map(\.reason)
        }
        #expect(reasons(Rule(isImmutable: true), 1, 2) == [.immutable])
        #expect(reasons(Rule(low: 0, high: 1), 0.5, 1.01) == [.outOfBounds])
        #expect(reasons(Rule(low: 0, high: 1), 3, 3) == [])
        #expect(reasons(Rule(direction: .increase), 1, 0.5) == [.wrongDirection])
        #expect(reasons(Rule(domain: .integer), 1, 1.5) == [.notInDomain])
        #expect(reasons(Rule(domain: .ordinal([1, 2])), 1, 1.5) == [.notInDomain])
        #expect(reasons(Rule(domain: .categorical(levels: 2, moves: [[], [0]])), 0, 1) == [.forbiddenMove])
        #expect(reasons(Rule(domain: .categorical(levels: 2, moves: nil)), 0, 2) == [.notInDomain])
        #expect(reasons(Rule(), .nan, 1) == [.missing])
        #expect(reasons(Rule(), 1, .nan) == [.missing])
        #expect(reasons(Rule(), 1, .infinity) == [.notFinite])
        let group = FeatureSpace(
            features: [Feature("a"), Feature("b")], rules: [Rule(), Rule()], oneHotGroups: [[0, 1]])
        #expect(group.violations(of: [1, 1], from: [1, 0]).map(\.reason) == [.notOneHot])
        #expect(group.violations(of: [1, 1], from: [1, 1]).isEmpty)
        #expect(group.violations(of: [0.5, 0.5], from: [1, 0]).map(\.reason) == [.notOneHot])
    }

    @Test func distancesCountScaledNumbersAndCategories() {
        let space = FeatureSpace(
            features: [Feature("n"), Feature("m"), Feature("c", .categorical(levels: ["a", "b", "c"]))],
            rules: [.init(scale: 2), .init(scale: 0.5), .init(domain: .categorical(levels: 3, moves: nil))])
        let (before, after): ([Float], [Float]) = ([1, 1, 0], [7, 1, 2])
        #expect(space.distance(.l0, from: before, to: after) == 2)
        #expect(space.distance(.l1, from: before, to: after) == 4)
        #expect(space.distance(.l2, from: before, to: after) == 10.0.squareRoot())
        #expect(space.distance(.linf, from: before, to: after) == 3)
        #expect(space.changes(from: before, to: after).map(\.features) == [[0], [2]])
        #expect(space.distance(.linf, from: [.nan, 1, 0], to: [.nan, 1, 0] as [Float]) == 0)
    }
}
