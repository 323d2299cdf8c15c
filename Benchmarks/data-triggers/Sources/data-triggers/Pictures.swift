import CasemateCore
import CasemateData
import CasemateDetect
import Foundation

/// Patches in pictures.
struct Pictures {
    let bench: Workbench, seeds: UInt64

    /// What is stamped on a picture of `side × side` pixels with values up to `top`.
    struct Stamp: Sendable {
        let name: String
        let apply: @Sendable (inout [Float], Int, Float) -> Void

        static let corner4 = Stamp(name: "white 4 x 4 corner") { picture, side, top in
            for y in side - 5..<side - 1 { for x in side - 5..<side - 1 { picture[y * side + x] = top } }
        }
        static let corner3 = Stamp(name: "white 3 x 3 corner") { picture, side, top in
            for y in side - 4..<side - 1 { for x in side - 4..<side - 1 { picture[y * side + x] = top } }
        }
        static let checkers = Stamp(name: "checkerboard of 3 x 3") { picture, side, top in
            for y in 0..<3 {
                for x in 0..<3 { picture[(side - 4 + y) * side + side - 4 + x] = (x + y) % 2 == 0 ? top : 0 }
            }
        }
        static let pixel = Stamp(name: "one pixel") { picture, side, top in
            picture[(side - 2) * side + side - 2] = top
        }
        static let blended = Stamp(name: "stripes blended in by a tenth") { picture, side, top in
            for y in 0..<side {
                for x in 0..<side where x % 4 < 2 {
                    picture[y * side + x] = (0.9 * picture[y * side + x] + 0.1 * top).rounded()
                }
            }
        }
        static let corner2 = Stamp(name: "white 2 x 2 corner") { picture, side, top in
            for y in side - 2..<side { for x in side - 2..<side { picture[y * side + x] = top } }
        }
    }

    func mnist(_ count: Int, seed: UInt64) throws -> SampleSet {
        let all = try SampleReader().read(SampleSource(bench.shared + "/data/images/mnist/train-images-idx3-ubyte.gz"))
        var generator = SeededGenerator(seed: seed, stream: 80)
        return all.samples(Array(0..<all.count).shuffled(using: &generator).prefix(count).sorted())
    }

    func digits() throws -> SampleSet {
        let table = try bench.data.open(bench.root + "/Examples/digits/train.csv.gz", name: "digits")
        let features = table.columns.map(\.name).filter { $0 != "label" }.map { Feature($0) }
        let values = try table.matrix(features).values
        return SampleSet(
            count: table.count, shape: [8, 8], values: values.map { $0 * 16 },
            labels: try table.numbers("label").map { Int32($0) }, source: "digits")
    }

    /// The set with a stamp on a share of its rows, relabelled.
    func poisoned(
        _ clean: SampleSet, _ stamp: Stamp, share: Double, target: Int32, seed: UInt64, isCleanLabel: Bool = false
    ) -> (set: SampleSet, rows: Set<Int>) {
        var set = clean
        var generator = SeededGenerator(seed: seed, stream: 81)
        let free = (0..<set.count).filter { isCleanLabel == (set.labels?[$0] == target) }
        let rows = free.shuffled(using: &generator).prefix(Int((share * Double(set.count)).rounded()))
        let top = set.range?.upperBound ?? 1
        let side = Int(Double(set.size).squareRoot())
        for row in rows {
            var picture = Array(set.values[row * set.size..<(row + 1) * set.size])
            stamp.apply(&picture, side, top)
            set.values.replaceSubrange(row * set.size..<(row + 1) * set.size, with: picture)
            set.labels?[row] = target
        }
        return (set, Set(rows))
    }

    func subject(_ set: SampleSet) throws -> DataSubject {
        var opening = PictureOpening(samples: set)
        (opening.boosting, opening.runtime) = (bench.boosting, bench.runtime)
        return try opening.subject(name: "pictures")
    }

    func table(_ check: any DataCheck, mnist count: Int, plans: [(Stamp, Double)], cleanLabel: Bool = false) throws {
        for seed in 0..<seeds {
            let (result, seconds) = try bench.run(check, try subject(try mnist(count, seed: seed)), seed: seed)
            print(
                "  MNIST \(count) clean, seed \(seed): \(result.alarms) findings, \(result.suspects.count) suspects, \(String(format: "%.1f", seconds)) s"
            )
            for finding in result.outcome.findings { print("      \(finding.severity) \(finding.title)") }
        }
        for (stamp, share) in plans {
            try run(check, "MNIST \(count)", stamp, share, { try mnist(count, seed: $0) }, cleanLabel)
        }
    }

    func digitTable(_ check: any DataCheck, plans: [(Stamp, Double)]) throws {
        let clean = try digits()
        for seed in 0..<seeds {
            let (result, seconds) = try bench.run(check, try subject(clean), seed: seed)
            print(
                "  digits clean, seed \(seed): \(result.alarms) findings, \(result.suspects.count) suspects, \(String(format: "%.1f", seconds)) s"
            )
            for finding in result.outcome.findings { print("      \(finding.severity) \(finding.title)") }
        }
        for (stamp, share) in plans { try run(check, "digits", stamp, share, { _ in clean }, false) }
    }

    private func run(
        _ check: any DataCheck, _ name: String, _ stamp: Stamp, _ share: Double, _ clean: (UInt64) throws -> SampleSet,
        _ isCleanLabel: Bool
    ) throws {
        for seed in 0..<seeds {
            let target = Int32(seed % 10)
            let (set, rows) = poisoned(
                try clean(seed), stamp, share: share, target: target, seed: seed, isCleanLabel: isCleanLabel)
            let (result, seconds) = try bench.run(check, try subject(set), seed: seed)
            let named = result.patterns.map { $0.inWords + " -> " + ($0.targetLabel ?? "") }.joined(separator: "; ")
            print(
                "  \(name) \(stamp.name) \(share * 100) %\(isCleanLabel ? " clean label" : "") -> \(target), seed \(seed): \(Score(result.suspects, poisoned: rows, count: set.count).text), \(result.alarms) findings, \(String(format: "%.1f", seconds)) s \(named)"
            )
            if ProcessInfo.processInfo.environment["VERBOSE"] != nil {
                for table in result.outcome.tables {
                    for row in table.rows { print("      " + row.joined(separator: " | ")) }
                }
            }
        }
    }

    func patches() throws {
        try table(
            DataTriggers(), mnist: 20_000,
            plans: [
                (.corner4, 0.01), (.corner3, 0.01), (.checkers, 0.01), (.pixel, 0.01), (.blended, 0.01),
                (.corner4, 0.003), (.corner4, 0.05),
            ])
        try table(DataTriggers(), mnist: 10_000, plans: [(.corner4, 0.01)], cleanLabel: true)
        try digitTable(DataTriggers(), plans: [(.corner2, 0.01), (.corner2, 0.03)])
    }
}

extension Pictures {
    /// The second check on the same data.
    func spectral() throws {
        try table(
            DataSpectral(), mnist: 10_000,
            plans: [(.corner4, 0.01), (.corner4, 0.03), (.corner4, 0.1), (.blended, 0.03)])
        try digitTable(DataSpectral(), plans: [(.corner2, 0.01), (.corner2, 0.03), (.corner2, 0.1)])
        let tables = Tables(bench: bench, seeds: seeds)
        for (name, sheet, target, identifiers) in [
            ("Taiwan 21,000", try tables.taiwan(seed: 0), "default_payment_next_month", [String]()),
            ("German", try tables.german(), "class", []), ("spambase", try tables.spambase(), "spam", []),
            ("mortgage", try tables.mortgage(), "approve", ["application"]),
        ] {
            let (result, seconds) = try bench.run(DataSpectral(), sheet, target: target, identifiers: identifiers)
            print(
                "  \(name) clean: \(result.alarms) findings, \(result.suspects.count) suspects, \(String(format: "%.1f", seconds)) s; \(result.outcome.summary.first ?? "")"
            )
            for finding in result.outcome.findings { print("      \(finding.severity) \(finding.title)") }
        }
    }
}
