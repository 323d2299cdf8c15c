import CasemateCore
import CasemateData

extension OutlierEnsemble {
    /// The columns that make a row odd: each detector's shares, weighed by how odd it finds the row.
    ///
    /// The forest's are the bits of its cuts, those of the distances the squared gaps to the neighbours, those of the
    /// scatters the squared residual of a column given the others, those of the autoencoder its squared errors; of the
    /// last two only what is beyond the usual counts.
    /// - Parameter weights: How much each part counts, not negative.
    func columns(
        _ values: UnsafeBufferPointer<Float>, at start: Int, weights: [Double], limit: Int
    ) throws -> [OutlierScore.Column] {
        guard let base = values.baseAddress else { return [] }
        var room = Room(self)
        space.write(base + start, to: &room.point)
        var shares = [Double](repeating: 0, count: space.features.count)
        for (part, weight) in zip(parts, weights) where weight > 0 {
            var own = [Double](repeating: 0, count: space.features.count)
            try add(part, values, at: start, to: &own, &room)
            let sum = own.reduce(0, +)
            guard sum > 0, sum.isFinite else { continue }
            for feature in own.indices { shares[feature] += weight * own[feature] / sum }
        }
        let weight = max(weights.reduce(0, +), 1)
        for feature in space.newColumns(base + start) { shares[feature] += weight }
        let total = shares.reduce(0, +)
        guard total > 0 else { return [] }
        let order = shares.indices.sorted { (shares[$1], $0) < (shares[$0], $1) }
        // why: what has no more than its even part of the oddness explains nothing.
        let least = total * min(0.1, 1.5 / Double(max(1, space.used.count)))
        return order.prefix(limit).filter { shares[$0] > least }
            .map { OutlierScore.Column(feature: $0, share: shares[$0] / total) }
    }

    private func add(
        _ part: Part, _ values: UnsafeBufferPointer<Float>, at start: Int, to own: inout [Double],
        _ room: inout Room
    ) throws {
        if part == .forest {
            own.withUnsafeMutableBufferPointer { forest.addShares(values, at: start, to: $0) }
            return
        }
        for place in room.numbers.indices { room.numbers[place] = 0 }
        switch part {
        case .forest: return
        case .neighbours: try neighbours.add(parts: &room.numbers, of: room.point)
        case .robustScatter: robust.write(parts: &room.numbers, of: room.point)
        case .rankScatter:
            space.clip(&room.point)
            plain.write(parts: &room.numbers, of: room.point)
        case .autoencoder:
            space.clip(&room.point)
            network?.add(parts: &room.numbers, of: room.point, &room.network)
        }
        let usual = part == .neighbours ? 0.0 : 1.0
        for (place, owner) in space.owners.enumerated() { own[owner] += max(0, room.numbers[place] - usual) }
    }
}

extension OutlierSpace {
    /// Number of columns whose value in this row is of a kind that was never seen.
    func newCount(_ row: UnsafePointer<Float>) -> Int {
        columns.withUnsafeBufferPointer { columns in
            var found = 0
            for place in columns.indices where columns[place].isNew(row[place]) { found += 1 }
            return found
        }
    }
}
