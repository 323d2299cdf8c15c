import CasemateModels

/// Reads CSV with a line of names, as MLflow's scoring protocol takes it. Source: RFC 4180.
enum MLflowCSV {
    /// Texts that stand for a missing number, as pandas reads them.
    static let missing: Set<String> = ["", "NA", "N/A", "NaN", "nan", "null", "NULL", "None", "<NA>", "#N/A"]

    /// The request of a body.
    /// - Throws: `GuardRefusal` with `malformed` or `unprocessable`.
    static func request(_ body: [UInt8], _ model: ModelDescription) throws -> InferenceRequest {
        if body.starts(with: [0xEF, 0xBB, 0xBF]) { throw refusal("begins with a byte order mark", 1) }
        var reader = Reader(body: body)
        guard let names = try reader.record() else { throw refusal("has no line of names", 1) }
        var binder = try MLflowBinder(model, width: names.count)
        let isText = model.layout == .text && names.count == 1
        let positions = try binder.positions(isText ? binder.names : names, count: names.count)
        var row = 0
        while let fields = try reader.record() {
            guard fields.count == names.count else {
                throw refusal("has another number of fields than the line of names", row + 2)
            }
            try binder.begin()
            for (position, field) in fields.enumerated() {
                if let column = positions[position] { try binder.columns[column].set(row, cell: field) }
            }
            row += 1
        }
        return try binder.request()
    }

    private static func refusal(_ what: String, _ line: Int) -> GuardRefusal {
        GuardRefusal(.malformed, "the CSV \(what), at record \(line)", reason: "csv")
    }

    private struct Reader {
        let body: [UInt8]
        var at = 0
        var line = 0

        /// The fields of the next record that is no empty line; `nil` at the end.
        mutating func record() throws -> [String]? {
            while at < body.count, body[at] == 0x0A || body[at] == 0x0D { at += 1 }
            guard at < body.count else { return nil }
            line += 1
            var fields: [String] = []
            while true {
                fields.append(try field())
                guard at < body.count else { return fields }
                let byte = body[at]
                at += 1
                if byte == UInt8(ascii: ",") { continue }
                if byte == 0x0D, at < body.count, body[at] == 0x0A { at += 1 }
                return fields
            }
        }

        private mutating func field() throws -> String {
            var content: [UInt8] = []
            if at < body.count, body[at] == UInt8(ascii: "\"") {
                at += 1
                while true {
                    guard at < body.count else { throw refusal("ends within quotes", line) }
                    if body[at] == UInt8(ascii: "\"") {
                        guard at + 1 < body.count, body[at + 1] == UInt8(ascii: "\"") else { break }
                        at += 1
                    }
                    content.append(body[at])
                    at += 1
                }
                at += 1
                guard at == body.count || [0x0A, 0x0D, 0x2C].contains(body[at]) else {
                    throw refusal("has something behind a closing quote", line)
                }
            } else {
                let start = at
                while at < body.count, body[at] != 0x2C, body[at] != 0x0A, body[at] != 0x0D {
                    guard body[at] != UInt8(ascii: "\"") else { throw refusal("has a quote within a field", line) }
                    at += 1
                }
                content = Array(body[start..<at])
            }
            guard let text = String(validating: content, as: UTF8.self), !content.contains(0) else {
                throw refusal("is not UTF-8 without zero bytes", line)
            }
            return text
        }
    }
}
