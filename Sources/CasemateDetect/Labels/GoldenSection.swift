/// The least of a convex function of one number.
enum GoldenSection {
    /// Narrows `0...high` a number of times by the golden ratio; gives the middle of what is left and its lower end.
    static func least(
        upTo high: Double, steps: Int, of loss: (Double) -> Double
    ) -> (middle: Double, low: Double) {
        let golden = (5.0.squareRoot() - 1) / 2
        var (low, high) = (0.0, high)
        var (one, two) = (high - golden * high, golden * high)
        var (first, second) = (loss(one), loss(two))
        for _ in 0..<steps {
            if first < second {
                (high, two, second) = (two, one, first)
                one = high - golden * (high - low)
                first = loss(one)
            } else {
                (low, one, first) = (one, two, second)
                two = low + golden * (high - low)
                second = loss(two)
            }
        }
        return ((low + high) / 2, low)
    }
}
