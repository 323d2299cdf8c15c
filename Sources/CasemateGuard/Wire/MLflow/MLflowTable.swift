import CasemateModels

/// Reads the four JSON forms of MLflow's scoring protocol.
///
/// Source: MLflow 3, "Deploy MLflow Model as a Local Inference Server".
struct MLflowTable {
    private let model: ModelDescription
    private let form: String
    private let body: JSONValue

    /// The forms, of which a body has exactly one.
    static let forms = ["dataframe_split", "dataframe_records", "instances", "inputs"]

    /// Looks at the outside of a body.
    /// - Throws: `GuardRefusal` with `malformed`.
    init(_ root: JSONValue, _ model: ModelDescription) throws {
        guard root.isObject else { throw MLflowBinder.refusal("the body is no JSON object") }
        let found = Self.forms.filter { root[$0] != nil }
        guard found.count == 1, let form = found.first, let body = root[form] else {
            throw MLflowBinder.refusal("the body needs exactly one of \(Self.forms.joined(separator: ", "))")
        }
        if let params = root["params"] {
            guard params.isNull || (params.isObject && params.count == 0) else {
                throw MLflowBinder.refusal("the model takes no params", "params")
            }
        }
        (self.model, self.form, self.body) = (model, form, body)
    }

    /// The request.
    /// - Throws: `GuardRefusal` with `malformed` or `unprocessable`.
    func request() throws -> InferenceRequest {
        if form == "inputs" || form == "instances", let tensor = try tensor() { return tensor }
        switch form {
        case "dataframe_split": return try split()
        case "dataframe_records": return try records(body)
        case "inputs" where body.isObject: return try columnwise()
        default:
            if body.first?.isObject ?? false { return try records(body) }
            return try unnamed()
        }
    }

    private func refusal(_ what: String, _ field: String = "") -> GuardRefusal {
        MLflowBinder.refusal(what, field.isEmpty ? form : form + field)
    }

    // MARK: Rows as lists

    private func split() throws -> InferenceRequest {
        guard body.isObject, let data = body["data"], data.token.kind == .list else {
            throw refusal("is no object with the rows under data")
        }
        // why: a frame whose columns nobody named has their numbers there.
        if let columns = body["columns"], columns.isList, columns.token.kind == .numbers {
            let width = data.first?.count ?? 0
            guard columns.count == width else {
                throw refusal("has another number of columns than the rows", ".columns")
            }
            return try rows(data, nil)
        }
        let names = try body["columns"].map(names)
        return try rows(data, names)
    }

    private func names(_ list: JSONValue) throws -> [String] {
        guard list.token.kind == .list else { throw refusal("is no list of texts", ".columns") }
        var names: [String] = []
        try list.forEachItem { index, item in
            guard let name = item.text else { throw refusal("is no text", ".columns[\(index)]") }
            names.append(name)
        }
        return names
    }

    private func unnamed() throws -> InferenceRequest {
        guard body.isList, body.count > 0 else { throw refusal("is no list of rows") }
        if body.first?.isList ?? false { return try rows(body, nil) }
        // Single values are rows of a model that takes one.
        var binder = try MLflowBinder(model, width: 1)
        _ = try binder.positions(nil, count: 1)
        try binder.begin(body.count)
        if body.token.kind == .numbers {
            try binder.set(body) { ($0, 0) }
        } else {
            try body.forEachItem { row, item in try binder.set(row, 0, item) }
        }
        return try binder.request()
    }

    private func rows(_ data: JSONValue, _ names: [String]?) throws -> InferenceRequest {
        let width = names?.count ?? data.first?.count ?? 0
        var binder = try MLflowBinder(model, width: width)
        let positions = try binder.positions(names, count: width)
        try data.forEachItem { row, list in
            guard list.isList, list.count == width else {
                throw refusal("the row is no list of as many values as there are columns", "[\(row)]")
            }
            try binder.begin()
            if list.token.kind == .numbers {
                try binder.set(list) { position in positions[position].map { (row, $0) } }
            } else {
                try list.forEachItem { position, item in
                    if let column = positions[position] { try binder.set(row, column, item) }
                }
            }
        }
        return try binder.request()
    }

    // MARK: Rows as objects

    private func records(_ list: JSONValue) throws -> InferenceRequest {
        guard list.token.kind == .list, list.count > 0 else { throw refusal("is no list of objects") }
        var binder = try MLflowBinder(model, width: list.first?.count)
        // why: one column of text may be called anything, since the model's graph does not name it.
        let takesAnyName = model.layout == .text
        let index = Dictionary(binder.names.enumerated().map { ($1, $0) }) { first, _ in first }
        try list.forEachItem { row, item in
            guard item.isObject else { throw refusal("the row is no object", "[\(row)]") }
            try binder.begin()
            var (found, at) = (0, 0)
            try item.forEachMember { name, value in
                // Rows mostly have their members in one order: the names of the model, one after the other.
                let isNext = at < binder.names.count && item.document.isText(name, binder.names[at])
                let column =
                    isNext ? at : takesAnyName && item.count == 1 ? Optional(0) : index[item.document.text(name)]
                guard let column else { return }
                at = column + 1
                found += 1
                try binder.set(row, column, value)
            }
            guard found == binder.names.count else {
                let odd = binder.names.first { item[$0] == nil } ?? ""
                throw MLflowBinder.refusal("this column is missing in row \(row)", odd)
            }
        }
        return try binder.request()
    }

    // MARK: Columns

    private func columnwise() throws -> InferenceRequest {
        var lists: [(name: String, list: JSONValue)] = []
        try body.forEachMember { name, list in
            guard list.isList else { throw refusal("a column is no list") }
            lists.append((body.document.text(name), list))
        }
        var binder = try MLflowBinder(model, width: lists.count)
        let positions = try binder.positions(
            model.layout == .text && lists.count == 1 ? binder.names : lists.map(\.name), count: lists.count)
        let count = lists.first?.list.count ?? 0
        guard lists.allSatisfy({ $0.list.count == count }) else {
            throw refusal("the columns have different numbers of values")
        }
        try binder.begin(count)
        for (position, entry) in lists.enumerated() {
            guard let column = positions[position] else { continue }
            if entry.list.token.kind == .numbers {
                try binder.set(entry.list) { ($0, column) }
            } else {
                try entry.list.forEachItem { row, item in
                    // A cell may be a list of one, as for inputs of shape [N, 1].
                    guard item.isList, item.count == 1 else { return try binder.set(row, column, item) }
                    if let inner = item.first { return try binder.set(row, column, inner) }
                    try binder.set(item) { _ in (row, column) }
                }
            }
        }
        return try binder.request()
    }

    // MARK: Tensors

    /// Nested lists for a model whose only input has more than two axes; `nil` for other models.
    private func tensor() throws -> InferenceRequest? {
        guard model.layout != .columns, model.inputs.count == 1, let port = model.inputs.first, port.shape.count > 2
        else { return nil }
        var shape: [Int] = []
        var count = 1
        var (level, isOpen): (JSONValue?, Bool) = (body, true)
        while isOpen, shape.count < port.shape.count {
            guard let list = level, list.isList, list.count > 0 else {
                throw refusal("is no tensor of the model's form")
            }
            shape.append(list.count)
            let (product, isOver) = count.multipliedReportingOverflow(by: list.count)
            guard !isOver else { throw refusal("has more values than can be") }
            count = product
            (level, isOpen) = (list.first, list.token.kind == .list)
        }
        guard shape.count == port.shape.count,
            zip(shape, port.shape).dropFirst().allSatisfy({ $1 == nil || $0 == $1 }),
            shape[0] <= model.fixedBatch ?? Int.max
        else { throw refusal("is no tensor of the model's form") }
        let storage = try TensorText(port: port, shape: shape, count: count).storage(body)
        return InferenceRequest(
            inputs: [NamedTensor(port.name, Tensor(shape: shape, storage))], rows: shape[0], model: model)
    }
}
