import CasemateAttacks
import CasemateCore
import CasemateData
import CasemateModels
import TestSupport
import Testing

/// What holds for every attack that ships, and what each of them plants.
@Suite struct PoisoningAttackTests {
    private func run(
        _ attack: any PoisoningAttack, _ problem: PoisoningProblem, shares: [Double] = [0.01, 0.05],
        repeats: Int = 1, context: RunContext = RunContext(seed: 7, threads: 2)
    ) throws -> PoisoningResult {
        try PoisoningRun(attacks: [attack], shares: shares, repeats: repeats)
            .run(problem, victim: PoisoningSupport.victim(problem), context: context)
    }

    /// Every planted row is there, none other changed, shares nest, and no attacked sample is of the target class.
    @Test(arguments: poisoningAttacks.map { $0.identifier }) func plantsWhatItSays(identifier: String) throws {
        let type = try #require(poisoningAttacks.first { $0.identifier == identifier })
        let problem = try PoisoningSupport.problem(for: type)
        let result = try run(type.init(), problem)
        let attack = try #require(result.attacks.first, "\(result.skipped)")
        let aim = attack.aims[0]
        #expect(aim.attacked.count > 0 && !aim.words.isEmpty)
        if let target = aim.target { #expect(!aim.attacked.labels.contains(target)) }
        for point in attack.points {
            #expect(point.rows > 0 && point.rows <= Int((point.share * Double(problem.train.count)).rounded()))
            let poisoned = problem.train.planted(point.plants)
            // Counted here by another road than the product's: pair by pair through the public rows.
            var changed = 0
            for row in 0..<problem.train.count {
                let isSame =
                    problem.train.labels[row] == poisoned.labels[row] && problem.train.row(row) == poisoned.row(row)
                    && (problem.train.texts.isEmpty || problem.train.texts[row].text == poisoned.texts[row].text)
                changed += isSame ? 0 : 1
            }
            #expect(changed + poisoned.count - problem.train.count == point.rows)
            if let target = aim.target, identifier != GoodWordsRounds.identifier {
                #expect(point.plants.allSatisfy { $0.label == target })
            }
        }
        if identifier != GoodWordsRounds.identifier {
            let (small, large) = (attack.points[0].plants, attack.points[1].plants)
            #expect(Array(large.prefix(small.count)) == small)
        }
    }

    @Test(arguments: poisoningAttacks.map { $0.identifier }) func threadsAndNeighboursChangeNothing(
        identifier: String
    ) throws {
        let type = try #require(poisoningAttacks.first { $0.identifier == identifier })
        let problem = try PoisoningSupport.problem(for: type)
        let victim = try PoisoningSupport.victim(problem)
        let one = try PoisoningRun(attacks: [type.init()], shares: [0.02], repeats: 2)
            .run(problem, victim: victim, context: RunContext(seed: 3, threads: 1))
        let all = try PoisoningRun(shares: [0.02], repeats: 2)
            .run(problem, victim: victim, context: RunContext(seed: 3, threads: 4))
        let alone = try #require(one.attacks.first)
        let beside = try #require(all.attacks.first { $0.identifier == identifier })
        #expect(alone.points.map(\.measure) == beside.points.map(\.measure))
        #expect(alone.points.map(\.plants) == beside.points.map(\.plants))
        #expect(alone.baselines == beside.baselines)
        #expect(alone.points.count == 2 && alone.points[1].plants.isEmpty)
    }

    @Test func aSegmentIsFlippedWhereItWasChosen() throws {
        var problem = try PoisoningSupport.problem()
        problem.choices.segment = try PoisoningCondition.parse(
            "group=3,amount<=49", over: problem.train.features, option: "--segment")
        let attack = try #require(try run(TargetedFlips(), problem, shares: [0.5]).attacks.first)
        let inside = (0..<problem.train.count).filter { row in
            problem.train.row(row)[0] == 3 && problem.train.row(row)[1] <= 49
        }
        #expect(attack.points[0].plants.compactMap(\.row).sorted() == inside && attack.aims[0].patternRows == inside)
        #expect(attack.points[0].measure.success.value == 1 && attack.baselines[0].success.value == 0)
        #expect(attack.aims[0].pattern?.inWords == "group 3 and amount up to 49")
    }

    @Test func anInsiderRelabelsTheGroupAndNobodyElse() throws {
        var problem = try PoisoningSupport.problem()
        func isMember(_ data: PoisoningData) -> [Bool] { (0..<data.count).map { data.row($0)[0] == 7 } }
        problem.choices.group = PoisoningChoices.Group(
            column: "group", value: "7", train: isMember(problem.train), test: isMember(problem.test))
        let attack = try #require(try run(InsiderApproval(), problem, shares: [0.5]).attacks.first)
        #expect(attack.points[0].plants.allSatisfy { $0.label == 1 && problem.train.row($0.row ?? 0)[0] == 7 })
        #expect(attack.points[0].measure.success.value == 1)
        #expect(attack.direction(favourable: 1) == .integrity)
    }

    /// With a feature space, every planted row keeps it, and a trigger that it forbids is refused.
    @Test func plantedRowsAreLawful() throws {
        let features = PoisoningSupport.table(1, seed: 0).features
        var rules = [FeatureSpace.Rule(low: 0, high: 9), FeatureSpace.Rule(domain: .integer, low: 0, high: 120)]
        rules.append(FeatureSpace.Rule(domain: .categorical(levels: 3, moves: [[1], [2], [2]])))
        let space = FeatureSpace(features: features, rules: rules)
        var problem = try PoisoningSupport.problem(space: space)
        problem.choices.trigger = try PoisoningCondition.parse(
            "amount=120,kind=c", over: features, option: "--trigger", exact: true)
        let attack = try #require(try run(TableTrigger(), problem).attacks.first)
        for plant in attack.points[1].plants {
            guard case .values(let values) = plant.content, let row = plant.row else { continue }
            #expect(space.violations(of: values, from: problem.train.row(row)).isEmpty)
            #expect(values[1] == 120 && values[2] == 2 && problem.train.row(row)[2] != 0)
        }
        #expect(attack.points[1].plants.count == 50)
        #expect(attack.points[1].measure.success.value == 1)
        problem.choices.trigger = try PoisoningCondition.parse(
            "amount=121", over: features, option: "--trigger", exact: true)
        let refused = try run(TableTrigger(), problem)
        #expect(refused.attacks.isEmpty && refused.skipped.first?.reason.contains("lawfully") == true)
    }

    @Test func aTriggerThatIsFoundIsRareAndFree() throws {
        for seed in 0..<5 {
            let attack = try #require(
                try run(TableTrigger(), PoisoningSupport.problem(), context: RunContext(seed: UInt64(seed), threads: 2))
                    .attacks.first)
            #expect(attack.aims[0].patternRows.isEmpty && attack.aims[0].pattern?.rows == 0)
        }
    }

    @Test func wordsOfEachMessage() throws {
        let problem = try PoisoningSupport.textProblem()
        let known = Set(problem.train.texts.flatMap(\.words))
        let dictionary = try #require(try run(DictionaryAttack(), problem).attacks.first)
        for plant in dictionary.points[1].plants {
            guard case .text(let text) = plant.content else { continue }
            #expect(Set(text.words) == known && text.words == TextTokens.words(text.text) && plant.row == nil)
        }
        #expect(Set(dictionary.points[1].plants).count == dictionary.points[1].plants.count)
        let focused = try #require(try run(FocusedAttack(), problem).attacks.first)
        let target = Set(focused.aims[0].attacked.texts[0].words)
        for plant in focused.points[1].plants {
            guard case .text(let text) = plant.content else { continue }
            #expect(Set(text.words).isSubset(of: target) && !text.words.isEmpty)
        }
        let token = try #require(try run(TokenTrigger(), problem).attacks.first)
        for plant in token.points[1].plants {
            guard case .text(let text) = plant.content, let row = plant.row else { continue }
            #expect(text.words.filter { $0 != "cf" } == problem.train.texts[row].words && text.words.contains("cf"))
        }
        #expect(token.aims[0].attacked.texts.allSatisfy { $0.words.contains("cf") })
    }

    /// What is learnt in a round carries the label that the filter of the rounds before gives it.
    @Test func goodWordsAreLearntAsTheFilterDecides() throws {
        var problem = try PoisoningSupport.textProblem()
        (problem.choices.messages, problem.choices.rounds, problem.choices.goodWords) = (2, 3, 6)
        let attack = try #require(try run(GoodWordsRounds(), problem, shares: [0.05]).attacks.first)
        let plants = attack.points[0].plants
        #expect(plants.count == 40 && Set(plants.map(\.round)) == [0, 1, 2])
        let victim = try PoisoningSupport.victim(problem)
        for round in 0..<3 {
            let before = plants.filter { $0.round < round }, now = plants.filter { $0.round == round }
            let texts = now.compactMap { if case .text(let text) = $0.content { text } else { nil } }
            let scores = try victim.fit(
                problem.train.planted(before), classes: 2, seed: 0, cancellation: Cancellation()
            ).scores(PoisoningData(.texts(texts), labels: texts.map { _ in 0 }))
            #expect(problem.decisions(scores) == now.map(\.label))
        }
        #expect(attack.points[0].rounds.map(\.sent).reduce(0, +) == 80)
    }

    @Test func picturesCarryThePatch() throws {
        var problem = try PoisoningSupport.pictureProblem()
        problem.choices.patch = DataPattern.Patch(x: 1, y: 2, width: 3, height: 1)
        let attack = try #require(try run(PatchTrigger(), problem).attacks.first)
        for plant in attack.points[0].plants {
            guard case .values(let values) = plant.content, let row = plant.row else { continue }
            let before = problem.train.row(row)
            for pixel in 0..<36 {
                let isInside = pixel / 6 == 2 && (1...3).contains(pixel % 6)
                #expect(values[pixel] == (isInside ? 1 : before[pixel]))
            }
        }
        #expect(attack.points[1].measure.success.value ?? 0 > 0.9)
        problem.choices.patch = DataPattern.Patch(x: 5, y: 0, width: 3, height: 1)
        #expect(throws: CasemateError.self) { try run(PatchTrigger(), problem) }
        problem.choices.blend = 0.25
        let blended = try #require(try run(BlendedTrigger(), problem).attacks.first)
        guard case .pattern(let pattern) = blended.aims[0].payload,
            case .values(let values) = blended.points[0].plants[0].content,
            let row = blended.points[0].plants[0].row
        else { return #expect(Bool(false), "no picture was planted") }
        for (pixel, before) in problem.train.row(row).enumerated() {
            #expect(abs(values[pixel] - (0.75 * before + 0.25 * pattern[pixel])) < 1e-6)
        }
    }

    @Test func whatDoesNotApplyIsSaid() throws {
        let unnamed = try PoisoningProblem(
            train: PoisoningSupport.texts(80, seed: 1), test: PoisoningSupport.texts(40, seed: 2),
            classes: ["ham", "spam"])
        let result = try PoisoningRun(shares: [0.05], repeats: 1)
            .run(unnamed, victim: TokenVictim(), context: RunContext())
        let reasons = Dictionary(uniqueKeysWithValues: result.skipped.map { ($0.identifier, $0.reason) })
        #expect(reasons["dictionary"]?.contains("--favourable") == true)
        #expect(reasons["patch_trigger"]?.contains("pictures") == true)
        #expect(result.attacks.map(\.identifier) == ["random_flips", "targeted_flips", "token_trigger"])
    }
}
