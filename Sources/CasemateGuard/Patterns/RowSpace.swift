import CasemateCore

/// How rows become points: centred and scaled by the reference, and, for wide rows, projected to few numbers.
struct RowSpace: Sendable {
    /// Widest point that is kept of a row.
    static let widestSketch = 64
    /// Groups of columns, each hashed, in which two rows are compared column by column.
    static let mostBlocks = 32
    /// Columns of a row.
    let width: Int
    /// Numbers of a point in memory: a multiple of 8, zeros behind.
    let stride: Int
    /// Numbers of a sketch in memory.
    let sketchStride: Int
    /// Whether a sketch is the point itself.
    let isWhole: Bool
    /// Groups of columns that are hashed.
    let blocks: Int
    private let centre: [Float], scale: [Float]
    private let ranges: [(low: Double, high: Double)]
    /// `[sketch, stride]`.
    private let projection: [Float]

    /// Takes scale and centre from rows `[count, width]`; NaN is a missing value.
    ///
    /// A column is divided by its standard deviation, or a tenth of its range where that is more: a column that is
    /// nearly constant does not outweigh the others by its few values. Where most columns have the same range, as pixels
    /// do, that range holds for all; elsewhere a constant column has no scale and does not count.
    init(_ rows: [Float], width: Int, seed: UInt64) {
        self.width = width
        let ranges = Self.ranges(rows, width: width)
        self.ranges = ranges
        let common = Self.commonRange(ranges.map { $0.high - $0.low })
        let stride = (width + 7) / 8 * 8
        self.stride = stride
        isWhole = width <= Self.widestSketch
        blocks = min(width, Self.mostBlocks)
        var (centre, scale) = ([Float](repeating: 0, count: width), [Float](repeating: 1, count: width))
        let count = rows.count / max(1, width)
        for column in 0..<width {
            var (sum, squares, number, low, high) = (0.0, 0.0, 0.0, Double.infinity, -Double.infinity)
            for row in 0..<count {
                let value = Double(rows[row * width + column])
                guard value.isFinite else { continue }
                (sum, number, low, high) = (sum + value, number + 1, min(low, value), max(high, value))
            }
            guard number > 0 else { continue }
            let mean = sum / number
            for row in 0..<count where rows[row * width + column].isFinite {
                let gap = Double(rows[row * width + column]) - mean
                squares += gap * gap
            }
            let spread = max((squares / number).squareRoot(), 0.1 * max(high - low, common))
            centre[column] = Float(mean)
            scale[column] = spread > 1e-30 ? Float(spread) : .infinity
        }
        (self.centre, self.scale) = (centre, scale)
        guard width > Self.widestSketch else {
            (projection, sketchStride) = ([], stride)
            return
        }
        var generator = SeededGenerator(seed: seed, stream: 71)
        let normal = NormalSampler()
        var matrix = [Float](repeating: 0, count: Self.widestSketch * stride)
        let norm = 1 / Float(Self.widestSketch).squareRoot()
        for row in 0..<Self.widestSketch {
            for column in 0..<width { matrix[row * stride + column] = Float(normal.next(using: &generator)) * norm }
        }
        (projection, sketchStride) = (matrix, Self.widestSketch)
    }

    private static func ranges(_ rows: [Float], width: Int) -> [(low: Double, high: Double)] {
        (0..<width).map { column in
            var (low, high) = (Double.infinity, -Double.infinity)
            for place in Swift.stride(from: column, to: rows.count, by: width) where rows[place].isFinite {
                (low, high) = (min(low, Double(rows[place])), max(high, Double(rows[place])))
            }
            return low <= high ? (low, high) : (0, 0)
        }
    }

    /// The range that columns share; 0 where each has its own.
    private static func commonRange(_ ranges: [Double]) -> Double {
        let known = ranges.filter { $0 > 0 }.sorted()
        guard known.count >= 8, let widest = known.last else { return 0 }
        let middle = known[known.count / 2]
        return widest <= 1.5 * middle ? middle : 0
    }

    /// Ranges of the columns in the units of points; 0 for a column that does not vary.
    var rangesOfPoints: [Float] {
        zip(ranges, scale).map { $1.isFinite ? Float($0.high - $0.low) / $1 : 0 }
    }

    /// Points of the value 0, and of the ends of the columns' ranges.
    var pointsOfZero: [Float] { zip(centre, scale).map { $1.isFinite ? -$0 / $1 : 0 } }
    var endsOfPoints: [(low: Float, high: Float)] {
        ranges.indices.map { column in
            guard scale[column].isFinite else { return (0, 0) }
            let (low, high) = (Float(ranges[column].low), Float(ranges[column].high))
            return ((low - centre[column]) / scale[column], (high - centre[column]) / scale[column])
        }
    }

    /// A row rounded to some steps of each column's range.
    func rounded(_ row: some RandomAccessCollection<Float>, steps: Float) -> [Float] {
        zip(row.prefix(width), ranges).map { value, range in
            let step = Float(range.high - range.low) / steps
            return step > 0 ? (value / step).rounded() * step : value
        }
    }

    /// A row as it might be measured again: each value moved by a normal error of `tolerance` times its column's range,
    /// within the column's range.
    func remeasured(
        _ row: some RandomAccessCollection<Float>, tolerance: Double, _ normal: NormalSampler,
        _ generator: inout SeededGenerator
    ) -> [Float] {
        zip(row.prefix(width), ranges).map { value, range in
            guard !value.isNaN else { return value }
            let moved = Double(value) + normal.next(using: &generator) * tolerance * (range.high - range.low)
            return Float(min(range.high, max(range.low, moved)))
        }
    }

    /// The point of a row. Missing values stand at the centre; values are cut at 10,000 deviations, so that no sum of
    /// squares overflows.
    func point(_ row: some RandomAccessCollection<Float>) -> [Float] {
        var point = [Float](repeating: 0, count: stride)
        for (column, value) in row.prefix(width).enumerated() where !value.isNaN {
            let scaled = (value - centre[column]) / scale[column]
            point[column] = scaled.isNaN ? 0 : min(10_000, max(-10_000, scaled))
        }
        return point
    }

    /// The sketch of a point: itself, or a random projection that keeps distances to about one part in ten.
    ///
    /// Source: Johnson and Lindenstrauss, 1984; Achlioptas, 2003.
    func sketch(_ point: [Float]) -> [Float] {
        guard !isWhole else { return point }
        var sketch = [Float](repeating: 0, count: sketchStride)
        point.withUnsafeBufferPointer { point in
            projection.withUnsafeBufferPointer { projection in
                guard let point = point.baseAddress, let rows = projection.baseAddress else { return }
                for row in 0..<Self.widestSketch {
                    sketch[row] = VectorLoops.dot(point, rows + row * stride, stride)
                }
            }
        }
        return sketch
    }

    /// A hash for each group of columns; a column belongs to the group of its index modulo their number. With `steps`
    /// values are first rounded to that many steps of a deviation.
    func hashes(_ row: some RandomAccessCollection<Float>, steps: Float? = nil) -> [UInt16] {
        var sums = [UInt64](repeating: 0x9E37_79B9_7F4A_7C15, count: blocks)
        var block = 0
        for (column, value) in row.prefix(width).enumerated() {
            var value = value
            if let steps {
                value = scale[column].isFinite ? ((value - centre[column]) / scale[column] * steps).rounded() : value
            }
            sums[block] = Self.mixed(sums[block], value)
            block = block + 1 == blocks ? 0 : block + 1
        }
        return sums.map { UInt16(truncatingIfNeeded: $0 >> 24) }
    }

    /// A hash of the whole row: equal rows have equal ones.
    static func fingerprint(_ row: some RandomAccessCollection<Float>) -> UInt64 {
        row.reduce(0x2545_F491_4F6C_DD1D) { mixed($0, $1) }
    }

    private static func mixed(_ sum: UInt64, _ value: Float) -> UInt64 {
        let bits: UInt64 = value.isNaN ? 0x7FC0_0000 : value == 0 ? 0 : UInt64(value.bitPattern)
        var z = (sum ^ bits) &* 0xFF51_AFD7_ED55_8CCD
        z ^= z >> 32
        z = z &* 0xC4CE_B9FE_1A85_EC53
        return z ^ (z >> 29)
    }
}

/// Inner loops over floats; lengths are multiples of 8.
enum VectorLoops {
    /// Sum of products.
    @inline(__always)
    static func dot(_ left: UnsafePointer<Float>, _ right: UnsafePointer<Float>, _ count: Int) -> Float {
        var sum = SIMD8<Float>.zero
        let (left, right) = (UnsafeRawPointer(left), UnsafeRawPointer(right))
        for offset in stride(from: 0, to: count * 4, by: 32) {
            sum +=
                left.loadUnaligned(fromByteOffset: offset, as: SIMD8<Float>.self)
                * right.loadUnaligned(fromByteOffset: offset, as: SIMD8<Float>.self)
        }
        return sum.sum()
    }
    /// Sum of squared differences.
    @inline(__always)
    static func squaredDistance(_ left: UnsafePointer<Float>, _ right: UnsafePointer<Float>, _ count: Int) -> Float {
        var sum = SIMD8<Float>.zero
        let (left, right) = (UnsafeRawPointer(left), UnsafeRawPointer(right))
        for offset in stride(from: 0, to: count * 4, by: 32) {
            let gap =
                left.loadUnaligned(fromByteOffset: offset, as: SIMD8<Float>.self)
                - right.loadUnaligned(fromByteOffset: offset, as: SIMD8<Float>.self)
            sum += gap * gap
        }
        return sum.sum()
    }
}
