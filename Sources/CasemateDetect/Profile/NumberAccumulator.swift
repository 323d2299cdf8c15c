import CasemateCore
import CasemateData

/// Figures of one stream of numbers, in one pass: moments, range, the few values there are, and a sample.
struct NumberAccumulator {
    private(set) var count = 0, infinite = 0, absent = 0
    private(set) var low = Double.infinity, high = -Double.infinity
    private(set) var mean = 0.0, squares = 0.0
    private(set) var sample: [Double] = []
    private var values = ValueTable()
    /// Every value with its count, once finished; `nil` where there are more than `NumberDistribution.valueLimit`.
    private(set) var known: [(value: Double, count: Int)]?

    init(sampleSize: Int) { sample.reserveCapacity(sampleSize) }

    /// Takes the next rows, NaN where missing; `picked` are the positions that belong to the sample.
    ///
    /// Moments of chunks are combined as in Chan, Golub and LeVeque, "Updating formulae", 1979.
    mutating func add(_ chunk: UnsafeBufferPointer<Double>, picked: ArraySlice<Int>, first: Int) {
        for row in picked { sample.append(chunk[row - first]) }
        var number = 0, sum = 0.0, least = low, most = high
        for value in chunk where value.isFinite {
            number += 1
            sum += value
            least = value < least ? value : least
            most = value > most ? value : most
        }
        if number < chunk.count {
            for value in chunk where !value.isFinite {
                absent += value.isNaN ? 1 : 0
                infinite += value.isNaN ? 0 : 1
            }
        }
        guard number > 0 else { return }
        let average = sum / Double(number)
        var spread = 0.0
        for value in chunk where value.isFinite { spread += (value - average) * (value - average) }
        let (all, step) = (Double(count + number), average - mean)
        mean += step * Double(number) / all
        squares += spread + step * step * Double(count) * Double(number) / all
        (low, high, count) = (least, most, count + number)
        if values.isOpen { for value in chunk where value.isFinite && values.isOpen { values.add(value) } }
    }

    /// No more rows come: what was only needed while they did is given up.
    mutating func finish() {
        known = values.entries
        values.close()
    }

    /// Standard deviation of the sample; `nil` below two values or beyond the range of doubles.
    var deviation: Double? {
        guard count > 1 else { return nil }
        let value = (squares / Double(count - 1)).squareRoot()
        return value.isFinite ? value : nil
    }
}

/// Counts different numbers up to a limit: open addressing over bit patterns.
private struct ValueTable {
    private static let slots = 4096
    private var keys = [UInt64](repeating: 0, count: slots), counts = [Int](repeating: 0, count: slots)
    private var used = 0
    /// Whether the limit has not been reached.
    private(set) var isOpen = true

    @inline(__always) mutating func add(_ value: Double) {
        // why + 0: the two zeros are one value.
        let key = (value + 0).bitPattern
        var slot = Int(truncatingIfNeeded: (key &* 0x9e37_79b9_7f4a_7c15) >> 52)
        while counts[slot] > 0, keys[slot] != key { slot = (slot + 1) & (Self.slots - 1) }
        if counts[slot] == 0 {
            guard used < NumberDistribution.valueLimit else {
                isOpen = false
                return
            }
            used += 1
            keys[slot] = key
        }
        counts[slot] += 1
    }

    mutating func close() { (isOpen, keys, counts) = (false, [], []) }

    var entries: [(value: Double, count: Int)]? {
        guard isOpen else { return nil }
        return counts.indices.filter { counts[$0] > 0 }.map { (Double(bitPattern: keys[$0]), counts[$0]) }
            .sorted { $0.value < $1.value }
    }
}
