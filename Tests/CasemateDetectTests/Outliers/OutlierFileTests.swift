import CasemateCore
import CasemateData
import CasemateDetect
import CasemateModels
import Foundation
import TestSupport
import Testing

/// The kept form of a detector: the same scores, and an error for whatever is not what was written.
@Suite struct OutlierFileTests {
    private static let rows = OutlierRows.make(200, seed: 1)

    private func detector() throws -> OutlierDetector {
        var settings = OutlierSettings()
        (settings.steps, settings.trees, settings.treeRows) = (30, 5, 32)
        return try OutlierDetector(
            fitting: Self.rows, settings: settings, runtime: OnnxRuntime(Repository.engines),
            context: RunContext(seed: 1, threads: 2))
    }

    @Test func scoresAreTheSameAfterReading() throws {
        let detector = try detector()
        try Repository.withTemporaryFolder { folder in
            try detector.write(to: folder + "/outliers.bin")
            let read = try OutlierDetector(path: folder + "/outliers.bin")
            let rows = OutlierRows.make(300, seed: 2)
            #expect(try read.scores(rows) == detector.scores(rows))
            #expect(read.bytes == detector.bytes)
            #expect(read.features == detector.features && read.settings == detector.settings)
            #expect(throws: CasemateError.self) { try OutlierDetector(path: folder) }
            #expect(throws: CasemateError.self) { try OutlierDetector(path: folder + "/none") }
        }
    }

    @Test func alteredFilesAreErrors() throws {
        let bytes = try detector().bytes
        for count in [0, 5, 17, 40, 100, bytes.count / 2, bytes.count - 1] {
            #expect(throws: CasemateError.self, "cut to \(count)") { try OutlierDetector(bytes: bytes.prefix(count)) }
        }
        var generator = SeededGenerator(seed: 1, stream: 1)
        for _ in 0..<100 {
            var altered = bytes
            altered[Int.random(in: 0..<bytes.count, using: &generator)] ^=
                1 << UInt8.random(in: 0..<8, using: &generator)
            #expect(throws: CasemateError.self) { try OutlierDetector(bytes: altered) }
        }
        var newer = bytes
        newer[18] = 2
        let error = #expect(throws: CasemateError.self) { try OutlierDetector(bytes: newer) }
        #expect(error?.code == .unsupported)
    }

    /// Behind the digest anything may stand, since whoever alters a file can make a digest: no mutation may trap, neither
    /// in reading nor in scoring.
    @Test func mutationsBehindTheDigestNeverTrap() throws {
        let detector = try detector()
        let body = OutlierDetector.body(of: detector.bytes)
        #expect(try OutlierDetector(body: body, place: "same").bytes == detector.bytes)
        var generator = SeededGenerator(seed: 2, stream: 1)
        let some = Self.rows.rows(0..<5)
        var refused = 0
        for mutation in 0..<2_000 {
            var altered = body
            switch mutation % 4 {
            case 0: altered = altered.prefix(Int.random(in: 0..<altered.count, using: &generator))
            case 1:
                let place = Int.random(in: 0..<altered.count - 8, using: &generator)
                for offset in 0..<8 { altered[place + offset] = mutation % 8 == 1 ? 0xFF : 0x7F }
            case 2:
                // why the front: lengths and kinds are denser there than in the values of rows.
                altered[Int.random(in: 0..<min(4_000, altered.count), using: &generator)] = UInt8.random(
                    in: 0...255, using: &generator)
            default:
                for _ in 0..<3 {
                    altered[Int.random(in: 0..<altered.count, using: &generator)] ^= UInt8.random(
                        in: 1...255, using: &generator)
                }
            }
            do {
                let read = try OutlierDetector(body: Data(altered), place: "altered")
                if read.features == some.features { _ = try read.scores(some) }
            } catch is CasemateError { refused += 1 }
        }
        #expect(refused > 800, "\(refused)")
    }
}
