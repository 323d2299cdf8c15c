import CasemateCore
import CasemateData
import Testing

/// Fitting samples to the axes of a model's input.
@Suite struct SampleLayoutTests {
    private static func change(_ shape: [Int], _ input: [Int?]) -> (SampleLayout.Change, [Int])? {
        (try? SampleLayout(of: shape, for: input, place: "x.npz")).map { ($0.change, $0.to) }
    }

    @Test func whatFitsIsFound() throws {
        let cases: [([Int], [Int?], SampleLayout.Change, [Int])] = [
            ([28, 28], [28, 28], .none, [28, 28]), ([28, 28], [1, 28, 28], .reshape, [1, 28, 28]),
            ([28, 28], [28, 28, 1], .reshape, [28, 28, 1]), ([28, 28, 1], [1, 28, 28], .reshape, [1, 28, 28]),
            ([28, 28], [784], .reshape, [784]), ([784], [1, 28, 28], .reshape, [1, 28, 28]),
            ([784], [784, 1], .reshape, [784, 1]), ([3072], [3, 32, 32], .reshape, [3, 32, 32]),
            ([32, 32, 3], [3, 32, 32], .channelsFirst, [3, 32, 32]),
            ([3, 32, 32], [32, 32, 3], .channelsLast, [32, 32, 3]),
            ([3, 32, 32], [3, 32, 32], .none, [3, 32, 32]), ([3, 3, 3], [3, 3, 3], .none, [3, 3, 3]),
            ([4, 6, 2], [2, 4, 6], .channelsFirst, [2, 4, 6]), ([32, 32, 3], [3, 1024], .channelsFirst, [3, 1024]),
            ([32, 32, 3], [3, nil, nil], .channelsFirst, [3, 32, 32]), ([32, 32, 3], [nil], .reshape, [3072]),
            ([28, 28], [1, nil, nil], .reshape, [1, 28, 28]), ([28, 28, 1], [1, nil, nil], .reshape, [1, 28, 28]),
            ([5], [1, 1, 1, 5], .reshape, [1, 1, 1, 5]), ([23], [nil], .none, [23]),
        ]
        for (shape, input, change, axes) in cases {
            let found = try #require(Self.change(shape, input), "\(shape) to \(input)")
            #expect(found == (change, axes), "\(shape) to \(input): \(found)")
        }
    }

    @Test func whatWouldScrambleIsRefused() throws {
        for (shape, input) in [
            ([28, 28], [1, 32, 32]), ([28, 32, 3], [3, 32, 28]), ([6, 4], [4, 6]), ([2, 3, 4], [3, 2, 4]), ([8], [9]),
            ([8], [3, nil]), ([8], [nil, nil]), ([8], [0]), ([8], [Int.max, 4]),
        ] as [([Int], [Int?])] {
            #expect(Self.change(shape, input) == nil, "\(shape) to \(input)")
        }
        let error = try #require(throws: CasemateError.self) {
            try SampleLayout(of: [28, 28], for: [1, 32, nil, nil], place: "x.npz")
        }
        #expect(error.code == .mismatch && error.place == "x.npz")
        #expect(error.what == "its samples are [28, 28], the model takes [1, 32, ?, ?]")
    }

    @Test func channelsMoveAndComeBack() throws {
        let values = (0..<48).map { Float($0) }
        let first = try SampleLayout(of: [2, 4, 3], for: [3, 2, 4], place: "")
        let moved = first.apply(to: values, count: 2)
        for sample in 0..<2 {
            for row in 0..<2 {
                for column in 0..<4 {
                    for channel in 0..<3 {
                        #expect(
                            moved[sample * 24 + channel * 8 + row * 4 + column]
                                == values[sample * 24 + (row * 4 + column) * 3 + channel])
                    }
                }
            }
        }
        #expect(first.restore(moved, count: 2) == values)
        #expect(first.note == "channels were moved to the front, from [2, 4, 3] to [3, 2, 4]")
        let last = try SampleLayout(of: [3, 2, 4], for: [2, 4, 3], place: "")
        #expect(last.change == .channelsLast && last.apply(to: moved, count: 2) == values)
        #expect(last.restore(values, count: 2) == moved)
        let same = try SampleLayout(of: [24], for: [24], place: "")
        #expect(same.note == nil && same.apply(to: values, count: 2) == values)
    }
}
