public import Foundation

/// A committed JSON file of reference figures, read by path of names and positions.
public struct Figures: Sendable {
    /// A JSON value.
    indirect enum Value: Sendable {
        case null, bool(Bool), number(Double), text(String), list([Value]), object([String: Value])
    }
    let value: Value

    /// Reads `Tests/Fixtures/<name>`.
    public init(_ name: String) throws {
        self.init(value: Self.convert(try JSONSerialization.jsonObject(with: Repository.fixture(name))))
    }
    /// Reads JSON text.
    public init(json: Data) throws {
        self.init(value: Self.convert(try JSONSerialization.jsonObject(with: json, options: .fragmentsAllowed)))
    }
    init(value: Value) { self.value = value }

    private static func convert(_ any: Any) -> Value {
        switch any {
        case let object as [String: Any]: .object(object.mapValues(convert))
        case let list as [Any]: .list(list.map(convert))
        case let text as String: .text(text)
        case let number as NSNumber:
            String(cString: number.objCType) == "c" ? .bool(number.boolValue) : .number(number.doubleValue)
        default: .null
        }
    }

    /// A member of an object; null when it is absent.
    public subscript(_ name: String) -> Figures {
        if case .object(let members) = value, let member = members[name] { return Figures(value: member) }
        return Figures(value: .null)
    }
    /// An element of a list; null when it is absent.
    public subscript(_ position: Int) -> Figures {
        if case .list(let list) = value, list.indices.contains(position) { return Figures(value: list[position]) }
        return Figures(value: .null)
    }
    /// The elements of a list, empty for anything else.
    public var list: [Figures] { if case .list(let list) = value { list.map(Figures.init) } else { [] } }
    /// The members of an object, empty for anything else.
    public var members: [String: Figures] {
        if case .object(let members) = value { members.mapValues(Figures.init) } else { [:] }
    }
    /// A number; `"inf"` and `"-inf"` are read as such.
    public var double: Double? {
        switch value {
        case .number(let number): number
        case .text("inf"): .infinity
        case .text("-inf"): -.infinity
        case .text("nan"): .nan
        default: nil
        }
    }
    /// A whole number.
    public var int: Int? { double.flatMap { Int(exactly: $0) } }
    /// A text.
    public var text: String? { if case .text(let text) = value { text } else { nil } }
    /// A truth value.
    public var bool: Bool? { if case .bool(let bool) = value { bool } else { nil } }
    /// Whether the value is null or absent.
    public var isNull: Bool { if case .null = value { true } else { false } }
    /// Numbers of a list.
    public var doubles: [Double] { list.compactMap(\.double) }
    /// Whole numbers of a list.
    public var ints: [Int] { list.compactMap(\.int) }
    /// Texts of a list.
    public var texts: [String] { list.compactMap(\.text) }
}

/// Whether two numbers that may be absent agree: both absent, or within `tolerance` absolutely or relatively.
public func agree(_ one: Double?, _ other: Double?, tolerance: Double = 1e-9) -> Bool {
    switch (one, other) {
    case (nil, nil): true
    case (let one?, let other?): one == other || abs(one - other) <= tolerance * max(1, abs(one), abs(other))
    default: false
    }
}
