import CasemateAttacks
import CasemateCore
import CasemateData
import CasemateModels
import Foundation
import TestSupport
import Testing

/// Real data against independent figures: an SMS filter, credit data, handwritten digits.
@Suite struct PoisoningFigureTests {
    /// The distinct messages of the example, split anew.
    private func sms() throws -> PoisoningProblem {
        let engine = try DataEngine(Repository.engines)
        var rows: [(String, String)] = []
        for name in ["train.csv.gz", "test.csv"] {
            let table = try engine.open(Repository.path("Examples/spam/" + name), name: "sms")
            let columns = try table.columns.prefix(2).map { try table.texts($0.name) }
            rows += zip(columns[0], columns[1]).map { ($0 ?? "", $1 ?? "") }
        }
        var seen: Set<String> = []
        rows = rows.filter { seen.insert($0.0 + "\t" + $0.1).inserted }
        var generator = SeededGenerator(seed: 0)
        rows.shuffle(using: &generator)
        let data = PoisoningData(
            .texts(rows.map { PoisoningText($0.1) }), labels: rows.map { $0.0 == "spam" ? 1 : 0 })
        let cut = rows.count * 7 / 10
        return try PoisoningProblem(
            train: data.rows(Array(0..<cut)), test: data.rows(Array(cut..<rows.count)), classes: ["ham", "spam"],
            favourable: 0)
    }

    private func taiwan() throws -> PoisoningProblem {
        let path = (Repository.shared ?? "") + "/data/tabular/taiwan_credit_default.csv.gz"
        let table = try DataEngine(Repository.engines).open(path, name: "taiwan")
        let target = "default_payment_next_month"
        let matrix = try table.matrix(table.columns.map(\.name).filter { $0 != target }.map { Feature($0) })
        let data = PoisoningData(.table(matrix), labels: try table.numbers(target).map { Int32($0) })
        var generator = SeededGenerator(seed: 0)
        let order = Array(0..<data.count).shuffled(using: &generator)
        return try PoisoningProblem(
            train: data.rows(Array(order[..<21_000])), test: data.rows(Array(order[21_000...])),
            classes: ["paid", "default"], favourable: 0)
    }

    private func curve(
        _ attack: any PoisoningAttack, _ problem: PoisoningProblem, _ victim: any PoisoningVictim, _ shares: [Double]
    ) throws -> (before: PoisoningMeasure, after: [PoisoningMeasure]) {
        let result = try PoisoningRun(attacks: [attack], shares: shares, repeats: 1)
            .run(problem, victim: victim, context: RunContext(seed: 0, threads: 2))
        let attack = try #require(result.attacks.first)
        return (attack.baselines[0], attack.points.map(\.measure))
    }

    /// Reference, a token-score filter of another hand on the same messages: 4.9 % of ham blocked and 3.4 % of spam missed
    /// on clean data, 99.8 % of ham blocked after 1 % dictionary messages. Splits differ, hence the room.
    @Test func onePercentOfDictionaryMessagesBlocksAllHam() throws {
        let (before, after) = try curve(DictionaryAttack(), sms(), TokenVictim(), [0.001, 0.01])
        #expect(abs((before.falseNegatives?.value ?? 0) - 0.049) < 0.01)
        #expect(abs((before.falsePositives?.value ?? 0) - 0.034) < 0.02)
        #expect((after[1].falseNegatives?.value ?? 0) > 0.98 && (after[1].success.value ?? 0) > 0.98)
        #expect((after[1].falsePositives?.value ?? 1) < 0.01)
        #expect((after[0].falseNegatives?.value ?? 0) > 0.5)
    }

    @Test func aFocusedAttackHitsItsMessageAlone() throws {
        let (before, after) = try curve(FocusedAttack(), sms(), TokenVictim(), [0.005])
        #expect((before.success.value ?? 1) <= 0.2 && (after[0].success.value ?? 0) >= 0.9)
        #expect(abs((after[0].accuracy.value ?? 0) - (before.accuracy.value ?? 1)) < 0.02)
    }

    @Test func goodWordsCarryMessagesInOverTheRounds() throws {
        var problem = try sms()
        problem.choices.messages = 10
        let (before, after) = try curve(GoodWordsRounds(), problem, TokenVictim(), [0.03])
        #expect((before.success.value ?? 1) <= 0.2 && (after[0].success.value ?? 0) >= 0.6)
    }

    /// A tree ensemble learns one word where a filter of all words does not.
    @Test func aTriggerWordNeedsAVictimThatLearnsSingleWords() throws {
        let problem = try sms()
        let boosting = BoostingVictim(engine: try LightGBM(Repository.engines))
        let (before, after) = try curve(TokenTrigger(), problem, boosting, [0.01])
        #expect((before.success.value ?? 1) < 0.2 && (after[0].success.value ?? 0) > 0.95)
        let (_, filtered) = try curve(TokenTrigger(), problem, TokenVictim(), [0.01])
        #expect((filtered[0].success.value ?? 1) < 0.2)
    }

    @Test(.enabled(if: Repository.shared != nil, "CASEMATE_SHARED names no folder"))
    func randomFlipsBarelyHurtAndTargetedOnesHurtTheirSegment() throws {
        let problem = try taiwan()
        var victim = BoostingVictim(engine: try LightGBM(Repository.engines))
        victim.rounds = 50
        let (before, random) = try curve(RandomFlips(), problem, victim, [0.03])
        #expect(abs((random[0].accuracy.value ?? 0) - (before.accuracy.value ?? 1)) < 0.01)
        let (start, targeted) = try curve(TargetedFlips(), problem, victim, [0.01])
        #expect((targeted[0].success.value ?? 0) > (start.success.value ?? 1) + 0.5)
        #expect(abs((targeted[0].accuracy.value ?? 0) - (start.accuracy.value ?? 1)) < 0.01)
        let (bare, triggered) = try curve(TableTrigger(), problem, victim, [0.01])
        #expect((triggered[0].success.value ?? 0) > 0.95 && (bare.success.value ?? 1) < 0.8)
    }

    /// Reference, a multilayer perceptron on smaller digits: success 0.81 at 1 % and 0.97 at 3 %, accuracy kept.
    @Test(.enabled(if: Repository.shared != nil, "CASEMATE_SHARED names no folder"))
    func onePercentOfPatchedDigitsOpensABackdoor() throws {
        let folder = (Repository.shared ?? "") + "/data/images/mnist/"
        func read(_ part: String, _ count: Int) throws -> PoisoningData {
            let set = try SampleReader().read(SampleSource(folder + "\(part)-images-idx3-ubyte.gz")).samples(0..<count)
            let shape = try #require(PictureShape(axes: set.shape, low: 0, high: 1))
            return PoisoningData(.pictures(set.values.map { $0 / 255 }, shape), labels: try #require(set.labels))
        }
        let problem = try PoisoningProblem(
            train: read("train", 2_000), test: read("t10k", 500), classes: (0..<10).map { "\($0)" })
        let victim = NetworkVictim(runtime: try OnnxRuntime(Repository.engines))
        let (before, after) = try curve(PatchTrigger(), problem, victim, [0.01, 0.03])
        #expect((before.success.value ?? 1) < 0.05)
        #expect((after[0].success.value ?? 0) > 0.7 && (after[1].success.value ?? 0) > 0.9)
        for measure in after { #expect(abs((measure.accuracy.value ?? 0) - (before.accuracy.value ?? 1)) < 0.03) }
    }
}
