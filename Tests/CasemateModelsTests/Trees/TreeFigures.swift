import CasemateCore
import CasemateData
import CasemateModels
import Foundation
import TestSupport

/// The committed models of one family with rows and the library's answers; see `make_tree_figures.py`.
struct TreeFigures {
    struct Entry {
        let file: String
        let objective: String
        let rows: [Float], width: Int
        /// `[count, scores]` answers of the library.
        let answers: [Float], scores: Int
        let names: [String]?
        var count: Int { rows.count / width }
        var path: String { Repository.path("Tests/Fixtures/trees/\(file)") }
    }
    let entries: [Entry]

    init(_ family: String) throws {
        let figures = try Figures(json: Repository.fixture("figures/trees-\(family).json"))
        let bytes = try FileBytes.content(of: Repository.path("Tests/Fixtures/trees/\(family).gz"), limit: 1 << 24)
        let values = bytes.withUnsafeBytes { raw in
            (0..<raw.count / 4).map {
                Float(bitPattern: UInt32(littleEndian: raw.loadUnaligned(fromByteOffset: $0 * 4, as: UInt32.self)))
            }
        }
        entries = figures["models"].list.compactMap { entry in
            guard let file = entry["file"].text, let offset = entry["offset"].int, let count = entry["rows"].int,
                let width = entry["width"].int, let scores = entry["scores"].int
            else { return nil }
            let middle = offset + count * width
            return Entry(
                file: file, objective: entry["objective"].text ?? "", rows: Array(values[offset..<middle]),
                width: width, answers: Array(values[middle..<middle + count * scores]), scores: scores,
                names: entry["names"].isNull ? nil : entry["names"].texts)
        }
    }
}
