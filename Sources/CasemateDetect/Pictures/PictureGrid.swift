package import CasemateData

/// How the values of a row make a picture.
package struct PictureGrid: Hashable, Sendable {
    /// Pixels, and values of each.
    package let width: Int, height: Int, channels: Int
    /// Whether the values of a pixel lie apart, `[channels, height, width]`.
    package let isPlanar: Bool
    /// Column of each value in the order of rows and columns, where that is not the order of the table.
    private let order: [Int]?
    /// Number of values.
    package var size: Int { width * height * channels }

    init(
        width: Int, height: Int, channels: Int, isPlanar: Bool, order: [Int]? = nil
    ) {
        (self.width, self.height, self.channels) = (width, height, channels)
        (self.isPlanar, self.order) = (isPlanar, order)
    }

    /// Where in a row the value of a channel of a pixel stands.
    package func index(x: Int, y: Int, channel: Int) -> Int {
        let place =
            isPlanar ? (channel * height + y) * width + x : (y * width + x) * channels + channel
        return order?[place] ?? place
    }

    /// The grid of samples of that shape; `nil` for signals and flat rows.
    package init?(shape: [Int]) {
        let core = shape.count == 4 && shape[0] == 1 ? Array(shape.dropFirst()) : shape
        func isColour(_ count: Int) -> Bool { [1, 3, 4].contains(count) }
        switch core.count {
        case 2 where core[0] >= 4 && core[1] >= 4:
            self.init(width: core[1], height: core[0], channels: 1, isPlanar: true)
        case 3 where isColour(core[2]) && core[0] >= 4 && core[1] >= 4:
            self.init(width: core[1], height: core[0], channels: core[2], isPlanar: false)
        case 3 where isColour(core[0]) && core[1] >= 4 && core[2] >= 4:
            self.init(width: core[2], height: core[1], channels: core[0], isPlanar: true)
        default: return nil
        }
    }

    /// The grid of a table whose columns are pixels: numbered names, a square (times three) of them, one range of values
    /// from 0 on, and neighbours that are alike; `nil` for other tables.
    package init?(_ matrix: FeatureMatrix) {
        let features = matrix.features
        guard features.count >= 49, matrix.count >= 20, features.allSatisfy({ $0.levels == nil }),
            let plan = Self.plan(features.map(\.name))
        else { return nil }
        self = plan
        guard isCommonRange(matrix), neighboursAgree(matrix) else { return nil }
    }

    /// A grid by names such as `pixel12`, `px_0`, `pixel_3_4`, `f7`, `0`.
    private static func plan(_ names: [String]) -> PictureGrid? {
        var keys: [(numbers: [Int], column: Int)] = []
        var stem: String?
        for (column, name) in names.enumerated() {
            let parts = name.split { !$0.isNumber }.map { Int($0) ?? -1 }
            let letters = name.filter { !$0.isNumber }
            guard (1...3).contains(parts.count), parts.allSatisfy({ $0 >= 0 }), stem == nil || stem == letters
            else { return nil }
            stem = letters
            keys.append((parts, column))
        }
        guard let length = keys.first?.numbers.count, keys.allSatisfy({ $0.numbers.count == length }) else {
            return nil
        }
        let sorted = keys.sorted { $0.numbers.lexicographicallyPrecedes($1.numbers) }
        let order = sorted.map(\.column)
        let plain = order == Array(order.indices) ? nil : order
        guard length > 1 else {
            // why: names from 0 or 1 on, none left out.
            guard let first = sorted.first?.numbers[0], first <= 1, sorted.last?.numbers[0] == first + sorted.count - 1
            else { return nil }
            for channels in [1, 3] where names.count.isMultiple(of: channels) {
                let side = Int(Double(names.count / channels).squareRoot().rounded())
                if side * side * channels == names.count {
                    return PictureGrid(
                        width: side, height: side, channels: channels, isPlanar: channels == 1, order: plain)
                }
            }
            return nil
        }
        let axes = (0..<length).map { axis in Set(keys.map { $0.numbers[axis] }).count }
        guard axes.reduce(1, *) == names.count else { return nil }
        let shape = PictureGrid(shape: axes)
        return shape.map {
            PictureGrid(
                width: $0.width, height: $0.height, channels: $0.channels, isPlanar: $0.isPlanar, order: plain)
        }
    }

    /// Whether all values lie between 0 and one bound that many columns come near.
    private func isCommonRange(_ matrix: FeatureMatrix) -> Bool {
        let width = matrix.features.count
        var tops = [Float](repeating: 0, count: width)
        for (index, value) in matrix.values.enumerated() {
            guard value.isFinite, value >= 0 else { return false }
            tops[index % width] = max(tops[index % width], value)
        }
        guard let top = tops.max(), top > 0 else { return false }
        return tops.count { $0 >= 0.8 * top } * 4 >= width
    }

    /// Whether pixels side by side go together, and more than those far apart.
    private func neighboursAgree(_ matrix: FeatureMatrix) -> Bool {
        let rows = min(500, matrix.count)
        let all = matrix.features.count
        func correlation(_ one: Int, _ other: Int) -> Double? {
            var (a, b, aa, bb, ab) = (0.0, 0.0, 0.0, 0.0, 0.0)
            for row in 0..<rows {
                let (u, v) = (Double(matrix.values[row * all + one]), Double(matrix.values[row * all + other]))
                (a, b, aa, bb, ab) = (a + u, b + v, aa + u * u, bb + v * v, ab + u * v)
            }
            let n = Double(rows)
            let spread = (aa - a * a / n) * (bb - b * b / n)
            return spread > 0 ? (ab - a * b / n) / spread.squareRoot() : nil
        }
        var near: [Double] = [], far: [Double] = []
        for y in 0..<height {
            for x in 0..<width - 1 {
                let here = index(x: x, y: y, channel: 0)
                if let value = correlation(here, index(x: x + 1, y: y, channel: 0)) { near.append(abs(value)) }
                let other = index(x: (x + width / 2) % width, y: (y + height / 2) % height, channel: 0)
                if let value = correlation(here, other) { far.append(abs(value)) }
            }
        }
        guard near.count >= 8, far.count >= 8 else { return false }
        let (one, two) = (near.reduce(0, +) / Double(near.count), far.reduce(0, +) / Double(far.count))
        return one > 0.3 && one > 1.5 * two
    }

    /// The grid of a subject; `nil` where its rows are no pictures.
    package static func of(_ subject: DataSubject, _ rows: DataRows) -> PictureGrid? {
        if let samples = subject.samples {
            if let grid = PictureGrid(shape: samples.shape) { return grid }
        }
        return PictureGrid(rows.matrix)
    }
}
