import CasemateCore
import Foundation

/// Requests and responses of the Open Inference Protocol, version 2, REST.
///
/// Source: kserve/open-inference-protocol, `specification/protocol/inference_rest.md`.
struct OpenInferenceWire: RemoteWire {
    /// One input of the model as its metadata state it.
    struct Input: Hashable, Sendable {
        let name: String
        let datatype: String
        /// Axes with the batch in front; -1 where they vary.
        let shape: [Int]
    }
    let path: String
    let inputs: [Input]
    /// Outputs that are asked for by name; empty takes what the server gives by itself.
    var wanted: [String]

    var identity: String {
        let shown = inputs.map { "\($0.name)|\($0.datatype)|\($0.shape)" }.joined(separator: ";")
        return "open inference 2 \(path) \(shown) wants \(wanted.joined(separator: "|"))"
    }

    func body(_ rows: RemoteRows) throws(CasemateError) -> [UInt8] {
        var writer = RemoteJSONWriter(capacity: 128 + rows.count * rows.width * 10)
        writer.raw("{\"inputs\":[")
        switch rows.storage {
        case .matrix(let values, let width):
            guard let input = inputs.first else { return [] }
            let axes = input.shape.dropFirst()
            let isKnown = !axes.contains { $0 < 1 } && axes.reduce(1, *) == width
            try head(input, shape: [rows.count] + (isKnown ? Array(axes) : [width]), &writer)
            try numbers(input, values, &writer)
        case .columns(let columns):
            for (index, (input, column)) in zip(inputs, columns).enumerated() {
                if index > 0 { writer.raw("},") }
                try head(input, shape: input.shape.count == 1 ? [rows.count] : [rows.count, 1], &writer)
                switch column {
                case .floats(let values): try numbers(input, values, &writer)
                case .doubles(let values): try numbers(input, values, &writer)
                case .texts(let texts): writer.list(texts.count) { $0.text(texts[$1]) }
                }
            }
        }
        writer.raw("}]")
        if !wanted.isEmpty {
            writer.raw(",\"outputs\":")
            writer.list(wanted.count) { writer, index in
                writer.raw("{\"name\":")
                writer.text(wanted[index])
                writer.raw("}")
            }
        }
        writer.raw("}")
        return writer.bytes
    }

    private func head(_ input: Input, shape: [Int], _ writer: inout RemoteJSONWriter) throws(CasemateError) {
        writer.raw("{\"name\":")
        writer.text(input.name)
        writer.raw(",\"shape\":")
        writer.list(shape.count) { $0.integer(shape[$1]) }
        writer.raw(",\"datatype\":")
        writer.text(input.datatype)
        writer.raw(",\"data\":")
    }

    /// Values in the form of the input's type: as they are, rounded to the nearest whole number, or as truth values.
    private func numbers<Value: RemoteNumber>(
        _ input: Input, _ values: [Value], _ writer: inout RemoteJSONWriter
    ) throws(CasemateError) {
        guard let range = Self.wholes[input.datatype] else {
            if input.datatype == "BYTES" { return writer.list(values.count) { $0.text("\(values[$1])") } }
            if input.datatype == "BOOL" {
                return writer.list(values.count) { if values[$1] != 0 { $0.raw("true") } else { $0.raw("false") } }
            }
            return writer.list(values.count) { values[$1].write(&$0) }
        }
        let odd = values.first { value in
            guard let whole = Int(exactly: value.rounded(.toNearestOrEven)) else { return true }
            return !range.contains(whole)
        }
        if let odd {
            let shown = odd.isNaN ? "a missing value" : "a value out of its range"
            throw CasemateError(
                .mismatch, at: "input '\(OnnxLook.printable(input.name))'", "takes \(input.datatype), not \(shown)",
                help: "fill missing values, or leave such rows out")
        }
        writer.list(values.count) { $0.integer(Int(exactly: values[$1].rounded(.toNearestOrEven)) ?? 0) }
    }

    private static let wholes: [String: ClosedRange<Int>] = [
        "INT8": -128...127, "INT16": -32_768...32_767, "INT32": Int(Int32.min)...Int(Int32.max),
        "INT64": Int.min...Int.max, "UINT8": 0...255, "UINT16": 0...65_535, "UINT32": 0...Int(UInt32.max),
        "UINT64": 0...Int.max,
    ]

    func outputs(_ json: RemoteJSON, count: Int) throws(RemoteLie) -> RemoteOutputs {
        guard let listed = json["outputs"]?.items else {
            throw RemoteLie("expected an object with `outputs`, got \(json.kind) without")
        }
        var outputs: [RemoteOutputs.Output] = []
        for item in listed {
            guard let name = item["name"]?.text, let data = item["data"], let shape = item["shape"]?.wholes,
                !shape.contains(where: { $0 < 0 })
            else { throw RemoteLie("an output lacks its name, its shape or its data") }
            outputs.append(try output(name, shape, item["datatype"]?.text ?? "", data, count: count))
        }
        for name in wanted where !outputs.contains(where: { $0.name == name }) {
            throw RemoteLie("the output '\(OnnxLook.printable(name))' was asked for and is not there")
        }
        return RemoteOutputs(count: count, outputs: outputs, version: json["model_version"]?.text)
    }

    private func output(
        _ name: String, _ shape: [Int], _ datatype: String, _ data: RemoteJSON, count: Int
    ) throws(RemoteLie) -> RemoteOutputs.Output {
        let values = try data.flattened(name)
        let size: Int
        let result: RemoteOutputs.Values
        switch values {
        case .numbers(let numbers, let areWhole):
            size = numbers.count
            let isFloat = datatype.hasPrefix("FP") || datatype == "BF16"
            result = .numbers(numbers, areWhole: isFloat ? false : areWhole)
        case .texts(let texts): (size, result) = (texts.count, values)
        }
        if case .texts = values, datatype != "BYTES" {
            throw RemoteLie("'\(OnnxLook.printable(name))' is declared \(OnnxLook.printable(datatype)) and holds texts")
        }
        let shown = shape.map { String($0) }.joined(separator: ",")
        var product = 1
        for axis in shape {
            let (next, isTooLarge) = product.multipliedReportingOverflow(by: axis)
            guard !isTooLarge else { throw RemoteLie("the shape [\(shown)] is absurd") }
            product = next
        }
        guard product == size else {
            throw RemoteLie("'\(OnnxLook.printable(name))' has \(size) values for its shape [\(shown)]")
        }
        guard shape.first ?? size == count, count > 0, size.isMultiple(of: count) else {
            throw RemoteLie("'\(OnnxLook.printable(name))' has the shape [\(shown)] for \(count) rows")
        }
        return RemoteOutputs.Output(name: name, width: size / count, values: result)
    }
}
