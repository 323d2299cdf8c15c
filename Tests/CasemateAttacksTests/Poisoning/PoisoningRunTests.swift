import CasemateAttacks
import CasemateCore
import CasemateData
import CasemateModels
import TestSupport
import Testing

/// Plants the same row twice, one that changes nothing, or one outside the feature space.
private struct CheatingAttack: PoisoningAttack {
    static let identifier = "cheating"
    static let title = "Cheating"
    static let media = PoisoningMedium.allCases
    static let violation = Taxonomy.Violation.integrity
    var plants: [Plant] = []
    func aim(in session: PoisoningSession) -> PoisoningAim {
        PoisoningAim("nothing", target: 1, attacked: session.problem.test)
    }
    func plants(_ count: Int, trial: Int, for aim: PoisoningAim, in session: PoisoningSession) -> [Plant] { plants }
}

/// The harness: counting, measuring, budgets.
@Suite struct PoisoningRunTests {
    /// Ten rows of one feature, five of each class, and a victim that votes: every figure can be counted by hand.
    private func tiny() throws -> PoisoningProblem {
        let features = [Feature("x")]
        func data(_ values: [Float], _ labels: [Int32]) -> PoisoningData {
            PoisoningData(.table(FeatureMatrix(features: features, values: values)), labels: labels)
        }
        return try PoisoningProblem(
            train: data([0, 0, 0, 0, 0, 1, 1, 1, 1, 1], [0, 0, 0, 0, 0, 1, 1, 1, 1, 1]),
            test: data([0, 0, 0, 1, 1], [0, 0, 1, 1, 0]), classes: ["refused", "granted"], favourable: 1)
    }

    private func measured(_ plants: [Plant]) throws -> PoisoningMeasure {
        let result = try PoisoningRun(attacks: [CheatingAttack(plants: plants)], shares: [0.3], repeats: 1)
            .run(tiny(), victim: MajorityVictim(), context: RunContext())
        return try #require(result.attacks.first?.points.first?.measure)
    }

    @Test func figuresAreThoseCountedByHand() throws {
        let clean = try PoisoningRun(attacks: [CheatingAttack()], shares: [0.3], repeats: 1)
            .run(tiny(), victim: MajorityVictim(), context: RunContext())
        // x 0 is refused, x 1 granted: rows 0, 1 and 3 are right, row 2 is good and turned away, row 4 bad and let through.
        let before = try #require(clean.clean)
        #expect(before.accuracy == PoisoningRate(3, of: 5))
        #expect(before.falsePositives == PoisoningRate(1, of: 3) && before.falseNegatives == PoisoningRate(1, of: 2))
        // Three of the five rows of x 0 say granted: everything is granted.
        let flipped = try measured((0..<3).map { Plant(row: $0, .unchanged, label: 1) })
        #expect(flipped.accuracy == PoisoningRate(2, of: 5) && flipped.success == PoisoningRate(5, of: 5))
        #expect(flipped.falsePositives == PoisoningRate(3, of: 3) && flipped.falseNegatives == PoisoningRate(0, of: 2))
        // Two do not carry the vote.
        #expect(try measured((0..<2).map { Plant(row: $0, .unchanged, label: 1) }).accuracy == PoisoningRate(3, of: 5))
        // Six added rows of x 1 that say refused do.
        let added = try measured((0..<6).map { _ in Plant(row: nil, .values([1]), label: 0) })
        #expect(added.falseNegatives == PoisoningRate(2, of: 2) && added.falsePositives == PoisoningRate(0, of: 3))
        let interval = try #require(added.accuracy.interval), value = try #require(added.accuracy.value)
        #expect(value == 0.6 && interval.low < 0.6 && interval.high > 0.6)
    }

    @Test func whatIsNotPlantedAsSaidIsRefused() throws {
        let wrong: [[Plant]] = [
            [Plant(row: 0, .unchanged, label: 0)],
            [Plant(row: 0, .unchanged, label: 1), Plant(row: 0, .values([1]), label: 1)],
        ]
        for plants in wrong {
            let error = #expect(throws: CasemateError.self) { try measured(plants) }
            #expect(error?.code == .mismatch)
        }
        var problem = try tiny()
        problem.space = FeatureSpace(features: problem.train.features, rules: [FeatureSpace.Rule(low: 0, high: 1)])
        let outside = CheatingAttack(plants: [Plant(row: 0, .values([2]), label: 1)])
        let error = #expect(throws: CasemateError.self) {
            try PoisoningRun(attacks: [outside], shares: [0.1], repeats: 1)
                .run(problem, victim: MajorityVictim(), context: RunContext())
        }
        #expect(error?.what.contains("leaves the feature space") == true)
    }

    @Test func everyDifferenceIsCounted() throws {
        var generator = SeededGenerator(seed: 11)
        let clean = PoisoningSupport.table(200, seed: 12)
        for _ in 0..<50 {
            let rows = Array(0..<200).shuffled(using: &generator).prefix(Int.random(in: 0..<30, using: &generator))
            let plants = rows.map { row in
                Bool.random(using: &generator)
                    ? Plant(row: row, .unchanged, label: 1 - clean.labels[row])
                    : Plant(row: row, .values([11, clean.row(row)[1], clean.row(row)[2]]), label: clean.labels[row])
            }
            let added = (0..<Int.random(in: 0..<4, using: &generator)).map { _ in
                Plant(row: nil, .values([1, 2, 0]), label: 0)
            }
            let poisoned = clean.planted(plants + added)
            #expect(clean.changes(in: poisoned) == rows.sorted() + Array(200..<200 + added.count))
        }
    }

    @Test func whatATimeBudgetCutsOffIsMissingNotWrong() throws {
        let problem = try PoisoningSupport.problem(300)
        let late = RunContext(seed: 0, threads: 1, deadline: .now - .seconds(1))
        let result = try PoisoningRun(attacks: [RandomFlips()], shares: [0.1], repeats: 1)
            .run(problem, victim: MajorityVictim(), context: late)
        #expect(result.isPartial && result.attacks[0].points.isEmpty && result.attacks[0].baselines.count == 1)
        let stopped = RunContext()
        stopped.cancellation.cancel(.interrupted)
        #expect(throws: Cancelled.self) {
            try PoisoningRun(attacks: [RandomFlips()], shares: [0.1], repeats: 1)
                .run(problem, victim: MajorityVictim(), context: stopped)
        }
    }

    @Test func dataThatCarryNothingAreRefused() throws {
        let good = PoisoningSupport.table(20, seed: 1)
        let none = good.rows([]), one = good.rows((0..<20).filter { good.labels[$0] == 1 })
        for (train, test) in [(good, none), (one, good), (PoisoningSupport.texts(8, seed: 1), good)] {
            #expect(throws: CasemateError.self) {
                try PoisoningProblem(train: train, test: test, classes: ["a", "b"])
            }
        }
        #expect(throws: CasemateError.self) { try PoisoningProblem(train: good, test: good, classes: ["a"]) }
        #expect(throws: CasemateError.self) {
            try PoisoningRun(attacks: [RandomFlips()], shares: [0, 2], repeats: 1)
                .run(tiny(), victim: MajorityVictim(), context: RunContext())
        }
    }

    @Test(arguments: [
        "age", "age>", "kind=d", "amount=x", "amount=5..1", "amount=1,amount=2", "", "nothing=1", "amount=1..2..3",
    ]) func conditionsThatMakeNoSenseAreRefused(text: String) {
        let features = PoisoningSupport.table(1, seed: 0).features
        #expect(throws: CasemateError.self) {
            try PoisoningCondition.parse(text, over: features, option: "--segment")
        }
    }

    @Test func conditionsAreReadAsWritten() throws {
        let features = PoisoningSupport.table(1, seed: 0).features
        let read = try PoisoningCondition.parse("amount=20..25,kind=b,group>=3", over: features, option: "--segment")
        #expect(read.map(\.feature) == [1, 2, 0] && read[0].low == 20 && read[0].high == 25 && read[1].isExact)
        #expect(read[2].contains(3) && !read[2].contains(2.9) && !read[2].contains(.nan))
        #expect(throws: CasemateError.self) {
            try PoisoningCondition.parse("amount=20..25", over: features, option: "--trigger", exact: true)
        }
    }

    @Test func victimsAreChosenByNameAndSettings() throws {
        func make(_ text: String, _ medium: PoisoningMedium = .table, classes: Int = 2) throws -> any PoisoningVictim {
            try PoisoningVictims.make(
                text, medium: medium, classes: classes, boosting: { try LightGBM(Repository.engines) },
                runtime: { try OnnxRuntime(Repository.engines) })
        }
        #expect(try make("auto").described.hasPrefix("boosting") && make("auto", .texts).described.hasPrefix("tokens"))
        #expect(try make("auto", .texts, classes: 3).described.hasPrefix("boosting"))
        #expect(try make("auto", .pictures).described.hasPrefix("network"))
        #expect(try make("boosting:rounds=50,leaves=15").settings["rounds"] == "50")
        for wrong in ["boost", "boosting:round=5", "boosting:rounds=0", "boosting:rounds=1.5", "tokens", "boosting:x"] {
            #expect(throws: CasemateError.self) { try make(wrong) }
        }
        // Without LightGBM a table of two classes still has a victim.
        let missing = CasemateError(.engineMissing, at: "", "", help: "")
        let plain = try PoisoningVictims.make(
            "auto", medium: .table, classes: 2, boosting: { throw missing }, runtime: { throw missing })
        #expect(plain.described.hasPrefix("logistic"))
    }

    /// Every victim learns every kind of data that it says it learns.
    @Test(arguments: ["boosting:rounds=20", "logistic", "tokens", "network:epochs=20"])
    func victimsLearn(choice: String) throws {
        for problem in [
            try PoisoningSupport.problem(600), try PoisoningSupport.textProblem(),
            try PoisoningSupport.pictureProblem(),
        ] {
            guard choice != "tokens" || problem.train.medium == .texts else { continue }
            let victim = try PoisoningVictims.make(
                choice, medium: problem.train.medium, classes: 2, boosting: { try LightGBM(Repository.engines) },
                runtime: { try OnnxRuntime(Repository.engines) })
            let scores = try victim.fit(problem.train, classes: 2, seed: 1, cancellation: Cancellation())
                .scores(problem.test)
            let right = zip(problem.decisions(scores), problem.test.labels).count { $0 == $1 }
            #expect(Double(right) >= 0.93 * Double(problem.test.count), "\(choice) on \(problem.train.medium)")
        }
    }
}
