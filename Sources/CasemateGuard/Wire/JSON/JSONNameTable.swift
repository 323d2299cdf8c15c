/// The names of an object with many members: a hash table of tokens, so that no name is copied.
///
/// why not the hash that tokens carry: names are chosen by callers, who could make all of those equal; this one is
/// seeded anew in each process.
struct JSONNameTable {
    /// Indices of tokens plus 1; 0 where nothing is. A power of two, at most half full.
    private var slots: [Int32]
    private var count = 0

    init() { slots = [Int32](repeating: 0, count: 128) }

    /// Adds the name of a token.
    /// - Parameters:
    ///   - hash: Hash of the name of a token.
    ///   - isSame: Whether two tokens have the same name.
    /// - Returns: `false` when the name is there already.
    mutating func insert(_ token: Int, hash: (Int) -> Int, isSame: (Int, Int) -> Bool) -> Bool {
        if count * 2 >= slots.count { grow(hash) }
        var place = hash(token) & (slots.count - 1)
        while slots[place] != 0 {
            if isSame(Int(slots[place]) - 1, token) { return false }
            place = (place + 1) & (slots.count - 1)
        }
        slots[place] = Int32(token + 1)
        count += 1
        return true
    }

    private mutating func grow(_ hash: (Int) -> Int) {
        let old = slots
        slots = [Int32](repeating: 0, count: old.count * 4)
        for slot in old where slot != 0 {
            var place = hash(Int(slot) - 1) & (slots.count - 1)
            while slots[place] != 0 { place = (place + 1) & (slots.count - 1) }
            slots[place] = slot
        }
    }
}
