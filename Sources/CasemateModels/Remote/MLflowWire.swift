import CasemateCore
import Foundation

/// Requests and responses of MLflow's scoring server, `/invocations`.
struct MLflowWire: RemoteWire {
    /// Forms in which rows may stand; a server takes those that fit the model's signature.
    enum Form: String, Hashable, Sendable, CaseIterable, Codable {
        case split = "dataframe_split"
        case inputs, instances
    }
    let path = "/invocations"
    /// Names of the columns; `nil` where rows have none.
    let columns: [String]?
    var form: Form

    var identity: String { "mlflow \(form.rawValue) \((columns ?? []).joined(separator: "|"))" }

    /// The forms to try, in order.
    var forms: [Form] { columns == nil ? [.inputs, .instances] : Form.allCases }

    func body(_ rows: RemoteRows) throws(CasemateError) -> [UInt8] {
        var writer = RemoteJSONWriter(capacity: 128 + rows.count * rows.width * 10)
        switch form {
        case .split:
            writer.raw("{\"dataframe_split\":{")
            if let columns {
                writer.raw("\"columns\":")
                writer.list(columns.count) { $0.text(columns[$1]) }
                writer.raw(",")
            }
            writer.raw("\"data\":")
            list(rows, &writer)
            writer.raw("}}")
        case .inputs, .instances:
            if form == .inputs { writer.raw("{\"inputs\":") } else { writer.raw("{\"instances\":") }
            list(rows, &writer)
            writer.raw("}")
        }
        return writer.bytes
    }

    private func list(_ rows: RemoteRows, _ writer: inout RemoteJSONWriter) {
        switch rows.storage {
        case .matrix(let values, let width):
            writer.list(rows.count) { writer, row in
                writer.list(width) { $0.number(values[row * width + $1]) }
            }
        case .columns(let columns):
            writer.list(rows.count) { writer, row in
                writer.list(columns.count) { writer, column in
                    switch columns[column] {
                    case .floats(let values): writer.number(values[row])
                    case .doubles(let values): writer.number(values[row])
                    // why: pandas takes null for a missing value; the empty string would be a level of its own.
                    case .texts(let texts):
                        if texts[row].isEmpty { writer.raw("null") } else { writer.text(texts[row]) }
                    }
                }
            }
        }
    }

    func outputs(_ json: RemoteJSON, count: Int) throws(RemoteLie) -> RemoteOutputs {
        guard let predictions = json["predictions"] else {
            throw RemoteLie("expected an object with `predictions`, got \(json.kind) without")
        }
        if let members = predictions.members { return try columns(members, count: count) }
        guard let items = predictions.items else {
            throw RemoteLie("`predictions` is \(predictions.kind), expected a list of \(count)")
        }
        guard items.count == count else { throw RemoteLie("got \(items.count) predictions for \(count) rows") }
        if items.first?.members != nil { return try records(items, count: count) }
        return RemoteOutputs(
            count: count, outputs: [try output("predictions", predictions, count: count, items: items)])
    }

    /// One output a name, each a list over the rows.
    private func columns(_ members: [RemoteJSON.Member], count: Int) throws(RemoteLie) -> RemoteOutputs {
        var outputs: [RemoteOutputs.Output] = []
        for member in members {
            guard let items = member.value.items, items.count == count else {
                throw RemoteLie(
                    "'\(OnnxLook.printable(member.name))' is \(member.value.kind), expected a list of \(count)")
            }
            outputs.append(try output(member.name, member.value, count: count, items: items))
        }
        return RemoteOutputs(count: count, outputs: outputs)
    }

    /// One object a row.
    private func records(_ items: [RemoteJSON], count: Int) throws(RemoteLie) -> RemoteOutputs {
        let names = items.first?.members?.map(\.name) ?? []
        guard Set(names).count == names.count, names.count <= 10_000 else {
            throw RemoteLie("the objects of `predictions` name one thing twice")
        }
        var gathered = names.map { _ in [RemoteJSON]() }
        for (row, item) in items.enumerated() {
            guard let members = item.members, members.count == names.count else {
                throw RemoteLie("prediction \(row + 1) has other names than the first")
            }
            for (index, name) in names.enumerated() {
                guard let value = members[index].name == name ? members[index].value : item[name] else {
                    throw RemoteLie("prediction \(row + 1) has no '\(OnnxLook.printable(name))'")
                }
                gathered[index].append(value)
            }
        }
        var outputs: [RemoteOutputs.Output] = []
        for (name, values) in zip(names, gathered) {
            outputs.append(try output(name, .list(values), count: count, items: values))
        }
        return RemoteOutputs(count: count, outputs: outputs)
    }

    private func output(
        _ name: String, _ value: RemoteJSON, count: Int, items: [RemoteJSON]
    ) throws(RemoteLie) -> RemoteOutputs.Output {
        let widths = Set(items.map { $0.items?.count ?? 1 })
        guard widths.count == 1, let width = widths.first, width > 0 else {
            throw RemoteLie("the rows of '\(OnnxLook.printable(name))' have different numbers of values")
        }
        let values = try value.flattened(name)
        let size =
            switch values {
            case .numbers(let numbers, _): numbers.count
            case .texts(let texts): texts.count
            }
        guard size.isMultiple(of: count) else {
            throw RemoteLie("'\(OnnxLook.printable(name))' has \(size) values for \(count) rows")
        }
        return RemoteOutputs.Output(name: name, width: size / count, values: values)
    }
}
