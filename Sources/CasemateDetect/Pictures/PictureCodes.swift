import CasemateData

/// Pictures as codes of a few brightness levels, value by value: `[values][pictures]`.
struct PictureCodes: Sendable {
    /// Levels of brightness.
    static let levels = 32
    let grid: PictureGrid
    /// Number of pictures.
    let count: Int
    /// `[grid.size][count]`, in the order of `x`, `y` and channel: `(y · width + x) · channels + channel`.
    let codes: [UInt8]

    /// - Parameter range: Smallest and largest value over all pictures.
    init(_ values: UnsafeBufferPointer<Float>, rows: [Int], grid: PictureGrid, range: ClosedRange<Float>) {
        (self.grid, count) = (grid, rows.count)
        let (size, number) = (grid.size, rows.count)
        let scale = Self.scale(range)
        codes = [UInt8](unsafeUninitializedCapacity: size * number) { target, done in
            for y in 0..<grid.height {
                for x in 0..<grid.width {
                    for channel in 0..<grid.channels {
                        let source = grid.index(x: x, y: y, channel: channel)
                        for row in 0..<number {
                            target.initializeElement(
                                at: done, to: Self.code(values[rows[row] * size + source], range, scale))
                            done += 1
                        }
                    }
                }
            }
        }
    }

    static func scale(_ range: ClosedRange<Float>) -> Float {
        let spread = range.upperBound - range.lowerBound
        return spread > 0 ? Float(levels) / spread : 0
    }

    /// Level of a value.
    static func code(_ value: Float, _ range: ClosedRange<Float>, _ scale: Float) -> UInt8 {
        guard value.isFinite else { return 0 }
        return UInt8(min(Float(levels - 1), max(0, (value - range.lowerBound) * scale)))
    }

    /// The codes of one value over all pictures.
    func column(_ place: Int) -> ArraySlice<UInt8> { codes[place * count..<(place + 1) * count] }

    /// How many pictures have each level at each value: `[grid.size][levels]`.
    func histograms() -> [Int32] {
        var result = [Int32](repeating: 0, count: grid.size * Self.levels)
        codes.withUnsafeBufferPointer { codes in
            for place in 0..<grid.size {
                for row in 0..<count { result[place * Self.levels + Int(codes[place * count + row])] += 1 }
            }
        }
        return result
    }
}

/// A picture of few values: means over the cells of a coarse grid.
struct PooledPictures: Sendable {
    let side: Int
    let values: [Float]

    /// Means of at most `side × side` cells a channel; of `blank` values (in the order of `PictureCodes`) nothing is taken.
    init(
        _ values: UnsafeBufferPointer<Float>, rows: [Int], grid: PictureGrid, blank: Set<Int> = [], side: Int = 8
    ) {
        let (across, down) = (min(side, grid.width), min(side, grid.height))
        self.side = across * down * grid.channels
        let width = across * down * grid.channels
        var cells = [Int](repeating: -1, count: grid.size)
        var counts = [Float](repeating: 0, count: width)
        for y in 0..<grid.height {
            for x in 0..<grid.width {
                for channel in 0..<grid.channels {
                    let place = (y * grid.width + x) * grid.channels + channel
                    guard !blank.contains(place) else { continue }
                    let cell = ((y * down / grid.height) * across + x * across / grid.width) * grid.channels + channel
                    cells[grid.index(x: x, y: y, channel: channel)] = cell
                    counts[cell] += 1
                }
            }
        }
        var result = [Float](repeating: 0, count: rows.count * width)
        for (place, row) in rows.enumerated() {
            for index in 0..<grid.size where cells[index] >= 0 {
                let value = values[row * grid.size + index]
                if value.isFinite { result[place * width + cells[index]] += value / max(1, counts[cells[index]]) }
            }
        }
        self.values = result
    }
}
