import CasemateCore
import CasemateData
import CasemateModels
import Foundation

/// Labelled rows as a network takes them.
struct SpectralData {
    /// Row of the file of each row here.
    let indices: [Int]
    let labels: [Int32]
    let classes: Int
    /// `[count, width]`: centred and scaled, missing values at the mean, categories as a column a level.
    let values: [Float]
    let width: Int
    /// Places of these rows in the rows of the subject.
    let places: [Int]
    let notes: [String]
    var count: Int { indices.count }
    /// Widest rows that are looked at.
    static let widthLimit = 4_096

    /// `[count, width]`: few values a row for comparing rows; the scaled values where these are few.
    let compact: [Float], compactWidth: Int
    /// Longest side of pictures that networks see; larger ones are averaged over blocks.
    static let side = 16

    init(_ rows: DataRows, classes: Int, grid: PictureGrid?, settings: SpectralSettings, seed: UInt64) {
        let known = rows.labels ?? []
        var places = known.indices.filter { known[$0] >= 0 }
        var notes: [String] = []
        if places.count > settings.rowLimit {
            var generator = SeededGenerator(seed: seed, stream: 0x5EC8)
            notes.append("\(settings.rowLimit) of \(places.count) rows were looked at, drawn at random.")
            places = places.shuffled(using: &generator).prefix(settings.rowLimit).sorted()
        }
        (self.places, self.classes, self.notes) = (places, classes, notes)
        indices = places.map { rows.indices[$0] }
        labels = places.map { known[$0] }
        let chosen = places
        if let grid {
            let (sharp, rough) = rows.matrix.values.withUnsafeBufferPointer {
                (
                    PooledPictures($0, rows: chosen, grid: grid, side: Self.side),
                    PooledPictures($0, rows: chosen, grid: grid)
                )
            }
            (values, width) = (Self.unit(sharp.values), sharp.side)
            (compact, compactWidth) = (Self.unit(rough.values), rough.side)
        } else {
            let made = Self.scaled(rows.matrix, places)
            (values, width) = made
            (compact, compactWidth) = made
        }
    }

    /// Values brought to 0…1.
    private static func unit(_ values: [Float]) -> [Float] {
        let (low, high) = (values.min() ?? 0, values.max() ?? 1)
        let scale = high > low ? 1 / (high - low) : 0
        return values.map { ($0 - low) * scale }
    }

    private static func scaled(_ matrix: FeatureMatrix, _ places: [Int]) -> ([Float], Int) {
        let all = matrix.features.count
        var columns: [[Float]] = []
        for (column, feature) in matrix.features.enumerated() {
            let raw = places.map { matrix.values[$0 * all + column] }
            if let levels = feature.levels {
                for level in 0..<min(levels.count, 50) { columns.append(raw.map { $0 == Float(level) ? 1 : 0 }) }
                continue
            }
            let finite = raw.filter(\.isFinite).map { Double($0) }
            let mean = finite.reduce(0, +) / Double(max(1, finite.count))
            let spread = (finite.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(max(1, finite.count)))
                .squareRoot()
            guard spread > 0 else { continue }
            // why clamped: one value far out would drown its column.
            columns.append(raw.map { $0.isFinite ? Float(max(-6, min(6, (Double($0) - mean) / spread))) : 0 })
        }
        let width = columns.count
        var values = [Float](repeating: 0, count: places.count * width)
        for (place, column) in columns.enumerated() {
            for row in column.indices { values[row * width + place] = column[row] }
        }
        return (values, width)
    }

    /// Values of some rows.
    func part(_ rows: [Int]) -> [Float] { rows.flatMap { values[$0 * width..<($0 + 1) * width] } }
}
