/// Takes what is worth most first: which of many items, each with a worth and a capacity, fill a given amount.
///
/// The fractional knapsack, solved by weighted selection around pivots instead of a full sort: O(n) on average.
/// With capacities of 1 it finds the largest `amount` items. Owned by one thread; reuse it, it keeps its memory.
package struct MinimumNormSelection {
    /// What one selection found.
    package struct Result: Hashable, Sendable {
        /// How many items of `order`, from its start, are taken with all their capacity.
        package var whole: Int
        /// How much of item `order[whole]` is taken, when it is not 0.
        package var rest: Double
    }
    /// The items after a selection: those taken first, in no particular order.
    package private(set) var order: [Int32]

    /// Makes memory for up to `capacity` items.
    package init(capacity: Int) { order = [Int32](repeating: 0, count: capacity) }

    /// Fills `amount` from the items with the largest keys; ties go in an order that depends on nothing but the input.
    ///
    /// When all capacities together are not more than `amount`, everything is taken.
    package mutating func take(
        _ amount: Double, keys: UnsafePointer<Float>, capacities: UnsafePointer<Double>, count: Int
    ) -> Result {
        if order.count < count { order = [Int32](repeating: 0, count: count) }
        return order.withUnsafeMutableBufferPointer { order in
            for index in 0..<count { order[index] = Int32(truncatingIfNeeded: index) }
            var (low, high, left) = (0, count, amount)
            while low < high {
                let (above, level) = Self.partition(order, low, high, keys)
                let inAbove = Self.sum(order, low, above, capacities)
                if inAbove > left {
                    high = above
                    continue
                }
                left -= inAbove
                for position in above..<level {
                    let capacity = capacities[Int(order[position])]
                    if capacity > left { return Result(whole: position, rest: left) }
                    left -= capacity
                }
                low = level
            }
            return Result(whole: low, rest: 0)
        }
    }

    /// Splits `low..<high` into keys above a pivot, equal to it and below it; returns where the second and third begin.
    private static func partition(
        _ order: UnsafeMutableBufferPointer<Int32>, _ low: Int, _ high: Int, _ keys: UnsafePointer<Float>
    ) -> (above: Int, level: Int) {
        let (a, b, c) = (
            keys[Int(order[low])], keys[Int(order[(low + high) / 2])], keys[Int(order[high - 1])]
        )
        let pivot = max(min(a, b), min(max(a, b), c))
        var (above, position, below) = (low, low, high)
        while position < below {
            let key = keys[Int(order[position])]
            if key > pivot {
                order.swapAt(above, position)
                above += 1
                position += 1
            } else if key < pivot {
                below -= 1
                order.swapAt(position, below)
            } else {
                position += 1
            }
        }
        return (above, position)
    }

    private static func sum(
        _ order: UnsafeMutableBufferPointer<Int32>, _ low: Int, _ high: Int, _ capacities: UnsafePointer<Double>
    ) -> Double {
        var total = 0.0
        for position in low..<high { total += capacities[Int(order[position])] }
        return total
    }
}
