import CasemateCore
import CasemateData
import CasemateDetect
import CasemateModels
import TestSupport
import Testing

/// Leaf activation shift between training and test rows.
@Suite struct LeafShiftTests {
    private var quick: LeafShift.Settings {
        var settings = LeafShift.Settings()
        (settings.permutations, settings.alpha) = (199, 0.01)
        return settings
    }
    private func shift(
        _ trees: TreeModel, _ one: FeatureMatrix, _ two: FeatureMatrix, seed: UInt64
    ) throws -> LeafShift {
        try LeafShift(
            trees, reference: one, current: two, settings: quick, seed: seed, cancellation: Cancellation())
    }
    private func isAlarm(_ shift: LeafShift) -> Bool { shift.pValue <= 0.01 || !shift.segments.isEmpty }

    /// Random splits of real rows, the model trained on one side: how many of 100 are called a shift.
    private func alarms(_ data: (UInt64) throws -> TrainedTrees.Data, cut: Int) throws -> Int {
        var alarms = 0
        for seed in 0..<100 as Range<UInt64> {
            let rows = try data(seed)
            var generator = SeededGenerator(seed: seed, stream: 1)
            let order = Array(0..<rows.labels.count).shuffled(using: &generator)
            let (train, test) = (rows.rows(order[..<cut]), rows.rows(order[cut...]))
            let trees = try #require(try TrainedTrees(train, rounds: 10).trees)
            if isAlarm(try shift(trees, train.matrix, test.matrix, seed: seed)) { alarms += 1 }
        }
        return alarms
    }

    @Test func aRandomSplitIsNoShift() throws {
        let data = try TrainedTrees.Data.mortgage()
        let alarms = try alarms({ _ in data }, cut: 1_392)
        #expect(alarms <= 5, "\(alarms) alarms in 100 random splits")
    }

    @Test(.enabled(if: Repository.shared != nil)) func aRandomSplitOfManyRowsIsNoShift() throws {
        let data = try TrainedTrees.Data.taiwan()
        let alarms = try alarms({ data.rows(stride(from: Int($0 % 10), to: 30_000, by: 10)) }, cut: 2_000)
        #expect(alarms <= 5, "\(alarms) alarms in 100 random splits")
    }

    /// A tenth of the applications is three times as frequent among the test rows: found at least 95 of 100 times, and
    /// named by its feature in most.
    @Test func aSegmentThatGrewIsFound() throws {
        let data = try TrainedTrees.Data.mortgage()
        let feature = try #require(data.matrix.features.firstIndex { $0.name == "obrat" })
        let width = data.matrix.features.count
        let values = (0..<data.labels.count).map { data.matrix.values[$0 * width + feature] }
        let bound = values.sorted()[Int(0.9 * Double(values.count))]
        var (found, named) = (0, 0)
        for seed in 0..<100 as Range<UInt64> {
            var generator = SeededGenerator(seed: seed, stream: 2)
            let order = Array(0..<values.count).shuffled(using: &generator)
            let (train, pool) = (Array(order[..<1_392]), order[1_392...])
            let inside = pool.filter { values[$0] >= bound }
            let trees = try #require(try TrainedTrees(data.rows(train), rounds: 10).trees)
            let shift = try shift(
                trees, data.matrix.rows(train), data.matrix.rows(pool + inside + inside), seed: seed)
            if isAlarm(shift) { found += 1 }
            if shift.segments.first?.segment.conditions.contains(where: { $0.feature == feature }) ?? false {
                named += 1
            }
        }
        #expect(found >= 95 && named >= 90, "found \(found), named \(named)")
    }

    /// Without leaves to join, the statistic is the sum of plain chi-square statistics over the trees.
    @Test func theStatisticIsTheSumOverTrees() throws {
        let data = try TrainedTrees.Data.mortgage()
        let (train, test) = (data.rows(0..<1_392), data.rows(1_392..<1_989))
        let model = try TrainedTrees(train, rounds: 5, parameters: ["min_data_in_leaf": "150"])
        let trees = try #require(model.trees)
        let shift = try shift(trees, train.matrix, test.matrix, seed: 0)
        let samples = try [train, test].map { try trees.leaves($0.matrix, cancellation: Cancellation()) }
        let number = trees.ensemble.trees
        var wanted = 0.0
        for tree in 0..<number {
            var counts: [Int32: [Double]] = [:]
            for (sample, leaves) in samples.enumerated() {
                for row in stride(from: tree, to: leaves.count, by: number) {
                    counts[leaves[row], default: [0, 0]][sample] += 1
                }
            }
            for count in counts.values {
                for (sample, size) in [1_392.0, 597.0].enumerated() {
                    let expected = (count[0] + count[1]) * size / 1_989
                    wanted += (count[sample] - expected) * (count[sample] - expected) / expected
                }
            }
        }
        #expect(shift.cells == trees.ensemble.leafCount && agree(shift.statistic, wanted))
        // why: each tree adds its leaves less one in expectation.
        #expect(abs(shift.expected / Double(shift.cells - number) - 1) < 0.15)
    }

    @Test func theSameSeedGivesTheSameAndSegmentsCountRows() throws {
        let data = try TrainedTrees.Data.mortgage()
        let loan = try #require(data.matrix.features.firstIndex { $0.name == "loanprc" })
        let order = (0..<1_989).sorted {
            data.matrix[row: $0][$0 * 36 + loan] < data.matrix[row: $1][$1 * 36 + loan]
        }
        let (low, high) = (data.rows(order[..<1_000]), data.rows(order[1_000...]))
        let trees = try #require(try TrainedTrees(data, rounds: 10).trees)
        let found = try shift(trees, low.matrix, high.matrix, seed: 4)
        #expect(found == (try shift(trees, low.matrix, high.matrix, seed: 4)))
        #expect(found.pValue == 1.0 / 200 && found.divergence > 0.01 && !found.segments.isEmpty)
        for shifted in found.segments {
            let inside = (0..<low.matrix.count).count { shifted.segment.contains(low.matrix[row: $0]) }
            #expect(inside == shifted.reference && shifted.pValue < 0.01)
        }
        let empty = FeatureMatrix(features: data.matrix.features, values: [])
        #expect(throws: CasemateError.self) { try shift(trees, empty, data.matrix, seed: 0) }
    }
}
