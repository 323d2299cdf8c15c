import CasemateCore

/// Labels from an array: class numbers, one-hot rows or texts.
struct SampleLabels {
    let labels: [Int32]
    /// Names in the order of the labels, when the array holds texts.
    let names: [String]?
    /// What is unusual, `nil` when nothing is.
    let warning: String?

    /// Reads the labels of `count` samples.
    /// - Throws: `mismatch` for another number of labels, `unusableData` for values that name no class.
    init(_ array: StoredArray, count: Int) throws(CasemateError) {
        let shape = array.header.shape
        let rows = shape.first ?? 1
        guard rows == count else {
            throw CasemateError(
                .mismatch, at: array.place, "\(rows) labels for \(count) samples",
                help: "name the labels of these samples")
        }
        if let texts = array.texts() {
            let names = Set(texts).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
            let order = Dictionary(uniqueKeysWithValues: names.enumerated().map { ($1, Int32($0)) })
            self.names = names
            labels = texts.map { order[$0] ?? 0 }
            warning = "labels are texts: classes are numbered in the order of their names"
            return
        }
        let width = shape.dropFirst().reduce(1) { $0 * max(1, $1) }
        guard let values = array.integers(), width <= 65_536, !shape.contains(0) else {
            throw Self.noClass(array.place, "are neither whole numbers nor texts")
        }
        names = nil
        if width == 1 {
            (labels, warning) = (try Self.indices(values, at: array.place), nil)
        } else {
            (labels, warning) = (try Self.oneHot(values, width: width, at: array.place), "labels are one-hot rows")
        }
    }

    /// Class numbers of 32 bits.
    static func indices(_ values: [Int64], at place: String) throws(CasemateError) -> [Int32] {
        var labels: [Int32] = []
        labels.reserveCapacity(values.count)
        for (row, value) in values.enumerated() {
            guard let label = Int32(exactly: value), label >= 0 else {
                throw noClass(place, "hold '\(value)' for sample \(row + 1)")
            }
            labels.append(label)
        }
        return labels
    }

    private static func oneHot(_ values: [Int64], width: Int, at place: String) throws(CasemateError) -> [Int32] {
        var labels: [Int32] = []
        for start in stride(from: 0, to: values.count, by: width) {
            let row = values[start..<start + width]
            guard let one = row.firstIndex(of: 1), row.allSatisfy({ $0 == 0 || $0 == 1 }), row.reduce(0, +) == 1 else {
                throw noClass(place, "are \(width) a sample, and sample \(start / width + 1) has not a single 1 there")
            }
            labels.append(Int32(one - start))
        }
        return labels
    }

    private static func noClass(_ place: String, _ what: String) -> CasemateError {
        CasemateError(
            .unusableData, at: place, "the labels \(what)",
            help: "give one class number from 0 on for each sample, its name, or a one-hot row")
    }
}
