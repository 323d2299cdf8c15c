import CasemateCore
import CasemateData
import Foundation

/// Reads the reference rows of a profile, in the profile's features, without an engine.
struct ProfileRows {
    private static let mostBytes = 1 << 29
    private let path: String
    private let features: [Feature]

    /// The rows that a folder's profile was written with.
    /// - Throws: `malformed` for another file than the one that the profile was made with, or a broken one; `notFound`.
    static func read(_ profile: GuardProfile, folder: String) throws -> AnsweredRows {
        let path = "\(folder)/\(GuardProfile.referenceFile)"
        guard try FileDigest(of: path).sha256 == profile.files.reference else {
            throw CasemateError(
                .malformed, at: path, "is not the file that the profile was made with",
                help: "copy the whole folder again, or make it again with `casemate guard fit`")
        }
        return try ProfileRows(path: path, features: profile.features.map(\.feature)).rows()
    }

    private func rows() throws -> AnsweredRows {
        guard let handle = FileHandle(forReadingAtPath: path) else {
            throw CasemateError(.unreadable, at: path, "cannot be opened for reading", help: "name a readable file")
        }
        defer { try? handle.close() }
        var content: [UInt8] = []
        try Gzip.expand(descriptor: handle.fileDescriptor, path: path, limit: Self.mostBytes) { content += $0 }
        let levels = features.map { feature in
            feature.levels.map {
                Dictionary(zip($0, (0..<$0.count).map { Float($0) }), uniquingKeysWith: { first, _ in first })
            }
        }
        var result = AnsweredRows(width: features.count, values: [])
        var (line, cells) = (0, [String]())
        var scanner = CellScanner(content)
        while scanner.next(&cells) {
            defer { line += 1 }
            guard cells.count == features.count + ReferenceRows.answerColumns.count else {
                throw broken(line, "has \(cells.count) cells")
            }
            guard line > 0 else { continue }
            for (column, cell) in cells.prefix(features.count).enumerated() {
                result.values.append(try value(cell, levels[column], line))
            }
            let answers = cells.suffix(3).map { Double($0) ?? .nan }
            result.predictions.append(answers[0])
            result.top.append(answers[1])
            result.second.append(answers[2])
        }
        if result.top.contains(where: \.isNaN) { (result.top, result.second) = ([], []) }
        if result.predictions.contains(where: \.isNaN) { result.predictions = [] }
        return result
    }

    private func value(_ cell: String, _ levels: [String: Float]?, _ line: Int) throws -> Float {
        guard !cell.isEmpty else { return .nan }
        if let levels { return levels[cell] ?? -1 }
        guard let value = Float(cell), value.isFinite else { throw broken(line, "holds what is no finite number") }
        return value
    }

    private func broken(_ line: Int, _ what: String) -> CasemateError {
        CasemateError(
            .malformed, at: "\(path):\(line + 1)", what, help: "make the profile again with `casemate guard fit`")
    }
}

/// Cells of comma-separated lines, in quotes or not.
private struct CellScanner {
    private let bytes: [UInt8]
    private var place = 0
    init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// The cells of the next line; `false` at the end.
    mutating func next(_ cells: inout [String]) -> Bool {
        guard place < bytes.count else { return false }
        cells.removeAll(keepingCapacity: true)
        while true {
            cells.append(cell())
            guard place < bytes.count, bytes[place] == UInt8(ascii: ",") else { break }
            place += 1
        }
        if place < bytes.count, bytes[place] == UInt8(ascii: "\r") { place += 1 }
        if place < bytes.count { place += 1 }
        return true
    }

    private mutating func cell() -> String {
        var text: [UInt8] = []
        guard place < bytes.count, bytes[place] == UInt8(ascii: "\"") else {
            while place < bytes.count, ![0x2C, 0x0A, 0x0D].contains(bytes[place]) {
                text.append(bytes[place])
                place += 1
            }
            return String(decoding: text, as: UTF8.self)
        }
        place += 1
        while place < bytes.count {
            if bytes[place] == UInt8(ascii: "\"") {
                guard place + 1 < bytes.count, bytes[place + 1] == UInt8(ascii: "\"") else { break }
                place += 1
            }
            text.append(bytes[place])
            place += 1
        }
        place += 1
        return String(decoding: text, as: UTF8.self)
    }
}
