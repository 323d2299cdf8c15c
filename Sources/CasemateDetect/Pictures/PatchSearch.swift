import CasemateCore
import CasemateData
import Foundation

/// Values of a picture that a trigger fixes.
struct PatchPattern: Hashable, Sendable {
    /// A value and the level that it is fixed to.
    struct Pixel: Hashable, Sendable {
        /// `(y · width + x) · channels + channel`.
        let place: Int
        let code: UInt8
    }
    let pixels: [Pixel]
    /// The smallest rectangle around them.
    let patch: DataPattern.Patch

    init(_ pixels: [Pixel], grid: PictureGrid) {
        self.pixels = pixels
        let xs = pixels.map { $0.place / grid.channels % grid.width }
        let ys = pixels.map { $0.place / grid.channels / grid.width }
        let (left, top) = (xs.min() ?? 0, ys.min() ?? 0)
        patch = DataPattern.Patch(
            x: left, y: top, width: (xs.max() ?? 0) - left + 1, height: (ys.max() ?? 0) - top + 1)
    }

    /// How many of the fixed values a picture must have: nine in ten.
    var needed: Int { Int((Double(pixels.count) * 0.9).rounded(.up)) }

    /// The pictures that have them.
    func rows(in codes: PictureCodes) -> [Int] {
        var hits = [Int32](repeating: 0, count: codes.count)
        codes.codes.withUnsafeBufferPointer { all in
            for pixel in pixels {
                let first = pixel.place * codes.count
                for row in 0..<codes.count where all[first + row] == pixel.code { hits[row] += 1 }
            }
        }
        return hits.indices.filter { Int(hits[$0]) >= needed }
    }
}

/// Looks for small windows of pictures whose content is the same in rare pictures that nearly all have one label.
struct PatchSearch: Sendable {
    /// A window content that is worth a closer look.
    struct Candidate: Sendable {
        let target: Int
        let rows: [Int]
        let evidence: Double
    }
    let codes: PictureCodes
    let evidence: LabelEvidence
    let fewest: Int, most: Int
    let purity: Double
    /// Sides of the windows.
    static let sides = [1, 2, 3, 4]
    /// Most candidates kept.
    static let kept = 300

    /// Candidates, those with most evidence first, and the number of contents that were tested.
    func run(context: RunContext) throws -> (candidates: [Candidate], tested: Int) {
        let grid = codes.grid
        let tasks = try ParallelTasks.map(grid.height, threads: context.threads) { y in
            var found: [Candidate] = [], tested = 0
            var table = ContentTable(count: codes.count)
            for side in Self.sides where y + side <= grid.height && side <= grid.width {
                try context.cancellation.check()
                for x in 0...(grid.width - side) { scan(x, y, side, &table, &found, &tested) }
            }
            return (found, tested)
        }
        var seen: Set<[Int]> = []
        let all = tasks.flatMap(\.0).enumerated()
            .sorted { ($1.element.evidence, $0.offset) < ($0.element.evidence, $1.offset) }
            .map(\.element).filter { seen.insert($0.rows).inserted }
        return (Array(all.prefix(Self.kept)), tasks.reduce(0) { $0 + $1.1 })
    }

    private func scan(
        _ x: Int, _ y: Int, _ side: Int, _ table: inout ContentTable, _ found: inout [Candidate], _ tested: inout Int
    ) {
        let grid = codes.grid
        table.start()
        for dy in 0..<side {
            let first = ((y + dy) * grid.width + x) * grid.channels
            for place in first..<first + side * grid.channels { table.mix(codes.codes, at: place * codes.count) }
        }
        for group in table.groups(fewest: fewest, most: most) {
            tested += 1
            var counts = [Int](repeating: 0, count: evidence.classes)
            for row in group { counts[Int(evidence.labels[row])] += 1 }
            guard let largest = counts.max(), let target = counts.firstIndex(of: largest),
                Double(largest) >= purity * Double(group.count)
            else { continue }
            let sum = evidence.sum(group, target)
            if sum > 10 { found.append(Candidate(target: target, rows: group, evidence: sum)) }
        }
    }

    /// What the pictures of a candidate share and others hardly have; `nil` when nothing.
    func pattern(_ candidate: Candidate, histograms: [Int32]) -> PatchPattern? {
        let rows = candidate.rows.filter { Int(evidence.labels[$0]) == candidate.target }
        guard !rows.isEmpty else { return nil }
        let levels = PictureCodes.levels
        var pixels: [PatchPattern.Pixel] = []
        for place in 0..<codes.grid.size {
            var counts = [Int](repeating: 0, count: levels)
            let first = place * codes.count
            for row in rows { counts[Int(codes.codes[first + row])] += 1 }
            guard let largest = counts.max(), let code = counts.firstIndex(of: largest),
                Double(largest) >= 0.95 * Double(rows.count)
            else { continue }
            let others = Int(histograms[place * levels + code]) - largest
            // why: what a good part of the other pictures has there too is no sign of these.
            let share = (Double(max(0, others)) + 1) / Double(codes.count - rows.count + 2)
            let chance = Double(largest - 1) * log(share) + 2 * log(Double(largest)) + log(Double(codes.grid.size))
            guard share < 0.2, chance < log(1e-6) else { continue }
            pixels.append(PatchPattern.Pixel(place: place, code: UInt8(code)))
        }
        return pixels.isEmpty ? nil : PatchPattern(pixels, grid: codes.grid)
    }
}

/// Groups pictures by the content of a window.
private struct ContentTable {
    private var hashes: [UInt64]
    private var slots: [Int32]
    private let mask: Int
    private var counts: [Int32]

    init(count: Int) {
        hashes = [UInt64](repeating: 0, count: count)
        var size = 16
        while size < count * 2 { size *= 2 }
        slots = [Int32](repeating: -1, count: size)
        counts = [Int32](repeating: 0, count: count)
        mask = size - 1
    }

    mutating func start() { for row in hashes.indices { hashes[row] = 0x9E37_79B9_7F4A_7C15 } }

    /// Mixes one value of every picture in.
    mutating func mix(_ codes: [UInt8], at first: Int) {
        codes.withUnsafeBufferPointer { codes in
            hashes.withUnsafeMutableBufferPointer { hashes in
                for row in 0..<hashes.count {
                    var value = hashes[row] ^ UInt64(codes[first + row])
                    value = (value ^ (value >> 29)) &* 0xBF58_476D_1CE4_E5B9
                    hashes[row] = value ^ (value >> 32)
                }
            }
        }
    }

    /// Groups of a fitting size, in the order of their first pictures.
    mutating func groups(fewest: Int, most: Int) -> [[Int]] {
        for index in slots.indices { slots[index] = -1 }
        for row in counts.indices { counts[row] = 0 }
        var leader = [Int32](repeating: 0, count: hashes.count)
        for row in hashes.indices {
            var slot = Int(truncatingIfNeeded: hashes[row]) & mask
            while slots[slot] >= 0, hashes[Int(slots[slot])] != hashes[row] { slot = (slot + 1) & mask }
            if slots[slot] < 0 { slots[slot] = Int32(row) }
            leader[row] = slots[slot]
            counts[Int(slots[slot])] += 1
        }
        var places: [Int32: Int] = [:]
        var result: [[Int]] = []
        for row in hashes.indices {
            let first = leader[row]
            guard counts[Int(first)] >= fewest, Int(counts[Int(first)]) <= most else { continue }
            if let place = places[first] {
                result[place].append(row)
            } else {
                places[first] = result.count
                result.append([row])
            }
        }
        return result
    }
}
