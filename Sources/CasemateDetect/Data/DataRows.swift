import CasemateCore
public import CasemateData

/// Rows of data as numbers, with where they stand in their file.
public struct DataRows: Sendable {
    /// Row of the file, from 0, of each row here; ascending.
    public let indices: [Int]
    /// The rows over the features; NaN for a missing value, an infinite one, and a level that is not known.
    public let matrix: FeatureMatrix
    /// Class of each row here, -1 where it is missing; `nil` without labels.
    public let labels: [Int32]?
    /// Number of rows of the file.
    public let total: Int
    /// Number of rows here.
    public var count: Int { indices.count }
    /// Whether rows of the file were left out.
    public var isSample: Bool { indices.count < total }

    /// Makes rows.
    public init(indices: [Int], matrix: FeatureMatrix, labels: [Int32]?, total: Int) {
        (self.indices, self.matrix, self.labels, self.total) = (indices, matrix, labels, total)
    }

    init(
        _ table: DataTable?, _ samples: SampleSet?, _ features: [Feature], labels: [Int32]?, count: Int, seed: UInt64
    ) throws {
        var chosen = Array(0..<count)
        if count > DataSubject.rowLimit {
            var generator = SeededGenerator(seed: seed, stream: 0xDA7A)
            chosen = Self.sample(DataSubject.rowLimit, of: count, using: &generator)
        }
        let matrix: FeatureMatrix
        if let table {
            matrix = try table.matrix(features, rows: chosen.count < count ? chosen : nil, isLenient: true)
        } else if let samples {
            let all = FeatureMatrix(features: features, values: samples.values.map { $0.isFinite ? $0 : .nan })
            matrix = chosen.count < count ? all.rows(chosen) : all
        } else {
            matrix = FeatureMatrix(features: features, values: [])
        }
        self.init(
            indices: chosen, matrix: matrix, labels: labels.map { all in chosen.map { all[$0] } }, total: count)
    }

    /// `count` numbers below `total`, ascending, each set as likely. Source: Knuth, TAOCP 2, algorithm S.
    private static func sample(_ count: Int, of total: Int, using generator: inout SeededGenerator) -> [Int] {
        var chosen: [Int] = []
        chosen.reserveCapacity(count)
        for row in 0..<total where Double(total - row) * generator.uniformDouble() < Double(count - chosen.count) {
            chosen.append(row)
            if chosen.count == count { break }
        }
        return chosen
    }
}
