import CasemateModels

/// Takes the cells of one column, row by row, in whatever form they stand in a body.
protocol MLflowColumn {
    /// Takes a number.
    func set(_ row: Int, _ number: JSONDecimal) throws
    /// Takes a text.
    func set(_ row: Int, _ text: String) throws
    /// Takes a truth value.
    func set(_ row: Int, _ flag: Bool) throws
    /// Takes a missing value.
    func setMissing(_ row: Int) throws
    /// Takes a cell of a CSV file.
    func set(_ row: Int, cell: String) throws
}

/// The values of one tensor while they are gathered; a row is `stride` of them.
protocol MLflowBuffer: AnyObject {
    /// Makes room for rows.
    func grow(by rows: Int)
    /// The values.
    var storage: Tensor.Storage { get }
}

final class MLflowValues<Value>: MLflowBuffer {
    var values: [Value] = []
    let stride: Int
    private let filler: Value
    private let wrap: ([Value]) -> Tensor.Storage

    init(_ filler: Value, stride: Int, _ wrap: @escaping ([Value]) -> Tensor.Storage) {
        (self.filler, self.stride, self.wrap) = (filler, stride, wrap)
    }
    func grow(by rows: Int) { values.append(contentsOf: repeatElement(filler, count: rows * stride)) }
    var storage: Tensor.Storage { wrap(values) }
}

/// What columns of all kinds say of cells that do not fit.
struct MLflowCell {
    let name: String

    func odd(_ row: Int, _ wanted: String) -> GuardRefusal {
        GuardRefusal(.malformed, "row \(row) holds something else than \(wanted)", field: name, reason: "cell")
    }
    func missing(_ row: Int) -> GuardRefusal {
        GuardRefusal(
            .unprocessable, "row \(row) has no value, and the model does not take missing ones", field: name,
            reason: "missing")
    }
}

/// Numbers; for a feature with levels, also their names.
struct MLflowNumbers<Value: JSONNumeric>: MLflowColumn {
    let cell: MLflowCell
    let buffer: MLflowValues<Value>
    let offset: Int
    /// What stands for a missing value; `nil` where none may be missing.
    let missing: Value?
    /// What the type is called.
    let wanted: String
    /// Names of levels, and the numbers that stand for them.
    let levels: [String: Value]

    private func put(_ row: Int, _ value: Value) { buffer.values[row * buffer.stride + offset] = value }

    func set(_ row: Int, _ number: JSONDecimal) throws {
        guard let value = Value.make(number) else { throw cell.odd(row, wanted) }
        put(row, value)
    }
    func set(_ row: Int, _ text: String) throws {
        guard !levels.isEmpty else { throw cell.odd(row, wanted) }
        guard let level = levels[text] else {
            throw GuardRefusal(
                .unprocessable, "row \(row) holds no known level", field: cell.name, reason: "level")
        }
        put(row, level)
    }
    func set(_ row: Int, _ flag: Bool) throws { throw cell.odd(row, wanted) }
    func setMissing(_ row: Int) throws {
        guard let missing else { throw cell.missing(row) }
        put(row, missing)
    }
    func set(_ row: Int, cell text: String) throws {
        if MLflowCSV.missing.contains(text) { return try setMissing(row) }
        if !levels.isEmpty { return try set(row, text) }
        // why: CSV writers put signs, zeros and points where JSON does not; none of that changes the number.
        var digits = text.drop { $0 == " " }.drop { $0 == "+" }
        while digits.last == " " { digits.removeLast() }
        if digits.first == "." { digits = "0" + digits }
        if digits.last == "." { digits += "0" }
        var bytes = Array(digits.utf8)
        let number = bytes.withUnsafeBufferPointer { buffer -> Value? in
            var parser = JSONParser(buffer, limits: .init())
            guard let first = buffer.first, JSONDecimal.begins(first) else { return nil }
            guard (try? parser.number()) != nil, parser.at == buffer.count else { return nil }
            var at = 0
            return Value.make(JSONDecimal(buffer, at: &at))
        }
        bytes.removeAll()
        guard let number else { throw cell.odd(row, wanted) }
        put(row, number)
    }
}

/// Truth values.
struct MLflowFlags: MLflowColumn {
    let cell: MLflowCell
    let buffer: MLflowValues<Bool>
    let offset: Int

    func set(_ row: Int, _ number: JSONDecimal) throws { throw cell.odd(row, "true or false") }
    func set(_ row: Int, _ text: String) throws { throw cell.odd(row, "true or false") }
    func set(_ row: Int, _ flag: Bool) throws { buffer.values[row * buffer.stride + offset] = flag }
    func setMissing(_ row: Int) throws { throw cell.missing(row) }
    func set(_ row: Int, cell text: String) throws {
        switch text {
        case "true", "True", "TRUE": try set(row, true)
        case "false", "False", "FALSE": try set(row, false)
        default: throw cell.odd(row, "true or false")
        }
    }
}

/// Texts; a missing one is the empty text, as everywhere in this product.
struct MLflowTexts: MLflowColumn {
    let cell: MLflowCell
    let buffer: MLflowValues<String>
    let offset: Int

    func set(_ row: Int, _ number: JSONDecimal) throws { throw cell.odd(row, "a text") }
    func set(_ row: Int, _ text: String) throws {
        guard !text.utf8.contains(0) else { throw cell.odd(row, "a text without zero bytes") }
        buffer.values[row * buffer.stride + offset] = text
    }
    func set(_ row: Int, _ flag: Bool) throws { throw cell.odd(row, "a text") }
    func setMissing(_ row: Int) throws {}
    func set(_ row: Int, cell text: String) throws { try set(row, text) }
}
