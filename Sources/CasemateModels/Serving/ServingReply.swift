import Foundation

/// Reads answers of an upstream as strictly as requests are read.
package enum ServingReply {
    /// What must be true of an answer.
    package struct Promise: Sendable {
        /// Number of rows that were asked.
        package let rows: Int
        /// Outputs that the metadata declare; empty where they declare none.
        package let outputs: [ModelSignature.Input]
        /// Outputs that were asked for by name.
        package let wanted: [String]
        /// Makes a promise.
        package init(rows: Int, outputs: [ModelSignature.Input], wanted: [String]) {
            (self.rows, self.outputs, self.wanted) = (rows, outputs, wanted)
        }
    }

    /// Outputs of an answer of the Open Inference Protocol, in declared order.
    /// - Parameters:
    ///   - body: The body.
    ///   - header: Bytes of JSON in front of binary values; `nil` for JSON alone.
    /// - Throws: `ServingLie` for names, types, shapes and numbers other than promised.
    package static func openInference(
        _ body: UnsafeRawBufferPointer, header: Int?, promise: Promise
    ) throws(ServingLie) -> [NamedTensor] {
        guard let header = header ?? body.count as Int?, header >= 0, header <= body.count else {
            throw ServingLie("the header's length is beyond the body")
        }
        let json = try read(UnsafeRawBufferPointer(rebasing: body[..<header]))
        guard let items = json["outputs"]?.items, items.count <= 10_000 else {
            throw ServingLie("there are no outputs")
        }
        var rest = UnsafeRawBufferPointer(rebasing: body[header...])
        var found: [NamedTensor] = []
        for item in items {
            guard let name = item["name"]?.text, !found.contains(where: { $0.name == name }) else {
                throw ServingLie("an output has no name, or one of another")
            }
            guard let type = item["datatype"]?.text.flatMap({ ServingDatatype.elements[$0] }),
                let shape = item["shape"]?.wholes, let count = count(of: shape)
            else { throw ServingLie("an output lacks its datatype or its shape") }
            try check(name, type, shape, promise)
            let storage: Tensor.Storage
            if let size = item["parameters"]?["binary_data_size"] {
                guard case .number(let bytes) = size, let length = Int(exactly: bytes), length >= 0,
                    length <= rest.count, item["data"] == nil
                else { throw ServingLie("a size of binary values is beyond the body") }
                storage = try ServingBinary.read(UnsafeRawBufferPointer(rebasing: rest[..<length]), type, count: count)
                rest = UnsafeRawBufferPointer(rebasing: rest[length...])
            } else {
                guard let data = item["data"] else { throw ServingLie("an output has no values") }
                storage = try ServingValues.read(data, as: type, count: count)
            }
            guard storage.isFinite else { throw ServingLie("an answer is no number", isNotNumber: true) }
            found.append(NamedTensor(name, Tensor(shape: shape, storage)))
        }
        guard rest.isEmpty else { throw ServingLie("there is something behind the last output") }
        return try ordered(found, promise)
    }

    private static func read(_ bytes: UnsafeRawBufferPointer) throws(ServingLie) -> RemoteJSON {
        do throws(RemoteJSON.Problem) { return try RemoteJSON.read(bytes) } catch {
            throw ServingLie("it is no JSON: \(error.what)")
        }
    }

    /// Number of values of a shape; `nil` for negative and absurd ones.
    private static func count(of shape: [Int]) -> Int? {
        guard shape.count <= 8 else { return nil }
        var product = 1
        for axis in shape {
            let (next, isTooLarge) = product.multipliedReportingOverflow(by: axis)
            guard axis >= 0, !isTooLarge else { return nil }
            product = next
        }
        return product
    }

    private static func check(
        _ name: String, _ type: ModelSignature.ElementType, _ shape: [Int], _ promise: Promise
    ) throws(ServingLie) {
        guard shape.first == promise.rows else { throw ServingLie("an output has another number of rows") }
        guard !promise.outputs.isEmpty else {
            guard promise.wanted.isEmpty || promise.wanted.contains(name) else {
                throw ServingLie("an output was not asked for")
            }
            return
        }
        guard let port = promise.outputs.first(where: { $0.name == name }) else {
            throw ServingLie("an output is not among those of the metadata")
        }
        guard port.type == type else { throw ServingLie("an output has another datatype than the metadata say") }
        let fits =
            port.shape.count == shape.count
            && zip(port.shape, shape).dropFirst().allSatisfy { $0 == nil || $0 == $1 }
        guard fits else { throw ServingLie("an output has another shape than the metadata say") }
    }

    private static func ordered(_ found: [NamedTensor], _ promise: Promise) throws(ServingLie) -> [NamedTensor] {
        let names = promise.wanted.isEmpty ? promise.outputs.map(\.name) : promise.wanted
        guard !names.isEmpty else {
            guard !found.isEmpty else { throw ServingLie("there are no outputs") }
            return found
        }
        var result: [NamedTensor] = []
        for name in names {
            guard let tensor = found.first(where: { $0.name == name }) else { throw ServingLie("an output is missing") }
            result.append(tensor)
        }
        guard result.count == found.count else { throw ServingLie("an output was not asked for") }
        return result
    }

    /// Outputs of an answer of MLflow's scoring server: numbers as float64, else texts.
    /// - Throws: `ServingLie` for anything but one prediction a row, each of the same form.
    package static func mlflow(_ body: UnsafeRawBufferPointer, rows: Int) throws(ServingLie) -> [NamedTensor] {
        let json = try read(body)
        guard let predictions = json["predictions"] else { throw ServingLie("there are no predictions") }
        if let members = predictions.members {
            guard members.count <= 10_000, Set(members.map(\.name)).count == members.count else {
                throw ServingLie("two outputs have one name")
            }
            var result: [NamedTensor] = []
            for member in members { result.append(try column(member.name, member.value, rows)) }
            guard !result.isEmpty else { throw ServingLie("there are no predictions") }
            return result
        }
        guard let items = predictions.items, let first = items.first else {
            throw ServingLie("the predictions are no list")
        }
        guard items.count == rows else { throw ServingLie("there is another number of predictions than of rows") }
        guard let names = first.members?.map(\.name) else { return [try column("predictions", predictions, rows)] }
        guard names.count <= 1_000, Set(names).count == names.count else {
            throw ServingLie("two outputs have one name")
        }
        var result: [NamedTensor] = []
        for name in names {
            let values = items.compactMap { $0[name] }
            guard values.count == rows, items.allSatisfy({ $0.members?.count == names.count }) else {
                throw ServingLie("predictions have different names")
            }
            result.append(try column(name, .list(values), rows))
        }
        return result
    }

    private static func column(_ name: String, _ value: RemoteJSON, _ rows: Int) throws(ServingLie) -> NamedTensor {
        guard let items = value.items, items.count == rows else {
            throw ServingLie("there is another number of predictions than of rows")
        }
        let widths = Set(items.map { $0.items?.count ?? 0 })
        guard widths.count == 1, let width = widths.first else { throw ServingLie("predictions differ in length") }
        let count = rows * max(1, width)
        let isText = ServingValues.isText(items[0])
        let storage = try ServingValues.read(value, as: isText ? .string : .double, count: count)
        guard storage.isFinite else { throw ServingLie("an answer is no number", isNotNumber: true) }
        return NamedTensor(name, Tensor(shape: width == 0 ? [rows] : [rows, width], storage))
    }
}
