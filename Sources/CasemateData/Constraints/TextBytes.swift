import Foundation

/// Texts compared by code points, which is by the bytes of UTF-8: never by canonical equivalence, as Swift's own
/// operators do.
enum TextBytes {
    /// Below zero, zero or above zero, as `left` comes before, at or behind `right`.
    static func order(_ left: String, _ right: String) -> Int {
        withBytes(left, right) { left, right in
            let shared = min(left.count, right.count)
            let order = compare(left, right, shared)
            return order != 0 ? order : left.count - right.count
        }
    }
    /// Whether both hold the same code points.
    static func equal(_ left: String, _ right: String) -> Bool { order(left, right) == 0 }

    /// Whether `part` stands at the start, at the end or anywhere in `text`.
    static func finds(_ part: String, in text: String, _ search: ConstraintSearch) -> Bool {
        withBytes(text, part) { text, part in
            guard part.count <= text.count else { return false }
            switch search {
            case .startsWith: return compare(text, part, part.count) == 0
            case .endsWith:
                return compare(UnsafeRawBufferPointer(rebasing: text[(text.count - part.count)...]), part, part.count)
                    == 0
            case .contains: return occurs(part, in: text)
            }
        }
    }

    /// Takes time in proportion to both lengths, whatever they hold. Source: Knuth, Morris, Pratt, "Fast pattern matching
    /// in strings", SIAM Journal on Computing, 1977.
    private static func occurs(_ part: UnsafeRawBufferPointer, in text: UnsafeRawBufferPointer) -> Bool {
        guard part.count > 1 else { return part.first.map { text.contains($0) } ?? true }
        var borders = [0]
        borders.reserveCapacity(part.count)
        var length = 0
        for index in 1..<part.count {
            while length > 0, part[index] != part[length] { length = borders[length - 1] }
            if part[index] == part[length] { length += 1 }
            borders.append(length)
        }
        length = 0
        for byte in text {
            while length > 0, byte != part[length] { length = borders[length - 1] }
            if byte == part[length] { length += 1 }
            if length == part.count { return true }
        }
        return false
    }

    private static func compare(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer, _ count: Int) -> Int {
        guard count > 0, let left = left.baseAddress, let right = right.baseAddress else { return 0 }
        return Int(memcmp(left, right, count))
    }

    private static func withBytes<Result>(
        _ left: String, _ right: String, _ body: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) -> Result
    ) -> Result {
        var (left, right) = (left, right)
        return left.withUTF8 { left in
            right.withUTF8 { right in body(UnsafeRawBufferPointer(left), UnsafeRawBufferPointer(right)) }
        }
    }
}
