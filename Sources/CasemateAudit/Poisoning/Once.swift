/// Something that is made when it is first asked for, and once.
final class Once<Value> {
    private let make: () throws -> Value
    private var made: Value?

    /// Keeps how it is made.
    init(_ make: @escaping () throws -> Value) { self.make = make }

    /// The thing.
    /// - Throws: what making it throws, each time.
    func get() throws -> Value {
        if let made { return made }
        let value = try make()
        made = value
        return value
    }
}
