import CasemateData
import CasemateModels

/// Puts the columns of a body into a model's inputs.
struct MLflowBinder {
    private let model: ModelDescription
    private let buffers: [any MLflowBuffer]
    let columns: [any MLflowColumn]
    /// What the columns are called, in order; a name for each, whether the model has it or it only counts.
    let names: [String]
    /// Whether rows without names cannot be told.
    let needsNames: Bool
    private(set) var rows = 0

    /// Makes columns for a model.
    /// - Parameter width: Values of a row, for a model that takes rows of any width.
    /// - Throws: `GuardRefusal` with `malformed` for a model that has no columns.
    init(_ model: ModelDescription, width: Int?) throws {
        self.model = model
        guard model.layout == .columns || (model.inputs.count == 1 && (model.inputs.first?.shape.count ?? 0) <= 2)
        else {
            throw Self.refusal("this model takes tensors that are no table; ask it by the Open Inference Protocol")
        }
        var made = MLflowColumnMaker(takesMissing: model.takesMissing)
        if model.layout == .columns {
            let features = Dictionary(model.features.map { ($0.name, $0) }) { first, _ in first }
            for port in model.inputs {
                made.add(port.type, [.init(name: port.name, levels: features[port.name]?.levels)])
            }
            (names, needsNames) = (model.inputs.map(\.name), true)
        } else {
            let port = model.inputs.first
            let count = port?.shape.count == 2 ? port?.shape[1] ?? model.features.count : 1
            let isKnown = count > 0 && model.features.count == count
            let wanted = count > 0 ? count : width ?? 0
            guard wanted > 0, wanted <= 1 << 20 else { throw Self.refusal("a row has no values") }
            let names = (0..<wanted).map { isKnown ? model.features[$0].name : "column \($0)" }
            needsNames = isKnown && model.layout != .text && !Self.onlyCount(names)
            self.names = names
            made.add(
                port?.type ?? .float,
                (0..<wanted).map { .init(name: names[$0], levels: isKnown ? model.features[$0].levels : nil) })
        }
        (buffers, columns) = (made.buffers, made.columns)
    }

    static func refusal(_ what: String, _ field: String = "") -> GuardRefusal {
        GuardRefusal(.malformed, what, field: field, reason: "table")
    }

    /// Whether names are a common word with the position behind it, as those are that nobody gave.
    private static func onlyCount(_ names: [String]) -> Bool {
        guard let first = names.first else { return true }
        for start in [0, 1] where first.hasSuffix(String(start)) {
            let word = first.dropLast()
            if names.indices.allSatisfy({ names[$0] == word + String($0 + start) }) { return true }
        }
        return false
    }

    // MARK: Names

    /// Which column each position of a body's rows goes to; `nil` for those that the model does not have.
    /// - Parameter given: Names in the order of the positions; `nil` where rows have none.
    /// - Throws: `GuardRefusal` with `malformed` for doubled names, missing columns, and another number of columns where
    ///   positions decide.
    func positions(_ given: [String]?, count: Int) throws -> [Int?] {
        guard let given else {
            guard !needsNames else {
                throw Self.refusal("the model's columns have names, and the rows have none")
            }
            guard count == columns.count else { throw Self.refusal("a row has \(columns.count) values") }
            return (0..<count).map { $0 }
        }
        if !needsNames, given.count == columns.count, Set(given) != Set(names) { return (0..<count).map { $0 } }
        var found: [String: Int] = [:]
        for (position, name) in given.enumerated() {
            guard found.updateValue(position, forKey: name) == nil else {
                throw Self.refusal("has the name of another column", "columns[\(position)]")
            }
        }
        var positions = [Int?](repeating: nil, count: given.count)
        for (column, name) in names.enumerated() {
            guard let position = found[name] else { throw Self.refusal("this column is missing", name) }
            positions[position] = column
        }
        return positions
    }

    // MARK: Rows

    /// Makes room for one row, or more.
    /// - Throws: `GuardRefusal` with `malformed` above the rows that one call may carry.
    mutating func begin(_ count: Int = 1) throws {
        if let most = model.fixedBatch, rows + count > most {
            throw Self.refusal("one call may carry at most \(most) rows")
        }
        for buffer in buffers { buffer.grow(by: count) }
        rows += count
    }

    /// Puts a value into a column.
    func set(_ row: Int, _ column: Int, _ value: JSONValue) throws {
        let column = columns[column]
        switch value.token.kind {
        case .number:
            try value.document.bytes.withUnsafeBufferPointer { buffer in
                var at = Int(value.token.start)
                try column.set(row, JSONDecimal(buffer, at: &at))
            }
        case .text: try column.set(row, value.text ?? "")
        case .yes: try column.set(row, true)
        case .no: try column.set(row, false)
        case .null: try column.setMissing(row)
        case .numbers, .list, .object: throw Self.refusal("row \(row) holds a value that is no single one")
        }
    }

    /// Puts the numbers of a list of numbers into the columns of a row, or into the rows of a column.
    func set(_ numbers: JSONValue, _ place: (Int) -> (row: Int, column: Int)?) throws {
        try numbers.document.bytes.withUnsafeBufferPointer { buffer in
            var at = Int(numbers.token.start)
            for index in 0..<numbers.count {
                JSONDecimal.skip(buffer, &at)
                let number = JSONDecimal(buffer, at: &at)
                guard let (row, column) = place(index) else { continue }
                try columns[column].set(row, number)
            }
        }
    }

    /// The request.
    /// - Throws: `GuardRefusal` with `malformed` when there are no rows, and for numbers beyond a narrow type's range.
    func request() throws -> InferenceRequest {
        guard rows > 0 else { throw Self.refusal("there are no rows") }
        let tensors = try zip(model.inputs, buffers).map { port, buffer in
            guard port.type.holds(buffer.storage) else {
                throw Self.refusal("a number is out of the range of \(TensorDatatype.name(port.type))", port.name)
            }
            let rest = model.layout == .columns ? 1 : columns.count
            let shape = port.shape.count < 2 ? [rows] : [rows, rest] + port.shape.dropFirst(2).map { _ in 1 }
            return NamedTensor(port.name, Tensor(shape: shape, buffer.storage))
        }
        return InferenceRequest(inputs: tensors, rows: rows, model: model)
    }
}
