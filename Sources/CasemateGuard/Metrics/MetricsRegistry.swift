import Foundation
import Synchronization

/// Counters, gauges and histograms of this process, in the text form that Prometheus reads.
///
/// Names follow Prometheus: base units in the name, `_total` on counters. Labels are words of ours, never what a caller
/// sent: each family takes at most 1,000 combinations, and whatever comes after that is counted under `other`.
public final class MetricsRegistry: Sendable {
    /// What a family is.
    public enum Kind: String, Sendable { case counter, gauge, histogram }
    /// One number that goes up, or up and down. Any thread may change it.
    public final class Cell: Sendable {
        private let bits = Atomic<UInt64>(0)
        /// The value.
        public var value: Double { Double(bitPattern: bits.load(ordering: .relaxed)) }
        /// Adds to it.
        public func add(_ amount: Double = 1) {
            var seen = bits.load(ordering: .relaxed)
            while true {
                let sum = (Double(bitPattern: seen) + amount).bitPattern
                let (done, now) = bits.compareExchange(expected: seen, desired: sum, ordering: .relaxed)
                if done { return }
                seen = now
            }
        }
        /// Sets it.
        public func set(_ value: Double) { bits.store(value.bitPattern, ordering: .relaxed) }
    }
    /// A distribution of times in seconds, in fixed buckets.
    public final class Histogram: Sendable {
        /// Upper bounds of the buckets in seconds: 10 µs to 10 s.
        public static let bounds: [Double] = [
            0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25,
            0.5, 1, 2.5, 10,
        ]
        let buckets: [Cell] = (0...bounds.count).map { _ in Cell() }
        let sum = Cell()
        /// Counts a time.
        public func observe(nanoseconds: UInt64) {
            let seconds = Double(nanoseconds) / 1e9
            var index = 0
            while index < Self.bounds.count, seconds > Self.bounds[index] { index += 1 }
            buckets[index].add()
            sum.add(seconds)
        }
    }
    private enum Series { case cell(Cell), histogram(Histogram) }
    private struct Family {
        let kind: Kind
        let help: String
        var series: [String: Series] = [:]
    }
    private let families = Mutex<[String: Family]>([:])
    private static let mostSeries = 1_000

    /// Makes an empty registry.
    public init() {}

    /// The counter of a name and labels, made where it is not there; keep it, looking it up takes a lock.
    public func counter(_ name: String, _ help: String, _ labels: [(String, String)] = []) -> Cell {
        cell(name, .counter, help, labels)
    }
    /// The gauge of a name and labels.
    public func gauge(_ name: String, _ help: String, _ labels: [(String, String)] = []) -> Cell {
        cell(name, .gauge, help, labels)
    }
    /// The histogram of a name and labels; the name ends in `_seconds`.
    public func histogram(_ name: String, _ help: String, _ labels: [(String, String)] = []) -> Histogram {
        let found = series(name, .histogram, help, labels) { .histogram(Histogram()) }
        if case .histogram(let histogram) = found { return histogram }
        return Histogram()
    }

    private func cell(_ name: String, _ kind: Kind, _ help: String, _ labels: [(String, String)]) -> Cell {
        if case .cell(let cell) = series(name, kind, help, labels, { .cell(Cell()) }) { return cell }
        return Cell()
    }

    private func series(
        _ name: String, _ kind: Kind, _ help: String, _ labels: [(String, String)], _ make: () -> Series
    ) -> Series {
        families.withLock { families in
            var key = Self.text(labels)
            if let found = families[name]?.series[key] { return found }
            if families[name]?.series.count ?? 0 >= Self.mostSeries {
                key = Self.text(labels.map { ($0.0, "other") })
                if let found = families[name]?.series[key] { return found }
            }
            let made = make()
            families[name, default: Family(kind: kind, help: help)].series[key] = made
            return made
        }
    }

    private static func text(_ labels: [(String, String)]) -> String {
        labels.map { "\($0.0)=\"\(escaped($0.1))\"" }.joined(separator: ",")
    }
    private static func escaped(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": result += "\\\\"
            case "\"": result += "\\\""
            case "\n": result += "\\n"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    /// All of it, in the text format, version 0.0.4; families and series in the order of their names.
    public func exposition() -> String {
        let snapshot = families.withLock { $0 }
        var text = ""
        for (name, family) in snapshot.sorted(by: { $0.key < $1.key }) {
            text += "# HELP \(name) \(family.help)\n# TYPE \(name) \(family.kind.rawValue)\n"
            for (labels, series) in family.series.sorted(by: { $0.key < $1.key }) {
                switch series {
                case .cell(let cell):
                    text += "\(name)\(labels.isEmpty ? "" : "{\(labels)}") \(Self.number(cell.value))\n"
                case .histogram(let histogram): text += Self.lines(name, labels, histogram)
                }
            }
        }
        return text
    }

    private static func lines(_ name: String, _ labels: String, _ histogram: Histogram) -> String {
        var (text, count) = ("", 0.0)
        let start = labels.isEmpty ? "" : labels + ","
        for (index, bucket) in histogram.buckets.enumerated() {
            count += bucket.value
            let bound = index < Histogram.bounds.count ? "\(Histogram.bounds[index])" : "+Inf"
            text += "\(name)_bucket{\(start)le=\"\(bound)\"} \(number(count))\n"
        }
        let braces = labels.isEmpty ? "" : "{\(labels)}"
        return text + "\(name)_sum\(braces) \(number(histogram.sum.value))\n\(name)_count\(braces) \(number(count))\n"
    }
    private static func number(_ value: Double) -> String {
        value == value.rounded() && abs(value) < 1e15 ? "\(Int64(value))" : "\(value)"
    }
}
