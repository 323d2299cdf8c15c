import CasemateData

extension EvasionSession {
    /// How far a row is from its original: distance in the norm of the session, and number of changed units.
    struct Measured {
        var squares: Float = 0, sum: Float = 0, largest: Float = 0
        var changed = 0

        @inline(__always)
        mutating func add(_ amount: Float) {
            squares += amount * amount
            sum += amount
            largest = max(largest, amount)
            if amount != 0 { changed += 1 }
        }
        @inline(__always)
        func distance(_ norm: FeatureSpace.Norm) -> Float {
            switch norm {
            case .l0: Float(changed)
            case .l1: sum
            case .l2: squares.squareRoot()
            case .linf: largest
            }
        }
    }

    /// Decodes a point into a row inside the space and measures it; puts it behind the pending rows and counts the
    /// query, unless it cannot be repaired: then its value is infinite.
    @inline(__always)
    func append(_ point: UnsafeMutableBufferPointer<Float>, of sample: Int) -> (value: Float, changed: Int) {
        let width = problem.space.features.count
        let before = original.row(sample, width)
        let start = rows.count
        rows.append(contentsOf: before)
        let measured = rows.withUnsafeMutableBufferPointer { rows in
            let row = UnsafeMutableBufferPointer(rebasing: rows[start..<start + width])
            let decoded = decode(point, of: sample, into: row)
            if isPlain { return (decoded.distance(norm), decoded.changed) }
            return decoded.changed == 0 ? (0, 0) : settle(row, of: sample)
        }
        if measured.0 < .infinity { queries[sample] += 1 } else { rows.removeLast(width) }
        return measured
    }

    /// Whether rows are lawful as soon as they are decoded, and measured by their distance.
    private var isPlain: Bool { !spaceRules.areNeeded && objective == .distance }

    /// Forces a row into the space and measures it; a value that is infinite says that it cannot be repaired, which is
    /// counted.
    func settle(_ row: UnsafeMutableBufferPointer<Float>, of sample: Int) -> (value: Float, changed: Int) {
        let before = UnsafeBufferPointer(original.row(sample, problem.space.features.count))
        guard spaceRules.areNeeded else {
            problem.space.project(row, around: before)
            return measure(UnsafeBufferPointer(row), of: sample)
        }
        // why: a row may break rules before anything is changed; it is left alone then.
        if isSame(row, before) { return (0, 0) }
        if spaceRules.repair(row, around: before) {
            let measured = measure(UnsafeBufferPointer(row), of: sample)
            if measured.value < .infinity { return measured }
        }
        unrepairable[sample] += 1
        return (.infinity, 0)
    }

    private func isSame(_ row: UnsafeMutableBufferPointer<Float>, _ other: UnsafeBufferPointer<Float>) -> Bool {
        row.indices.allSatisfy { row[$0] == other[$0] || row[$0].isNaN && other[$0].isNaN }
    }

    /// Writes what moves; `row` holds the original.
    @inline(__always)
    private func decode(
        _ point: UnsafeMutableBufferPointer<Float>, of sample: Int, into row: UnsafeMutableBufferPointer<Float>
    ) -> Measured {
        var measured = Measured()
        encoding.numeric.withUnsafeBufferPointer { numeric in
            room[sample].isPlain.withUnsafeBufferPointer { isPlain in
                rules.withUnsafeBufferPointer { rules in
                    for coordinate in numeric.indices where point[coordinate] != 0 {
                        let feature = numeric[coordinate]
                        let rule = rules[coordinate]
                        let before = row[feature]
                        let wanted = before + point[coordinate] * rule.scale
                        let after =
                            isPlain[coordinate]
                            ? min(max(wanted, rule.low), rule.high) : nearest(wanted, feature, before)
                        row[feature] = after
                        measured.add(abs(after - before) / rule.scale)
                    }
                }
            }
        }
        for (position, unit) in encoding.discrete.enumerated() {
            guard let level = level(of: unit, point, held: room[sample].held[position], sample) else { continue }
            write(level, of: unit, into: row)
            measured.add(1)
        }
        return measured
    }

    @inline(never)
    private func nearest(_ value: Float, _ feature: Int, _ before: Float) -> Float {
        problem.space.rules[feature].nearest(to: value, from: before)
    }

    /// The level that a unit moves to; `nil` when it stays.
    ///
    /// A row that holds no valid level moves when a coordinate passes half the way.
    func level(of unit: Encoding.Discrete, _ point: UnsafeMutableBufferPointer<Float>, held: Int, _ sample: Int) -> Int?
    {
        let limits = high.values.baseAddress.map { $0 + sample * dimension + unit.offset }
        var best = held >= 0 ? encoding.amplitude + point[unit.offset + held] : encoding.amplitude / 2
        var chosen: Int?
        for level in 0..<unit.levels where level != held {
            guard let limits, limits[level] > 0, point[unit.offset + level] > best else { continue }
            best = point[unit.offset + level]
            chosen = level
        }
        return chosen
    }

    /// Makes a row hold a level.
    func write(_ level: Int, of unit: Encoding.Discrete, into row: UnsafeMutableBufferPointer<Float>) {
        guard unit.isGroup else {
            row[unit.members[0]] = Float(level)
            return
        }
        for (position, member) in unit.members.enumerated() {
            let value: Float = position == level ? 1 : 0
            if row[member] != value { row[member] = value }
        }
    }

    /// The point of a row, each level at a corner; what the row holds beyond the sample's limits is left out.
    func encode(
        _ row: UnsafeBufferPointer<Float>, for sample: Int, into point: UnsafeMutableBufferPointer<Float>
    ) {
        let before = original.row(sample, problem.space.features.count)
        for (coordinate, feature) in encoding.numeric.enumerated() {
            let offset = (row[feature] - before[feature]) / rules[coordinate].scale
            point[coordinate] = offset.isNaN ? 0 : offset
        }
        for (position, unit) in encoding.discrete.enumerated() {
            place(encoding.heldLevel(unit, row), of: unit, held: room[sample].held[position], into: point)
        }
    }

    /// Sets the coordinates of a unit to the corner of `level`; `nil` leaves the unit where the original is.
    func place(_ level: Int?, of unit: Encoding.Discrete, held: Int, into point: UnsafeMutableBufferPointer<Float>) {
        for index in 0..<unit.levels { point[unit.offset + index] = 0 }
        guard let level, level != held else { return }
        if held >= 0 { point[unit.offset + held] = -encoding.amplitude }
        point[unit.offset + level] = encoding.amplitude
    }

    /// What the objective says of a row that is in the space, and the number of changed features.
    func measure(_ row: UnsafeBufferPointer<Float>, of sample: Int) -> (value: Float, changed: Int) {
        let before = original.row(sample, problem.space.features.count)
        var measured = Measured()
        for (coordinate, feature) in encoding.numeric.enumerated() where row[feature] != before[feature] {
            let amount = abs(row[feature] - before[feature]) / rules[coordinate].scale
            if !amount.isNaN { measured.add(amount) }
        }
        for unit in encoding.discrete
        where unit.members.contains(where: { row[$0] != before[$0] && !(row[$0].isNaN && before[$0].isNaN) }) {
            measured.add(1)
        }
        if objective == .cost {
            return (Float(spaceRules.cost(from: UnsafeBufferPointer(before), to: row)), measured.changed)
        }
        return (measured.distance(norm), measured.changed)
    }
}
