import CZlib
import CasemateCore
import CasemateData
import CasemateModels
import Foundation

/// Rows with what the model answered, as gzipped CSV: the features, then `pred`, `p1`, `p2`.
///
/// `pred` is the index of the predicted class, `p1` and `p2` the two highest probabilities. For a regression `pred` is the
/// value; there, and where the model says nothing but a label, `p1` and `p2` are empty. A feature that is called like one
/// of these columns has `feature.` in front of its name.
struct ReferenceRows {
    /// Most rows.
    static let limit = 5_000
    /// Names of the columns behind the features.
    static let answerColumns = ["pred", "p1", "p2"]

    /// The file of some rows.
    static func file(_ matrix: FeatureMatrix, _ predictions: Predictions, seed: UInt64) throws -> Data {
        var generator = SeededGenerator(seed: seed, stream: 0x8EF)
        let rows = (0..<matrix.count).shuffled(using: &generator).prefix(limit).sorted()
        let names = matrix.features.map { answerColumns.contains($0.name) ? "feature.\($0.name)" : $0.name }
        var text = (names + answerColumns).map(quoted).joined(separator: ",") + "\n"
        for row in rows {
            var cells = zip(matrix.features, matrix[row: row]).map { cell($1, $0) }
            cells += answer(predictions, row)
            text += cells.joined(separator: ",") + "\n"
        }
        return try gzip(Data(text.utf8))
    }

    private static func answer(_ predictions: Predictions, _ row: Int) -> [String] {
        guard predictions.task != .regression else { return [CanonicalText.of(predictions.scores[row]), "", ""] }
        let label = String(predictions.labels[row])
        guard let (first, second) = predictions.topTwo(row) else { return [label, "", ""] }
        return [label, CanonicalText.of(first), CanonicalText.of(second)]
    }

    private static func cell(_ value: Float, _ feature: Feature) -> String {
        guard !value.isNaN else { return "" }
        guard let levels = feature.levels else { return CanonicalText.of(value) }
        let index = Int(value)
        return levels.indices.contains(index) ? quoted(levels[index]) : ""
    }

    /// A cell in quotes where something in it could end it.
    private static func quoted(_ text: String) -> String {
        let needs = text.isEmpty || text.utf8.contains { [0x22, 0x2C, 0x0A, 0x0D, 0x20, 0x09].contains($0) }
        return needs ? "\"\(text.replacing("\"", with: "\"\""))\"" : text
    }

    /// One gzip member without name and time, so that the same rows give the same file.
    static func gzip(_ content: Data) throws(CasemateError) -> Data {
        var stream = z_stream()
        let size = Int32(MemoryLayout<z_stream>.size)
        // why 31: the largest window, and a gzip header; 6 is zlib's own level, 8 its memory.
        guard content.count < 1 << 31,
            deflateInit2_(&stream, 6, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION, size) == Z_OK
        else {
            throw CasemateError(
                .limitExceeded, at: GuardProfile.referenceFile, "the reference rows are too large to be compressed",
                help: "use fewer features")
        }
        defer { deflateEnd(&stream) }
        var input = [UInt8](content)
        var output = [UInt8](repeating: 0, count: Int(deflateBound(&stream, UInt(input.count))) + 64)
        let code = input.withUnsafeMutableBufferPointer { source in
            output.withUnsafeMutableBufferPointer { target in
                stream.next_in = source.baseAddress
                stream.avail_in = UInt32(source.count)
                stream.next_out = target.baseAddress
                stream.avail_out = UInt32(clamping: target.count)
                return deflate(&stream, Z_FINISH)
            }
        }
        guard code == Z_STREAM_END else {
            throw CasemateError(
                .engineFailed, at: GuardProfile.referenceFile, "zlib stopped with \(code)",
                help: "free memory, try again")
        }
        return Data(output.prefix(output.count - Int(stream.avail_out)))
    }
}

extension Predictions {
    /// The two highest scores of a row; `nil` where there are fewer, and where scores say no more than the label.
    func topTwo(_ row: Int) -> (Float, Float)? {
        let width = classes.count
        guard task != .regression, kind != .labels, width > 1, scores.count >= (row + 1) * width else { return nil }
        var (first, second) = (-Float.infinity, -Float.infinity)
        for index in row * width..<(row + 1) * width {
            let score = scores[index]
            if score > first { (first, second) = (score, first) } else if score > second { second = score }
        }
        return (first, second)
    }
}
