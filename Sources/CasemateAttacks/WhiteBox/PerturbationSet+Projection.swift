extension PerturbationSet {
    /// Moves a point to the nearest one of the set, in place; a point that lies in it stays as it is.
    ///
    /// Afterwards `contains` holds, with no slack. Nearest means by Euclidean distance, up to the spacing of floats.
    /// Values that are not numbers become the original's.
    /// - Parameters:
    ///   - point: `count` values.
    ///   - original: `count` values in the box.
    ///   - isConfined: Whether the ball counts; false projects into the box only.
    public func project(
        _ point: UnsafeMutablePointer<Float>, around original: UnsafePointer<Float>, count: Int,
        isConfined: Bool = true
    ) {
        guard isConfined, let epsilon else { return clip(point, original, count) }
        switch norm {
        case .linf: clipToCube(point, original, count)
        case .l2: projectEuclidean(point, original, count, epsilon)
        case .l1: projectSum(point, original, count, epsilon)
        case .l0: keepLargest(point, original, count, epsilon)
        }
    }

    /// Moves rows to the nearest points of the set, in place; both are `[count, size]`.
    public func project(_ points: inout [Float], around originals: [Float], size: Int, isConfined: Bool = true) {
        precondition(size > 0 && points.count == originals.count && points.count % size == 0)
        points.withUnsafeMutableBufferPointer { points in
            originals.withUnsafeBufferPointer { originals in
                guard let point = points.baseAddress, let original = originals.baseAddress else { return }
                for start in stride(from: 0, to: points.count, by: size) {
                    project(point + start, around: original + start, count: size, isConfined: isConfined)
                }
            }
        }
    }

    private func clip(_ point: UnsafeMutablePointer<Float>, _ original: UnsafePointer<Float>, _ count: Int) {
        let (low, high) = (max(low, -.greatestFiniteMagnitude), min(high, .greatestFiniteMagnitude))
        for index in 0..<count {
            var value = point[index]
            value = value == value ? value : original[index]
            value = value < low ? low : value
            point[index] = value > high ? high : value
        }
    }

    /// Clips to the largest floats that are certainly within epsilon of the original.
    ///
    /// The error of `x ± epsilon` is exact (Knuth's two-sum); where the sum was rounded outwards it moves inwards by
    /// one or two spacings (Rump's predecessor), all without branches so that the loop runs in vectors.
    private func clipToCube(_ point: UnsafeMutablePointer<Float>, _ original: UnsafePointer<Float>, _ count: Int) {
        let (low, high, radius) = (low, high, floor)
        let (spacing, tiny) = (Float(0x1.000002p-24), Float.leastNonzeroMagnitude)
        for index in 0..<count {
            let x = original[index]
            let above = x + radius
            let (aboveBack, below) = (above - x, x - radius)
            let aboveError = (x - (above - aboveBack)) + (radius - aboveBack)
            let belowBack = below - x
            let belowError = (x - (below - belowBack)) + (-radius - belowBack)
            var top = aboveError < 0 ? above - (abs(above) * spacing + tiny) : above
            var bottom = belowError > 0 ? below + (abs(below) * spacing + tiny) : below
            top = top < high ? top : high
            bottom = bottom > low ? bottom : low
            var value = point[index]
            value = value == value ? value : x
            value = value > bottom ? value : bottom
            value = value < top ? value : top
            // why: where epsilon is below the spacing of floats, the ends may have crossed the original.
            point[index] = top < x || bottom > x ? x : value
        }
    }

    /// `x + clip(t d)` for the largest `t ≤ 1` inside the ball: each pass fixes the values that the box holds and
    /// stretches the others, until no more are held.
    private func projectEuclidean(
        _ point: UnsafeMutablePointer<Float>, _ original: UnsafePointer<Float>, _ count: Int, _ epsilon: Double
    ) {
        if contains(point, around: original, count: count) { return }
        let (low, high) = (Double(low), Double(high))
        makeFinite(point, original, count)
        let length = Self.distance(.l2, point, original, count: count)
        var scale = length > epsilon ? epsilon / length : 1
        for _ in 0..<64 where scale < 1 {
            var held = 0.0, free = 0.0
            for index in 0..<count {
                let x = Double(original[index])
                let change = Double(point[index]) - x
                let wanted = x + scale * change
                let limit = (wanted < low ? low : wanted > high ? high : x) - x
                let isHeld = wanted < low || wanted > high
                held += limit * limit
                free += isHeld ? 0 : change * change
            }
            let wider = free > 0 ? min(1, (max(0, epsilon * epsilon - held) / free).squareRoot()) : 1
            if wider <= scale * (1 + 1e-12) { break }
            scale = wider
        }
        settle(point, original, count) { x, change in
            let wanted = x + scale * change
            return (wanted < low ? low : wanted > high ? high : wanted) - x
        }
    }

    /// Replaces what is not a number by the original and what is infinite by the largest number.
    private func makeFinite(_ point: UnsafeMutablePointer<Float>, _ original: UnsafePointer<Float>, _ count: Int) {
        for index in 0..<count where !point[index].isFinite {
            let value = point[index]
            point[index] = value.isNaN ? original[index] : .greatestFiniteMagnitude * (value < 0 ? -1 : 1)
        }
    }

    /// Writes `x + offset` as floats; where rounding carries the point out of the ball, shrinks all offsets a little.
    @inline(__always)
    private func settle(
        _ point: UnsafeMutablePointer<Float>, _ original: UnsafePointer<Float>, _ count: Int,
        _ offset: (_ x: Double, _ change: Double) -> Double
    ) {
        withUnsafeTemporaryAllocation(of: Double.self, capacity: count) { offsets in
            for index in 0..<count {
                let x = Double(original[index])
                offsets[index] = offset(x, Double(point[index]) - x)
            }
            var shrink = 0.0
            while true {
                let keep = 1 - shrink
                for index in 0..<count { point[index] = Float(Double(original[index]) + keep * offsets[index]) }
                if shrink >= 1 || contains(point, around: original, count: count) { return }
                shrink = min(1, shrink == 0 ? 1e-7 : shrink * 4)
            }
        }
    }

    /// `x + sign(d) clip(|d| - shift, 0, room)` with the shift that spends epsilon: the nearest point of the
    /// intersection of ball and box. The sum falls with the shift, piecewise linearly: Newton's steps inside a bracket.
    /// Source: Croce and Hein, "Mind the box: l1-APGD for sparse adversarial attacks on image classifiers", ICML 2021.
    private func projectSum(
        _ point: UnsafeMutablePointer<Float>, _ original: UnsafePointer<Float>, _ count: Int, _ epsilon: Double
    ) {
        if contains(point, around: original, count: count) { return }
        let (low, high) = (Double(low), Double(high))
        makeFinite(point, original, count)
        @inline(__always)
        func shrunk(_ x: Double, _ change: Double, _ shift: Double) -> (value: Double, isMoving: Bool) {
            let room = change < 0 ? x - low : high - x
            let left = abs(change) - shift
            return (left <= 0 ? 0 : left >= room ? room : left, left > 0 && left < room)
        }
        func spent(_ shift: Double) -> (sum: Double, moving: Double) {
            var sum = 0.0, moving = 0.0
            for index in 0..<count {
                let x = Double(original[index])
                let part = shrunk(x, Double(point[index]) - x, shift)
                sum += part.value
                moving += part.isMoving ? 1 : 0
            }
            return (sum, moving)
        }
        var bracket = (low: 0.0, high: Self.distance(.linf, point, original, count: count))
        var shift = 0.0
        for _ in 0..<200 {
            let (sum, moving) = spent(shift)
            if sum <= epsilon { bracket.high = shift } else { bracket.low = shift }
            if sum <= epsilon, shift == 0 || sum >= epsilon * (1 - 1e-9) { break }
            let next = moving > 0 ? shift + (sum - epsilon) / moving : .nan
            let isInside = next > bracket.low && next < bracket.high
            let candidate = isInside ? next : (bracket.low + bracket.high) / 2
            if candidate <= bracket.low || candidate >= bracket.high { break }
            shift = candidate
        }
        shift = spent(shift).sum <= epsilon * (1 + 1e-9) ? shift : bracket.high
        settle(point, original, count) { x, change in
            let size = shrunk(x, change, shift).value
            return change < 0 ? -size : size
        }
    }

    /// Keeps the changes that are worth most, as many as epsilon allows, and takes the others back.
    private func keepLargest(
        _ point: UnsafeMutablePointer<Float>, _ original: UnsafePointer<Float>, _ count: Int, _ epsilon: Double
    ) {
        if contains(point, around: original, count: count) { return }
        makeFinite(point, original, count)
        let allowed = Int(min(epsilon, Double(count)))
        var worth: [(gain: Double, index: Int)] = []
        for index in 0..<count where point[index] != original[index] {
            let x = Double(original[index])
            let change = Double(point[index]) - x
            let clipped = Double(min(max(point[index], low), high)) - x
            worth.append((change * change - (change - clipped) * (change - clipped), index))
        }
        worth.sort { ($0.gain, -$0.index) > ($1.gain, -$1.index) }
        for (rank, entry) in worth.enumerated() {
            let index = entry.index
            point[index] = rank < allowed ? min(max(point[index], low), high) : original[index]
        }
    }
}
