public import CasemateCore
import Foundation

/// Words of like meaning from a file: the nearest first.
public struct WordNeighbours: Hashable, Sendable {
    private let table: [String: [String]]
    /// Number of words that have neighbours.
    public var count: Int { table.count }

    /// Makes a table; pairs below `least` similarity and pairs of a word with itself are left out.
    public init(_ pairs: [(word: String, neighbour: String, similarity: Double)], least: Double = 0.5) {
        var all: [String: [(String, Double)]] = [:]
        for (word, neighbour, similarity) in pairs where similarity >= least {
            let (word, neighbour) = (word.lowercased(), neighbour.lowercased())
            if word != neighbour, !neighbour.isEmpty { all[word, default: []].append((neighbour, similarity)) }
        }
        table = all.mapValues { $0.sorted { ($1.1, $0.0) < ($0.1, $1.0) }.map(\.0) }
    }

    /// Reads lines of `word`, `neighbour`, `similarity` (0…1), set apart by commas or tabs, UTF-8. A first line whose
    /// third cell is no number is a header.
    /// - Throws: `notFound`, `limitExceeded` beyond 256 MB, `malformed` with the line.
    public init(path: String, least: Double = 0.5) throws(CasemateError) {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw CasemateError(.notFound, at: path, "cannot be read", help: "name a file of neighbours")
        }
        guard data.count <= 1 << 28 else {
            throw CasemateError(.limitExceeded, at: path, "holds more than 256 MB", help: "keep the nearest neighbours")
        }
        func malformed(_ line: Int, _ what: String) -> CasemateError {
            CasemateError(
                .malformed, at: "\(path):\(line)", what, help: "write `word,neighbour,similarity`, the last in 0…1")
        }
        guard let text = String(data: data, encoding: .utf8) else { throw malformed(1, "is not UTF-8") }
        var pairs: [(word: String, neighbour: String, similarity: Double)] = []
        for (index, line) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated() {
            if line.allSatisfy(\.isWhitespace) { continue }
            let cells = line.split(omittingEmptySubsequences: false) { $0 == "," || $0 == "\t" }
                .map { $0.trimmingCharacters(in: .whitespaces) }
            guard cells.count == 3 else { throw malformed(index + 1, "has \(cells.count) cells, not 3") }
            guard let similarity = Double(cells[2]) else {
                if index == 0 { continue }
                throw malformed(index + 1, "the third cell is no number")
            }
            guard (0...1).contains(similarity) else { throw malformed(index + 1, "the similarity is not in 0…1") }
            pairs.append((cells[0], cells[1], similarity))
        }
        self.init(pairs, least: least)
    }

    /// Neighbours of a word in lower case, the nearest first.
    func of(_ word: [Unicode.Scalar]) -> [String] {
        var view = String.UnicodeScalarView()
        view.append(contentsOf: word)
        return table[String(view)] ?? []
    }
}
