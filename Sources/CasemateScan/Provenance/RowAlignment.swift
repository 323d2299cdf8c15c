/// Tells which rows changed between two sequences of short hashes, oldest tool for it: the shortest edit script.
///
/// Source: Myers, "An O(ND) difference algorithm and its variations", Algorithmica 1986. Where more than 1,000 or so rows
/// differ, rows of the same number are compared instead, and where those differ too, the counts of each hash.
package struct RowAlignment {
    /// One row that is not what it was.
    package struct Edit: Hashable, Sendable {
        /// What happened to it.
        package enum Kind: String, Hashable, Sendable, CaseIterable {
            /// The row has another content.
            case changed
            /// The row is new.
            case inserted
            /// The row is new and equal to one that was there already.
            case duplicated
            /// The row is gone.
            case removed
            /// The row stands elsewhere.
            case moved
            /// The row is the same; the line end or blank lines behind it are not.
            case lineEnd = "line end"
        }
        /// What happened.
        package let kind: Kind
        /// Number of the row now and before, from 0; for a duplicate the row that it equals.
        package let row: Int?, oldRow: Int?
    }
    /// Edits in order, at most `limit`, and how many there are of each kind.
    package private(set) var edits: [Edit] = []
    package private(set) var counts: [Edit.Kind: Int] = [:]
    /// Whether rows were aligned; without, only their contents could be compared.
    package private(set) var isAligned = true
    private let limit: Int
    private static let mask = FingerprintFile.hashMask
    private static let mostEdits = 2048

    /// Compares.
    package init(_ old: UnsafeBufferPointer<UInt64>, _ new: UnsafeBufferPointer<UInt64>, limit: Int) {
        self.limit = limit
        let mask = Self.mask
        let shorter = min(old.count, new.count)
        var head = 0, tail = 0
        while head < shorter, (old[head] ^ new[head]) & mask == 0 { head += 1 }
        while tail < shorter - head, (old[old.count - 1 - tail] ^ new[new.count - 1 - tail]) & mask == 0 { tail += 1 }
        let before = UnsafeBufferPointer(rebasing: old[head..<old.count - tail])
        let after = UnsafeBufferPointer(rebasing: new[head..<new.count - tail])
        if before.isEmpty, after.isEmpty {
            compareLayouts(old, new)
        } else if let hunks = EditScript(before, after, most: Self.mostEdits).hunks {
            take(hunks, before, after, old, offset: head)
        } else if before.count == after.count, Self.share(before, after) < 0.5 {
            for index in before.indices where (before[index] ^ after[index]) & mask != 0 {
                add(Edit(kind: .changed, row: head + index, oldRow: head + index))
            }
        } else {
            isAligned = false
            compareCounts(before, after, offset: head)
        }
        edits.sort { ($0.row ?? $0.oldRow ?? 0, $0.oldRow ?? 0) < ($1.row ?? $1.oldRow ?? 0, $1.oldRow ?? 0) }
    }

    private mutating func add(_ edit: Edit) {
        counts[edit.kind, default: 0] += 1
        if edits.count < limit { edits.append(edit) }
    }

    private static func share(_ one: UnsafeBufferPointer<UInt64>, _ other: UnsafeBufferPointer<UInt64>) -> Double {
        var different = 0
        for index in one.indices where (one[index] ^ other[index]) & mask != 0 { different += 1 }
        return Double(different) / Double(max(1, one.count))
    }

    private mutating func compareLayouts(_ old: UnsafeBufferPointer<UInt64>, _ new: UnsafeBufferPointer<UInt64>) {
        for index in old.indices where old[index] != new[index] {
            add(Edit(kind: .lineEnd, row: index, oldRow: index))
        }
    }

    /// Turns removals and insertions into what people would call them.
    private mutating func take(
        _ hunks: [EditScript.Hunk], _ before: UnsafeBufferPointer<UInt64>, _ after: UnsafeBufferPointer<UInt64>,
        _ old: UnsafeBufferPointer<UInt64>, offset: Int
    ) {
        let mask = Self.mask
        var gone: [UInt64: [Int]] = [:]
        for index in hunks.flatMap(\.removed).reversed() { gone[before[index] & mask, default: []].append(index) }
        var movedFrom: Set<Int> = [], movedTo: [Int: Int] = [:]
        for index in hunks.flatMap(\.inserted) {
            if let from = gone[after[index] & mask]?.popLast() {
                movedFrom.insert(from)
                movedTo[index] = from
            }
        }
        var fresh: Set<UInt64> = []
        var pairs: [(row: Int?, oldRow: Int?)] = []
        for hunk in hunks {
            let removed = hunk.removed.filter { !movedFrom.contains($0) }
            let inserted = hunk.inserted.filter { movedTo[$0] == nil }
            for place in 0..<max(removed.count, inserted.count) {
                pairs.append(
                    (place < inserted.count ? inserted[place] : nil, place < removed.count ? removed[place] : nil))
            }
        }
        for pair in pairs { if let row = pair.row { fresh.insert(after[row] & mask) } }
        let originals = Self.places(of: fresh, in: old)
        for (to, from) in movedTo.sorted(by: { $0.key < $1.key }) {
            add(Edit(kind: .moved, row: offset + to, oldRow: offset + from))
        }
        for pair in pairs {
            let original = pair.row.flatMap { originals[after[$0] & mask] }
            switch (pair.row, pair.oldRow) {
            case (let row?, nil) where original != nil:
                add(Edit(kind: .duplicated, row: offset + row, oldRow: original))
            case (let row?, nil): add(Edit(kind: .inserted, row: offset + row, oldRow: nil))
            case (nil, let oldRow?): add(Edit(kind: .removed, row: nil, oldRow: offset + oldRow))
            case (let row?, let oldRow?): add(Edit(kind: .changed, row: offset + row, oldRow: offset + oldRow))
            case (nil, nil): break
            }
        }
    }

    /// The first row of each hash.
    private static func places(of hashes: Set<UInt64>, in rows: UnsafeBufferPointer<UInt64>) -> [UInt64: Int] {
        var places: [UInt64: Int] = [:]
        guard !hashes.isEmpty else { return places }
        for index in rows.indices {
            let hash = rows[index] & mask
            if hashes.contains(hash), places[hash] == nil { places[hash] = index }
        }
        return places
    }

    /// Rows by content alone.
    private mutating func compareCounts(
        _ before: UnsafeBufferPointer<UInt64>, _ after: UnsafeBufferPointer<UInt64>, offset: Int
    ) {
        var (old, new) = (before.map { $0 & Self.mask }, after.map { $0 & Self.mask })
        old.sort()
        new.sort()
        let gone = Self.surplus(of: old, over: new), fresh = Self.surplus(of: new, over: old)
        for (rows, surplus, kind) in [(before, gone, Edit.Kind.removed), (after, fresh, .inserted)] {
            var left = surplus
            for index in rows.indices {
                let hash = rows[index] & Self.mask
                guard let count = left[hash], count > 0 else { continue }
                left[hash] = count - 1
                let number = offset + index
                add(Edit(kind: kind, row: kind == .inserted ? number : nil, oldRow: kind == .removed ? number : nil))
            }
        }
        // Nothing new and nothing gone: the same rows in another order.
        if gone.isEmpty, fresh.isEmpty { counts[.moved] = before.count }
    }

    /// How many more of each hash one sorted list has.
    private static func surplus(of one: [UInt64], over other: [UInt64]) -> [UInt64: Int] {
        var surplus: [UInt64: Int] = [:]
        var index = 0, place = 0
        while index < one.count {
            if place < other.count, other[place] < one[index] {
                place += 1
            } else if place < other.count, other[place] == one[index] {
                (index, place) = (index + 1, place + 1)
            } else {
                surplus[one[index], default: 0] += 1
                index += 1
            }
        }
        return surplus
    }
}

/// The shortest way from one sequence to another by removing and inserting.
struct EditScript {
    /// Rows removed and inserted at one place.
    struct Hunk: Hashable, Sendable {
        var removed: [Int] = [], inserted: [Int] = []
    }
    /// Places in order; `nil` when more edits are needed than allowed, or the search took too long.
    private(set) var hunks: [Hunk]?

    init(_ old: UnsafeBufferPointer<UInt64>, _ new: UnsafeBufferPointer<UInt64>, most: Int) {
        guard abs(old.count - new.count) <= most, let trace = Self.search(old, new, most: most) else { return }
        hunks = Self.script(trace, old.count, new.count)
    }

    /// Farthest reaching paths, one array for each number of edits.
    private static func search(
        _ old: UnsafeBufferPointer<UInt64>, _ new: UnsafeBufferPointer<UInt64>, most: Int
    ) -> [[Int]]? {
        let mask = FingerprintFile.hashMask
        var reach = [Int](repeating: 0, count: 2 * most + 3)
        var trace: [[Int]] = []
        // why: rows that repeat can make every path long.
        var budget = 100_000_000 + 4 * (old.count + new.count)
        let middle = most + 1
        for edits in 0...most {
            for diagonal in stride(from: -edits, through: edits, by: 2) {
                let isDown =
                    diagonal == -edits
                    || diagonal != edits && reach[middle + diagonal - 1] < reach[middle + diagonal + 1]
                var x = isDown ? reach[middle + diagonal + 1] : reach[middle + diagonal - 1] + 1
                var y = x - diagonal
                let start = x
                while x < old.count, y >= 0, y < new.count, (old[x] ^ new[y]) & mask == 0 { (x, y) = (x + 1, y + 1) }
                budget -= x - start + 1
                reach[middle + diagonal] = x
                if x >= old.count, y >= new.count {
                    trace.append(Array(reach[(middle - edits)...(middle + edits)]))
                    return trace
                }
            }
            trace.append(Array(reach[(middle - edits)...(middle + edits)]))
            guard budget > 0 else { return nil }
        }
        return nil
    }

    /// Walks back from the end.
    private static func script(_ trace: [[Int]], _ oldCount: Int, _ newCount: Int) -> [Hunk] {
        var (x, y) = (oldCount, newCount)
        var hunks: [Hunk] = []
        var last: (x: Int, y: Int)?
        for edits in stride(from: trace.count - 1, to: 0, by: -1) {
            let reach = trace[edits - 1]
            func reached(_ diagonal: Int) -> Int {
                let index = diagonal + edits - 1
                return reach.indices.contains(index) ? reach[index] : -1
            }
            let diagonal = x - y
            let isDown =
                diagonal == -edits || diagonal != edits && reached(diagonal - 1) < reached(diagonal + 1)
            let from = isDown ? diagonal + 1 : diagonal - 1
            let fromX = reached(from), fromY = fromX - from
            let toX = isDown ? fromX : fromX + 1, toY = toX - diagonal
            // Places that follow each other without an equal row in between are one.
            if last?.x != toX || last?.y != toY { hunks.append(Hunk()) }
            if isDown {
                hunks[hunks.count - 1].inserted.append(fromY)
            } else {
                hunks[hunks.count - 1].removed.append(fromX)
            }
            (x, y) = (fromX, fromY)
            last = (x, y)
        }
        return hunks.reversed().map { Hunk(removed: $0.removed.reversed(), inserted: $0.inserted.reversed()) }
    }
}
