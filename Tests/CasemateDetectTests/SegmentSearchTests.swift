import CasemateCore
import CasemateData
import CasemateDetect
import TestSupport
import Testing

/// The search for segments on made data: what is planted is found, what is not is not.
@Suite struct SegmentSearchTests {
    /// Eight numbers, one of few values, and a category.
    private func table(_ count: Int, seed: UInt64) -> FeatureMatrix {
        var generator = SeededGenerator(seed: seed, stream: 9)
        let features =
            (0..<8).map { Feature("x\($0)") }
            + [Feature("few"), Feature("home", .categorical(levels: ["own", "rent", "other"]))]
        let values = (0..<count).flatMap { _ -> [Float] in
            (0..<8).map { _ in generator.uniform() }
                + [Float(Int.random(in: 0..<4, using: &generator)), Float(Int.random(in: 0..<3, using: &generator))]
        }
        return FeatureMatrix(features: features, values: values)
    }
    private func noise(_ count: Int, seed: UInt64) -> [Double] {
        var generator = SeededGenerator(seed: seed, stream: 10)
        let sampler = NormalSampler()
        return (0..<count).map { _ in sampler.next(using: &generator) }
    }

    /// 2,000 rows; where x3 ≥ 0.75 and the home is rented (one row in twelve) the mean is 0.8 deviations higher.
    @Test func aPlantedSegmentIsFoundInAtLeast95Of100Seeds() throws {
        var found = 0
        for seed in 0..<100 as Range<UInt64> {
            let matrix = table(2_000, seed: seed)
            var values = noise(2_000, seed: seed)
            let planted = values.indices.filter { matrix[row: $0][$0 * 10 + 3] >= 0.75 && matrix[row: $0].last == 1 }
            for row in planted { values[row] += 0.8 }
            let result = try SegmentSearch().segments(of: matrix, values: values, seed: seed, cancellation: .init())
            guard let first = result.first else { continue }
            let own = values.indices.filter { first.segment.contains(matrix[row: $0]) }
            let both = Set(own).intersection(planted).count
            // why: about two thirds of the found rows and of the planted ones must be the same.
            if Double(both) / Double(own.count + planted.count - both) > 0.4, first.inside > first.outside {
                found += 1
            }
        }
        #expect(found >= 95, "found in \(found) of 100 seeds")
    }

    @Test func noiseGivesNoSegmentInAtLeast95Of100Seeds() throws {
        var alarms = (values: 0, shares: 0)
        for seed in 0..<100 as Range<UInt64> {
            let matrix = table(1_500, seed: seed)
            let values = noise(1_500, seed: seed)
            let search = SegmentSearch()
            if !(try search.segments(of: matrix, values: values, seed: seed, cancellation: .init()).isEmpty) {
                alarms.values += 1
            }
            let rare = values.map { $0 > 1.9 ? 1.0 : 0 }
            if !(try search.segments(of: matrix, values: rare, seed: seed, cancellation: .init()).isEmpty) {
                alarms.shares += 1
            }
        }
        #expect(alarms.values <= 5 && alarms.shares <= 5, "\(alarms)")
    }

    /// A long tail must not make a few rows look like a segment.
    @Test func heavyTailsGiveNoSegment() throws {
        var alarms = 0
        for seed in 0..<100 as Range<UInt64> {
            let values = noise(1_000, seed: seed).map { ($0 * 1.5).exponential }
            let result = try SegmentSearch(minimumRows: 30)
                .segments(of: table(1_000, seed: seed), values: values, seed: seed, cancellation: .init())
            if !result.isEmpty { alarms += 1 }
        }
        #expect(alarms <= 5, "\(alarms) of 100")
    }

    @Test func findsOneConditionSaysItShortlyAndDoesNotRepeatIt() throws {
        let matrix = table(4_000, seed: 1)
        let rows = 0..<matrix.count
        let values = zip(noise(4_000, seed: 1), rows).map { $0 + (matrix[row: $1].last == 2 ? 1 : 0) }
        let result = try SegmentSearch(depth: 3).segments(of: matrix, values: values, seed: 0, cancellation: .init())
        #expect(result.count == 1)
        #expect(result.first?.segment.described(over: matrix.features) == "home other")
        let found = try #require(result.first)
        #expect(found.pValue < 1e-9 && abs(found.inside - found.outside - 1) < 0.2 && found.tested < found.count)
        #expect(found.count == rows.count { matrix[row: $0].last == 2 })
        // The other direction finds nothing but the complement.
        let lower = try SegmentSearch(direction: .lower)
            .segments(of: matrix, values: values, seed: 0, cancellation: .init())
        #expect(lower.allSatisfy { !$0.segment.contains([0, 0, 0, 0, 0, 0, 0, 0, 0, 2]) })
    }

    @Test func missingValuesRangesAndSharesAreFound() throws {
        var matrix = table(3_000, seed: 2)
        var generator = SeededGenerator(seed: 5)
        for row in 0..<3_000 where generator.uniform() < 0.1 { matrix.values[row * 10 + 5] = .nan }
        let missing = (0..<3_000).map { matrix.values[$0 * 10 + 5].isNaN && generator.uniform() < 0.5 ? 1.0 : 0 }
        let first = try SegmentSearch().segments(of: matrix, values: missing, seed: 0, cancellation: .init()).first
        #expect(first?.segment.described(over: matrix.features) == "x5 missing")
        #expect(first.map { $0.outside == 0 && $0.inside > 0.4 } == true)

        let middle = (0..<3_000).map { row -> Double in
            let x = matrix.values[row * 10 + 1]
            return generator.uniformDouble() + (x > 0.4 && x < 0.6 ? 1 : 0)
        }
        let range = try SegmentSearch().segments(of: matrix, values: middle, seed: 0, cancellation: .init()).first
        let condition = try #require(range?.segment.conditions.first)
        #expect(range?.segment.conditions.count == 1 && condition.feature == 1)
        #expect(abs(condition.low - 0.4) < 0.07 && abs(condition.high - 0.6) < 0.07)
    }

    @Test func sameSeedSameSegmentsAndDegenerateDataGiveNone() throws {
        let matrix = table(800, seed: 3)
        let values = (0..<800).map { Double(matrix.values[$0 * 10]) }
        let search = SegmentSearch()
        let one = try search.segments(of: matrix, values: values, seed: 4, cancellation: .init())
        #expect(try one == search.segments(of: matrix, values: values, seed: 4, cancellation: .init()))
        #expect(!one.isEmpty && one.count <= 5)
        let constant = [Double](repeating: 2, count: 800)
        #expect(try search.segments(of: matrix, values: constant, seed: 0, cancellation: .init()).isEmpty)
        let few = matrix.rows(0..<50)
        #expect(try search.segments(of: few, values: Array(values[..<50]), seed: 0, cancellation: .init()).isEmpty)
        let blank = FeatureMatrix(features: [Feature("x")], values: [Float](repeating: .nan, count: 800))
        #expect(try search.segments(of: blank, values: values, seed: 0, cancellation: .init()).isEmpty)
        let cancellation = Cancellation()
        cancellation.cancel(.interrupted)
        #expect(throws: Cancelled.self) {
            try search.segments(of: matrix, values: values, seed: 0, cancellation: cancellation)
        }
    }
}
