import CasemateCore
import CasemateData

/// Rows as points in which each column weighs about the same, for detectors that measure distances.
struct OutlierSpace: Hashable, Sendable {
    /// The columns of the rows.
    let features: [Feature]
    /// What each looks like.
    let columns: [OutlierColumn]
    /// Columns that points are made of, ascending; all that vary, or some of them by the seed where points would be
    /// wider than the limit.
    let used: [Int]
    /// For each number of a point the column that it comes from.
    let owners: [Int]
    /// Numbers of a point, and what it takes in memory: a multiple of 8.
    var width: Int { owners.count }
    var stride: Int { (width + 7) / 8 * 8 }
    /// Number of rows that it learnt from.
    let count: Int
    /// Whether columns that vary were left out.
    var isPart: Bool { used.count < columns.lazy.filter { $0.width > 0 }.count }

    /// Looks at rows.
    /// - Parameter limit: Most numbers of a point.
    init(_ rows: FeatureMatrix, limit: Int, context: RunContext) throws {
        let total = rows.features.count
        let columns = try ParallelTasks.map(total, threads: context.threads) { column in
            try context.cancellation.check()
            let values = (0..<rows.count).map { rows.values[$0 * total + column] }
            return OutlierColumn(rows.features[column], values)
        }
        var generator = SeededGenerator(seed: context.seed, stream: 0x5BACE)
        var (room, chosen) = (limit, [Int]())
        for column in (0..<total).shuffled(using: &generator) where (1...max(1, room)).contains(columns[column].width) {
            guard room > 0 else { break }
            room -= columns[column].width
            chosen.append(column)
        }
        self.init(features: rows.features, columns: columns, used: chosen.sorted(), count: rows.count)
    }

    init(features: [Feature], columns: [OutlierColumn], used: [Int], count: Int) {
        (self.features, self.columns, self.used, self.count) = (features, columns, used, count)
        owners = used.flatMap { [Int](repeating: $0, count: columns[$0].width) }
    }

    /// Writes the point of the row that begins at `row`; `output` takes `stride` numbers.
    func write(_ row: UnsafePointer<Float>, to output: UnsafeMutablePointer<Float>) {
        var place = 0
        for column in used {
            columns[column].write(row[column], to: output + place)
            place += columns[column].width
        }
        for rest in place..<max(place, stride) { output[rest] = 0 }
    }

    /// Columns whose value in this row is of a kind that was never seen.
    func newColumns(_ row: UnsafePointer<Float>) -> [Int] {
        columns.indices.filter { columns[$0].isNew(row[$0]) }
    }

    /// Largest number of a point for detectors that squares of gross values would lead astray.
    static let bound: Float = 8

    /// Brings the numbers of a point within `bound`.
    func clip(_ point: UnsafeMutablePointer<Float>) {
        for place in 0..<width { point[place] = min(max(point[place], -Self.bound), Self.bound) }
    }

    /// Points `[count, width]` of rows.
    func points(_ rows: FeatureMatrix) -> [Float] {
        var result = [Float](repeating: 0, count: rows.count * width)
        var room = [Float](repeating: 0, count: stride)
        rows.values.withUnsafeBufferPointer { values in
            guard let base = values.baseAddress else { return }
            for row in 0..<rows.count {
                write(base + row * features.count, to: &room)
                for place in 0..<width { result[row * width + place] = room[place] }
            }
        }
        return result
    }
}
