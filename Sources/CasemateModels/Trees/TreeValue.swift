import CasemateCore

/// A value of a tree file in JSON or UBJSON; a list of numbers alone is kept as such.
indirect enum TreeValue {
    case null, number(Double), text(String), numbers([Double]), list([TreeValue]), object([String: TreeValue])
}

/// A value with the way to it, for messages.
struct TreeField {
    let value: TreeValue
    let place: String

    /// A member of an object; `nil` when it is absent or null.
    func optional(_ name: String) -> TreeField? {
        guard case .object(let members) = value, let member = members[name] else { return nil }
        if case .null = member { return nil }
        return TreeField(value: member, place: "\(place): '\(name)'")
    }
    /// A member of an object that must be there.
    func member(_ name: String) throws(CasemateError) -> TreeField {
        guard let field = optional(name) else { throw malformed("has no '\(name)'") }
        return field
    }
    /// Follows several names.
    func member(_ first: String, _ second: String) throws(CasemateError) -> TreeField {
        try member(first).member(second)
    }
    /// The text.
    func text() throws(CasemateError) -> String {
        guard case .text(let text) = value else { throw malformed("is no text") }
        return text
    }
    /// A number, also one that is written as a text or as a list of one.
    func number() throws(CasemateError) -> Double {
        switch value {
        case .number(let number): return number
        case .numbers(let list) where list.count == 1: return list[0]
        case .text(let text): if let number = Double(text) { return number }
        default: break
        }
        throw malformed("is no number")
    }
    /// A whole number from 0 to 2³¹ - 1.
    func count() throws(CasemateError) -> Int {
        guard let count = Int32(exactly: try number()), count >= 0 else { throw malformed("is no count") }
        return Int(count)
    }
    /// Numbers; `count` of them where it is given.
    func numbers(count: Int? = nil) throws(CasemateError) -> [Double] {
        let numbers: [Double]
        switch value {
        case .numbers(let list): numbers = list
        case .list(let list) where list.isEmpty: numbers = []
        default: throw malformed("is no list of numbers")
        }
        if let count, numbers.count != count { throw malformed("has \(numbers.count) values, not \(count)") }
        return numbers
    }
    /// Whole numbers that fit 32 bits.
    func integers(count: Int? = nil) throws(CasemateError) -> [Int32] {
        var result: [Int32] = []
        let numbers = try numbers(count: count)
        result.reserveCapacity(numbers.count)
        for number in numbers {
            guard let whole = Int32(exactly: number) else {
                throw malformed("holds \(number), which is no whole number")
            }
            result.append(whole)
        }
        return result
    }
    /// The values of a list.
    func list() throws(CasemateError) -> [TreeField] {
        switch value {
        case .list(let list): return list.map { TreeField(value: $0, place: place) }
        case .numbers(let list): return list.map { TreeField(value: .number($0), place: place) }
        default: throw malformed("is no list")
        }
    }
    /// An error about this value.
    func malformed(_ what: String) -> CasemateError {
        CasemateError(.malformed, at: place, what, help: "save the model again")
    }
}

/// What decoding a tree file may take.
struct TreeBudget {
    /// Deepest nesting; XGBoost's files have seven levels.
    static let depth = 24
    private let place: String
    private var left: Int

    /// An allowance and a multiple of the file.
    init(bytes: Int, place: String) {
        self.place = place
        left = 64 << 20 + 24 * bytes
    }
    /// Counts memory before it is taken.
    mutating func take(_ bytes: Int) throws(CasemateError) {
        left -= bytes
        if left < 0 {
            throw CasemateError(
                .limitExceeded, at: place, "decodes to much more than it holds",
                help: "no usual model needs this: check where the file is from")
        }
    }
}
