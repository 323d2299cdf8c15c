/// Rows of one width that lie behind each other, as attacks keep them: one a lane.
enum RowBlocks {
    /// Keeps the rows of some lanes, in order, and drops the others.
    static func keep(_ lanes: [Int], width: Int, in rows: inout [Float]) {
        guard lanes.count * width < rows.count else { return }
        rows.withUnsafeMutableBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return }
            for (place, lane) in lanes.enumerated() where place != lane {
                (base + place * width).update(from: base + lane * width, count: width)
            }
        }
        rows.removeLast(rows.count - lanes.count * width)
    }

    /// Copies the row of a lane into the same lane of other rows.
    static func copy(_ lane: Int, width: Int, from: [Float], to: inout [Float]) {
        from.withUnsafeBufferPointer { from in
            to.withUnsafeMutableBufferPointer { to in
                guard let source = from.baseAddress, let base = to.baseAddress else { return }
                (base + lane * width).update(from: source + lane * width, count: width)
            }
        }
    }
}

extension Array {
    /// The elements at some places, in the order of the places.
    func kept(_ places: [Int]) -> [Element] { places.map { self[$0] } }
}
