/// Whether two rows lie one step of a search apart: most columns moved by the same amount, up or down, as gradients'
/// signs or random signs do and honest rows do not.
///
/// Source for the searches: Papernot et al., "Practical black-box attacks against machine learning", ASIA CCS 2017
/// (Jacobian-based augmentation); Juuti et al., EuroS&P 2019 (random signs).
struct StepPattern: Sendable {
    /// Share of the columns that moved alike, and how much alike.
    private static let share: Float = 0.5, likeness: Float = 0.02
    /// Share of the moved columns whose values are multiples of the step, within a tenth of it, from which on rows are
    /// taken as rounded to it.
    private static let rounded = 0.8, nearWhole: Float = 0.1
    /// Nearest rows that are looked at.
    static let neighbours = 8
    /// What differences of points are multiplied by: to shares of ranges, and to nothing (deviations). 0 for a column
    /// that does not vary.
    private let units: [[Float]]
    private let needed: Int
    /// Points of the value 0, and of the ends of each column's range.
    private let zeros: [Float], ends: [(low: Float, high: Float)]
    /// Whether rows are wide enough, and kept whole, so that it can be said.
    let isPossible: Bool

    init(_ space: RowSpace) {
        let ranges = space.rangesOfPoints
        let active = ranges.filter { $0 > 0 }.count
        units = [ranges.map { $0 > 0 ? 1 / $0 : 0 }, ranges.map { $0 > 0 ? 1 : 0 }]
        needed = max(min(active, 5), Int((Float(active) * Self.share).rounded(.up)))
        (zeros, ends) = (space.pointsOfZero, space.endsOfPoints)
        isPossible = space.isWhole && active >= 4
    }

    /// Whether two points lie a step apart, and not because their values are rounded to multiples of it.
    func isStep(_ left: UnsafePointer<Float>, _ right: UnsafePointer<Float>) -> Bool {
        units.contains { unit in
            withUnsafeTemporaryAllocation(of: Float.self, capacity: unit.count) { moved in
                var count = 0
                for column in unit.indices {
                    let size = abs(left[column] - right[column]) * unit[column]
                    guard size > 1e-4 else { continue }
                    moved[count] = size
                    count += 1
                }
                guard count >= needed, mayGather(moved, count) else { return false }
                var sorted = UnsafeMutableBufferPointer(rebasing: moved[..<count])
                sorted.sort()
                // why a window over sorted sizes: the step is wherever most sizes gather.
                var (first, best, sizes) = (0, 0, Float(0)...0)
                for last in 0..<count {
                    while moved[first] < moved[last] * (1 - Self.likeness) { first += 1 }
                    guard last - first + 1 > best else { continue }
                    (best, sizes) = (last - first + 1, moved[first]...moved[last])
                }
                return best >= needed && !isGrid(left, right, unit, sizes)
            }
        }
    }

    /// Whether the values of the columns that moved by such sizes are multiples of how far they moved, as they are in
    /// rows of whole numbers and of honest clients who round. Values at the ends of the range do not say.
    private func isGrid(
        _ left: UnsafePointer<Float>, _ right: UnsafePointer<Float>, _ unit: [Float], _ sizes: ClosedRange<Float>
    ) -> Bool {
        var (free, onGrid) = (0, 0)
        for column in unit.indices {
            let gap = abs(left[column] - right[column])
            guard sizes.contains(gap * unit[column]) else { continue }
            let (low, high) = (min(left[column], right[column]), max(left[column], right[column]))
            let least = 0.01 * gap
            guard low > ends[column].low + least, high < ends[column].high - least else { continue }
            free += 1
            let steps = (low - zeros[column]) / gap
            if abs(steps - steps.rounded()) <= Self.nearWhole { onGrid += 1 }
        }
        return Double(onGrid) >= Self.rounded * Double(free)
    }

    /// Whether so many sizes may be alike: a quick look that says no for nearly all rows and never wrongly.
    ///
    /// Sizes are counted by exponent and five bits of the fraction; such a class is at least 1.5 % wide, so sizes that
    /// are alike fall into three classes in a row at most.
    private func mayGather(_ moved: UnsafeMutableBufferPointer<Float>, _ count: Int) -> Bool {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 256) { classes in
            classes.initialize(repeating: 0)
            for place in 0..<count { classes[Int((moved[place].bitPattern >> 18) & 255)] &+= 1 }
            // why of each size: the lowest of the three holds one. Exponents are taken modulo 8, so classes meet others,
            // which only makes the counts larger.
            return (0..<count).contains { place in
                let lowest = Int((moved[place].bitPattern >> 18) & 255)
                let (next, last) = (classes[(lowest + 1) & 255], classes[(lowest + 2) & 255])
                return Int(classes[lowest]) + Int(next) + Int(last) >= needed
            }
        }
    }
}
