import CasemateCore
import CasemateData
import Testing

@Suite("A feature space with rules between features is compiled, or refused with what clashes")
struct SpaceAdmissionTests {
    private let features = [
        Feature("age"), Feature("years"), Feature("loan"), Feature("price"), Feature("share"),
        Feature("job", .categorical(levels: ["none", "some", "good"])), Feature("own"), Feature("rent"),
    ]
    /// age 20…60 and years 0…40 are whole, loan 50…200 and price 100…400 are not, share is loan over price.
    private let matrix = FeatureMatrix(
        features: [
            Feature("age"), Feature("years"), Feature("loan"), Feature("price"), Feature("share"),
            Feature("job", .categorical(levels: ["none", "some", "good"])), Feature("own"), Feature("rent"),
        ],
        values: [
            20, 0, 50, 100, 0.5, 0, 1, 0, 60, 40, 200, 400, 0.5, 1, 0, 1, 40, 10, 100.5, 150, 0.67, 2, 1, 0, 30, 5, 80,
            160.5, 0.4984424, 1, 0, 1,
        ])

    private func compile(_ yaml: String) throws -> FeatureSpaceDeclaration.Compiled {
        let root = try SettingChecker.read(yaml, file: "c.yaml", keys: FeatureSpaceDeclaration.keys)
        var declaration = FeatureSpaceDeclaration()
        for entry in root.entries { try declaration.take(entry.key, entry.value) }
        return try declaration.compile(features: features, ranges: FeatureRange.ranges(of: matrix), training: matrix)
    }
    private func failure(_ yaml: String) -> String {
        do { return "no error, notes: \(try compile(yaml).notes)" } catch let error as CasemateError {
            return error.description
        } catch { return "\(error)" }
    }
    private static let group = "one_hot: [{name: housing, columns: [own, rent]}]"

    @Test func everythingIsTaken() throws {
        let yaml = """
            features:
              age: {immutable: true}
              years: {cost: 2}
              loan: {cost: {increase: 1, decrease: 3, fixed: 0.5}}
              job: {moves: {none: [some], some: [good]}, cost: {moves: {none: {some: 4}}, fixed: 1}}
              own: {cost: 6}
              rent: {cost: {increase: 2, decrease: 5}}
            one_hot: [{name: housing, columns: [own, rent]}]
            derived: {share: row.loan / row.price}
            relations:
              - row.years <= row.age - 14
              - {name: not all of it, rule: row.share < 0.95}
            max_changes: 3
            max_cost: 10
            """
        let compiled = try compile(yaml)
        let space = compiled.space
        #expect(compiled.notes.isEmpty, "\(compiled.notes)")
        #expect(space.hasRules && space.maxChanges == 3 && space.maxCost == 10)
        #expect(space.rules[1].cost == .init(increase: 2, decrease: 2))
        #expect(space.rules[2].cost == .init(increase: 1, decrease: 3, fixed: 0.5))
        #expect(space.rules[5].cost == .init(fixed: 1, moves: [0: [1: 4]]))
        #expect(space.rules[6].cost == .init(increase: 6, decrease: 0))
        #expect(space.rules[7].cost == .init(increase: 2, decrease: 5))
        #expect(space.rules[4].isImmutable && space.rules[4].low == -.infinity)
        #expect(space.relations.map(\.name) == ["row.years <= row.age - 14", "not all of it"])
        #expect(space.relations.map(\.place) == ["c.yaml:11:5", "c.yaml:12:33"])
        #expect(space == (try compile(yaml).space))
        #expect(space != space.replacing(rules: space.rules.map { _ in .init() }))
        #expect(try !compile("features: {age: {cost: 3}}").space.hasRules)
    }

    @Test func theDeclarationIsShown() throws {
        var declaration = FeatureSpaceDeclaration()
        declaration.derived = [.init("share", "row.loan / row.price")]
        declaration.relations = [.init("row.a < 1", name: "small"), .init("row.b < 1")]
        declaration.maxCost = .init(2.5)
        #expect(declaration.shown("derived")?.yaml == "[share = row.loan / row.price]")
        #expect(declaration.shown("relations")?.yaml == "[small, row.b < 1]")
        #expect(declaration.shown("max_cost") == .number(2.5))
        #expect(declaration.shown("max_changes") == nil && declaration.shown("features") == nil)
    }

    static let refusals: [(String, String)] = [
        (
            "derived: {shrae: row.loan / row.price}",
            "c.yaml:1:11: the model has no feature 'shrae', did you mean 'share'? [mismatch]\n"
                + "  help: only features of the model are derived; they are age, years, loan, price, share, job, own, rent"
        ),
        (
            "derived: {share: row.loan / row.pirce}",
            "c.yaml:1:18: expression of 'share', column 12: no column 'pirce', did you mean 'price'? [not-found]\n"
                + "  help: columns: age, years, loan, price, share, job, own, rent"
        ),
        (
            "relations: [row.yaers <= 3]",
            "c.yaml:1:13: rule 'row.yaers <= 3', column 1: no column 'yaers', did you mean 'years'? [not-found]\n"
                + "  help: columns: age, years, loan, price, share, job, own, rent"
        ),
        (
            "derived: {share: row.loan / row.price, loan: row.share * row.price}",
            "c.yaml:1:11: derived features follow from each other: share from loan from share [invalid-setting]\n"
                + "  help: compute one of them from features that are not derived"
        ),
        (
            "{features: {share: {immutable: true}}, derived: {share: row.loan / row.price}}",
            "c.yaml:1:13: feature 'share': is derived, so 'immutable' does not apply [invalid-setting]\n"
                + "  help: remove it; 'relations' can bound it: row.share <= 1"
        ),
        (
            "{features: {share: {cost: 1}}, derived: {share: row.loan / row.price}}",
            "c.yaml:1:13: feature 'share': is derived, so 'cost' does not apply [invalid-setting]\n"
                + "  help: remove it; 'relations' can bound it: row.share <= 1"
        ),
        (
            "{derived: {own: 1 - row.rent}, \(group)}",
            "c.yaml:1:12: 'own' belongs to a one-hot group and is derived [invalid-setting]\n"
                + "  help: keep one of them"
        ),
        (
            "derived: {job: row.age}",
            "c.yaml:1:16: derived feature 'job' has levels, and its expression gives a number [mismatch]\n"
                + "  help: write a choice of levels: row.a > 1 ? \"high\" : \"low\""
        ),
        (
            "derived: {share: 0.5}",
            "c.yaml:1:18: the expression of 'share' reads no feature, so it never changes [invalid-setting]\n"
                + "  help: write `immutable: true` under 'features' instead"
        ),
        (
            "features: {age: {immutable: true, cost: 2}}",
            "c.yaml:1:12: feature 'age': 'immutable' and 'cost' contradict each other [invalid-setting]\n"
                + "  help: keep one of them"
        ),
        (
            "features: {age: {direction: increase, cost: {decrease: 2}}}",
            "c.yaml:1:12: feature 'age': 'direction: increase' and 'cost.decrease' contradict each other "
                + "[invalid-setting]\n  help: keep one of them"
        ),
        (
            "features: {job: {cost: {increase: 2}}}",
            "c.yaml:1:12: feature 'job': 'cost.increase' does not apply to categories [invalid-setting]\n"
                + "  help: write 'moves' or 'fixed'"
        ),
        (
            "features: {age: {cost: {moves: {a: {b: 2}}}}}",
            "c.yaml:1:12: feature 'age': 'cost.moves' needs categories [invalid-setting]\n"
                + "  help: write 'increase', 'decrease' or 'fixed'"
        ),
        (
            "features: {job: {moves: {none: [some]}, cost: {moves: {none: {good: 2}}}}}",
            "c.yaml:1:12: feature 'job': 'cost.moves' names none to good, a move that does not exist "
                + "[invalid-setting]\n  help: add it to 'moves', or remove it"
        ),
        (
            "features: {job: {cost: {moves: {none: {best: 2}}}}}",
            "c.yaml:1:12: feature 'job': has no level 'best' [mismatch]\n  help: levels are none, some, good"
        ),
        (
            "relations: [row.age < 3, {name: row.age < 3, rule: row.years < 3}]",
            "c.yaml:1:52: two relations are called 'row.age < 3', the other at c.yaml:1:13 [invalid-setting]\n"
                + "  help: give each a `name` of its own"
        ),
        (
            "relations: [row.age < row.age]",
            "c.yaml:1:13: no row can keep the relation 'row.age < row.age' [invalid-setting]\n"
                + "  help: correct it, or remove it"
        ),
        (
            "relations: [row.age < 30.0, row.age > 40.0]",
            "c.yaml:1:29: the relations 'row.age < 30.0' (c.yaml:1:13) and 'row.age > 40.0' leave no value for 'age' "
                + "[invalid-setting]\n  help: correct one of them"
        ),
        (
            "{features: {loan: {bounds: [0, 300]}}, relations: [row.loan >= 3 * row.price + 1000]}",
            "c.yaml:1:52: the relation 'row.loan >= 3 * row.price + 1000' cannot hold: 'loan' is 0 to 300, 'price' is "
                + "100 to 400 [invalid-setting]\n  help: correct it, or widen the bounds"
        ),
        (
            "{derived: {share: row.loan / row.price}, relations: [row.share > 2.5]}",
            "c.yaml:1:54: the relation 'row.share > 2.5' cannot hold: 'loan' is 50 to 200, 'price' is 100 to 400 "
                + "[invalid-setting]\n  help: correct it, or widen the bounds"
        ),
        (
            "max_cost: 0",
            "c.yaml:1:11: no change is possible: 'age', 'years' cost at least 0.025 to change and 'max_cost' "
                + "(c.yaml:1:11) is 0; 'loan', 'price', 'share' cost more than 0 to change and 'max_cost' (c.yaml:1:11) is 0; "
                + "'job', 'own', 'rent' cost at least 1 to change and 'max_cost' (c.yaml:1:11) is 0 [invalid-setting]\n"
                + "  help: loosen one of these rules, or leave attacks out"
        ),
    ]
    @Test(arguments: refusals) func refuses(yaml: String, expected: String) { #expect(failure(yaml) == expected) }

    private static let frozen =
        "age: {immutable: true}, job: {immutable: true}, own: {immutable: true}, rent: {immutable: true}"
    static let impossible: [(String, [String])] = [
        (
            "features: {\(frozen), years: {immutable: true}, loan: {immutable: true}, price: {immutable: true}, "
                + "share: {immutable: true}}",
            ["no change is possible: 'age', 'years', 'loan', 'price' and 4 more are immutable"]
        ),
        (
            "{features: {\(frozen), loan: {immutable: true}, price: {immutable: true}}, derived: {share: row.loan / "
                + "row.price}, relations: [{name: seniority, rule: row.years == row.age - 20}]}",
            [
                "no change is possible: 'years' is tied by 'seniority' (c.yaml:1:", ") to what cannot change; ",
                "are immutable; 'share' is derived",
            ]
        ),
        (
            "{features: {\(frozen), years: {immutable: true}, share: {immutable: true}}, relations: [{name: a, rule: "
                + "row.loan + row.price == 300}, {name: b, rule: row.loan - row.price == -100.0}]}",
            ["'loan', 'price' are tied by 'a' (", "and 'b' (", "to what cannot change"]
        ),
        (
            "{features: {\(frozen), years: {immutable: true}, share: {immutable: true}}, max_changes: 1, relations: "
                + "[{name: a, rule: row.loan + row.price == 300}]}",
            ["'loan', 'price' are tied by 'a' (", "to others, and 'max_changes' is 1"]
        ),
        (
            "{features: {\(frozen), years: {bounds: [30, 40]}, loan: {immutable: true}, price: {immutable: true}, "
                + "share: {immutable: true}}, relations: [{name: junior, rule: row.years <= 5}]}",
            [
                "no change is possible: 'years' keeps the relation 'junior' (c.yaml:1:",
                "with no value that its own rule",
            ]
        ),
        (
            "{features: {age: {immutable: true}, own: {immutable: true}, rent: {immutable: true}, years: {immutable: "
                + "true}, loan: {immutable: true}, price: {immutable: true}, share: {immutable: true}, job: {moves: "
                + "{none: []}}}}",
            ["no change is possible: 'job' has 'moves' that let no level be left; "]
        ),
        (
            "{features: {\(frozen), years: {cost: {fixed: 3}}, loan: {cost: {fixed: 3}}, price: {cost: {fixed: 4}}, "
                + "share: {cost: {fixed: 9}}}, max_cost: 2}",
            ["'years' costs at least 3.025 to change and 'max_cost' (c.yaml:1:", "'loan' costs at least 3 to change"]
        ),
        (
            "{features: {\(frozen), loan: {immutable: true}, price: {immutable: true}, share: {immutable: true}, years: "
                + "{direction: increase, bounds: [-5, 0]}}}",
            ["'years' may only increase and is at its upper bound in all training rows"]
        ),
    ]
    @Test(arguments: impossible) func refusesWhatLetsNothingChange(yaml: String, parts: [String]) {
        let failure = failure(yaml)
        for part in parts { #expect(failure.contains(part), "\(failure)") }
        #expect(failure.contains("[invalid-setting]"), "\(failure)")
    }

    @Test func notesSayWhatCanNeverChange() throws {
        func notes(_ yaml: String) throws -> [String] { try compile(yaml).notes }
        #expect(
            try notes("{features: {years: {bounds: [30, 40]}}, relations: [{name: j, rule: row.years <= 5}]}")
                == [
                    "'years' can never change: it keeps the relation 'j' (c.yaml:1:69) with no value that its own rule "
                        + "allows."
                ])
        #expect(
            try notes("{features: {age: {immutable: true}}, relations: [{name: adult, rule: row.age >= 18}]}")
                == ["The relation 'adult' (c.yaml:1:70) reads only what nobody can change."])
        #expect(
            try notes("relations: [{name: backwards, rule: row.years >= 40}]")
                == [
                    "The relation 'backwards' (c.yaml:1:37) is broken by 3 of the 4 training rows to which it applies, "
                        + "and nothing is demanded of changes to such rows: is it meant the other way round?"
                ])
        #expect(
            try notes("derived: {share: row.price / row.loan}")
                == [
                    "'share' is not what its expression gives in 4 of 4 training rows; it is recomputed once something "
                        + "that it follows from changes."
                ])
    }

    /// Tried on all rows of small spaces: what is refused has no lawful change.
    @Test func whatIsRefusedAdmitsNoChange() throws {
        let numbers = ["a", "b", "c"].map { Feature($0) }
        let ranges: [FeatureRange?] = numbers.map { _ in FeatureRange(low: -2, high: 2, isWhole: true) }
        var (refused, kept) = (0, 0)
        for seed in 0..<300 as Range<UInt64> {
            var rules = RandomRules(seed: seed)
            var declaration = FeatureSpaceDeclaration()
            for feature in numbers where rules.random.pick(3) == 0 {
                declaration.features[feature.name] = .init()
                declaration.features[feature.name]?.isImmutable = true
            }
            declaration.relations = (0..<1 + rules.random.pick(3)).map {
                .init(
                    rules.linear(["a", "b", "c"]) + (rules.random.pick(3) == 0 ? " && row.a != 9" : ""), name: "r\($0)")
            }
            do {
                _ = try declaration.compile(features: numbers, ranges: ranges)
                kept += 1
            } catch {
                refused += 1
                #expect(!Self.admits(numbers, declaration), "seed \(seed): \(error)")
            }
        }
        #expect(refused > 20 && kept > 60, "\(refused), \(kept)")
    }

    /// Whether any row of whole numbers in -2…2 that keeps the relations has a lawful change; relations are read apart.
    private static func admits(_ features: [Feature], _ declaration: FeatureSpaceDeclaration) -> Bool {
        guard
            let relations = try? declaration.relations.map({
                try FeatureSpace.Relation($0.rule, name: $0.name, features: features)
            })
        else { return false }
        let rules = features.map {
            FeatureSpace.Rule(
                domain: .integer, low: -2, high: 2, isImmutable: declaration.features[$0.name]?.isImmutable ?? false)
        }
        let space = FeatureSpace(features: features, rules: rules, relations: relations)
        var rows: [[Float]] = []
        for a in -2...2 { for b in -2...2 { for c in -2...2 { rows.append([Float(a), Float(b), Float(c)]) } } }
        let bound = relations.compactMap { $0.rule.bound(to: features) }
        let lawful = rows.filter { row in bound.allSatisfy { $0.verdict(row[...]) == .holds } }
        for original in lawful {
            for row in lawful where row != original {
                if space.violations(of: row, from: original).isEmpty { return true }
            }
        }
        return false
    }
}
