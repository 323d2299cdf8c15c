/// The latest rows of a client, or of a group of clients: sketches, hashes and answers, never the rows themselves.
struct PatternWindow: Sendable {
    /// Nearest reference rows that count as just before; rows of which one, and rows of which two, count as near.
    ///
    /// why so few: an honest client that asks about the same thirty cases all day, each time measured anew, repeats one
    /// of them within the last four rows once in eight times; a search around one row does so every time.
    static let recentRecords = 4, latest = 4, latestOfTwo = 8
    /// Fingerprints that are kept, so that rows asked again are known as such.
    static let mostFingerprints = 512
    private let capacity: Int
    private var sketches: [Float] = [], hashes: [UInt16] = []
    private var answers: [(label: Int32, isKnown: Bool, top: Float, second: Float)] = []
    private var next = 0
    private var records: [Int32] = [], fingerprints: [UInt32] = []
    private var nextRecord = 0, nextFingerprint = 0
    /// Rows that are kept.
    var count: Int { answers.count }

    init(capacity: Int) { self.capacity = capacity }

    /// Number of places in which two lists of hashes differ.
    @inline(__always)
    static func differing(_ left: [UInt16], _ right: [UInt16]) -> Int {
        var count = 0
        for index in left.indices where left[index] != right[index] { count += 1 }
        return count
    }

    /// Whether the row was asked before, as far back as is kept.
    func contains(_ reading: PatternReading) -> Bool {
        fingerprints.contains(UInt32(truncatingIfNeeded: reading.fingerprint))
    }

    /// What the rows that are kept say of a new one.
    struct Comparison {
        var nearest = Float.infinity, second = Float.infinity
        var differing = Int.max
        var gap = Float.infinity
        /// Distance of the nearest row with another answer.
        var otherAnswer = Float.infinity
    }

    func compared(with reading: PatternReading) -> Comparison {
        var result = Comparison()
        let (width, blocks) = (reading.sketch.count, reading.hashes.count)
        let (top, least) = (Float(reading.top), Float(reading.second))
        var first = Float.infinity
        reading.sketch.withUnsafeBufferPointer { sketch in
            sketches.withUnsafeBufferPointer { sketches in
                guard let sketch = sketch.baseAddress, let base = sketches.baseAddress else { return }
                for index in 0..<count {
                    let distance = VectorLoops.squaredDistance(sketch, base + index * width, width)
                    let age = count < capacity ? count - 1 - index : (next + 2 * capacity - 1 - index) % capacity
                    if age < Self.latest { result.nearest = min(result.nearest, distance) }
                    if age < Self.latestOfTwo {
                        result.second = min(result.second, max(first, distance))
                        first = min(first, distance)
                    }
                    var differing = 0
                    for block in 0..<blocks where hashes[index * blocks + block] != reading.hashes[block] {
                        differing += 1
                    }
                    if differing > 0 { result.differing = min(result.differing, differing) }
                    let answer = answers[index]
                    let isOther = reading.hasLabel && answer.isKnown && Int(answer.label) != reading.label
                    if isOther { result.otherAnswer = min(result.otherAnswer, distance) }
                    guard !isOther, !top.isNaN, !answer.top.isNaN else { continue }
                    let gap =
                        abs(answer.top - top) + (least.isNaN || answer.second.isNaN ? 0 : abs(answer.second - least))
                    result.gap = min(result.gap, gap)
                }
            }
        }
        result.nearest = result.nearest.squareRoot()
        result.second = result.second.squareRoot()
        result.otherAnswer = result.otherAnswer.squareRoot()
        return result
    }

    /// Whether the row lies a step of a search apart from one that is kept.
    func isStepped(_ reading: PatternReading, _ steps: StepPattern) -> Bool {
        let width = reading.sketch.count
        return reading.sketch.withUnsafeBufferPointer { sketch in
            sketches.withUnsafeBufferPointer { sketches in
                guard let sketch = sketch.baseAddress, let base = sketches.baseAddress else { return false }
                return (0..<count).contains { steps.isStep(sketch, base + $0 * width) }
            }
        }
    }

    /// Whether the nearest reference row is one of the latest.
    func isNearRecent(_ record: Int) -> Bool { records.contains(Int32(truncatingIfNeeded: record)) }

    /// Keeps a row; the oldest makes room.
    mutating func append(_ reading: PatternReading) {
        let answer = (
            label: Int32(truncatingIfNeeded: reading.label), isKnown: reading.hasLabel, top: Float(reading.top),
            second: Float(reading.second)
        )
        if answers.count < capacity {
            sketches += reading.sketch
            hashes += reading.hashes
            answers.append(answer)
        } else {
            let (width, blocks) = (reading.sketch.count, reading.hashes.count)
            for column in 0..<width { sketches[next * width + column] = reading.sketch[column] }
            for block in 0..<blocks { hashes[next * blocks + block] = reading.hashes[block] }
            answers[next] = answer
            next = (next + 1) % capacity
        }
        Self.keep(Int32(truncatingIfNeeded: reading.nearest), in: &records, Self.recentRecords, &nextRecord)
        Self.keep(
            UInt32(truncatingIfNeeded: reading.fingerprint), in: &fingerprints, Self.mostFingerprints,
            &nextFingerprint)
    }

    private static func keep<Value>(_ value: Value, in values: inout [Value], _ most: Int, _ next: inout Int) {
        if values.count < most {
            values.append(value)
        } else {
            values[next] = value
            next = (next + 1) % most
        }
    }
}
