/// Small questions about values of any type.
enum ServedStorage {
    /// Whether values are the same but for the last digits, which the order of a sum decides.
    static func isClose(_ one: Tensor.Storage, _ other: Tensor.Storage) -> Bool {
        switch (one, other) {
        case (.float, .float), (.double, .double), (.float16, .float16):
            guard let left = one.doubles, let right = other.doubles, left.count == right.count else { return false }
            let tolerance = if case .float16 = one { 1e-2 } else { 1e-3 }
            return zip(left, right).allSatisfy { a, b in
                a == b || a.isNaN && b.isNaN || abs(a - b) <= tolerance * max(1, abs(a), abs(b))
            }
        default: return one == other
        }
    }
}
