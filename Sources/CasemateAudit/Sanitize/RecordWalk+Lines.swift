import CasemateCore
import CasemateDetect
import Foundation

extension RecordWalk {
    /// Goes through JSON lines; a line of blanks is no row.
    func lines(
        _ context: RunContext, choose: (RecordSplitter.Start) throws -> Channel,
        write: (Channel, UnsafeBufferPointer<UInt8>) throws -> Void, values: ([String?]) throws -> Void
    ) throws -> (rows: Int, bytes: Int) {
        var carried: [UInt8] = []
        var (rows, number, total) = (0, 0, 0)
        var known: Set<String> = []
        func take(_ line: UnsafeBufferPointer<UInt8>) throws {
            number += 1
            let mark = number == 1 ? file.mark : 0
            let isBlank = line[mark...].allSatisfy { $0 == 0x20 || (0x09...0x0d).contains($0) }
            try write(try choose(isBlank ? .blank : .row(rows)), line)
            guard !isBlank else { return }
            rows += 1
            guard !wanted.isEmpty else { return }
            try values(try fields(line[mark...], line: number, &known))
        }
        func check(_ count: Int) throws(CasemateError) {
            guard count > Self.lineLimit else { return }
            throw CasemateError(
                .limitExceeded, at: "\(file.path):\(number + 1)", "a line of more than \(Self.lineLimit) bytes",
                help: "write one JSON object a line")
        }
        try file.forEachBlock(context: context) { block in
            total += block.count
            var start = 0
            while let end = block[start...].firstIndex(of: 0x0a) {
                let piece = UnsafeBufferPointer(rebasing: block[start...end])
                try check(carried.count + piece.count)
                if carried.isEmpty {
                    try take(piece)
                } else {
                    carried += piece
                    try carried.withUnsafeBufferPointer { try take($0) }
                    carried.removeAll(keepingCapacity: true)
                }
                start = end + 1
            }
            try check(carried.count + block.count - start)
            carried += block[start...]
        }
        if !carried.isEmpty { try carried.withUnsafeBufferPointer { try take($0) } }
        if let absent = wanted.first(where: { !known.contains($0) }) {
            throw CasemateError(
                .notFound, at: file.path, "no column '\(absent.clipped())'", help: "name a member of the objects")
        }
        return (rows, total)
    }

    private func fields(
        _ line: Slice<UnsafeBufferPointer<UInt8>>, line number: Int, _ known: inout Set<String>
    ) throws(CasemateError) -> [String?] {
        guard let members = Self.members(line) else {
            throw CasemateError(
                .malformed, at: "\(file.path):\(number)", "is not a JSON object", help: "write one JSON object a line")
        }
        known.formUnion(wanted.filter { members[$0] != nil })
        return wanted.map { members[$0]?.text }
    }

    /// The members of an object; `nil` for anything else.
    static func members(_ line: some Collection<UInt8>) -> [String: JSONValue]? {
        try? JSONDecoder().decode([String: JSONValue].self, from: Data(line))
    }
}

/// A JSON value as a text, as a table shows it.
struct JSONValue: Decodable {
    /// `nil` for null.
    let text: String?

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            text = nil
        } else if let value = try? container.decode(Bool.self) {
            text = value ? "true" : "false"
        } else if let value = try? container.decode(Int64.self) {
            text = String(value)
        } else if let value = try? container.decode(Double.self) {
            text = value == value.rounded() && abs(value) < 1e15 ? String(Int64(value)) : String(value)
        } else if let value = try? container.decode(String.self) {
            text = value.isEmpty ? nil : value
        } else {
            text = "(nested)"
        }
    }
}
