import CasemateCore
import Foundation

/// Writes the outputs of one run into the scores and labels of a batch.
struct OutputDecoder {
    let reading: OutputReading
    let path: String
    /// Names of the fetched outputs.
    let names: [String]
    /// Where the batch's scores and labels go; each run writes its own rows.
    let scores: UnsafeMutablePointer<Float>
    let labels: UnsafeMutablePointer<Int32>?
    /// Where scores as the graph gave them go.
    let raw: UnsafeMutablePointer<Float>?

    /// Reads `rows` rows of a run that had `padded` of them; they are rows `start` and on of the batch.
    func decode(_ outputs: OnnxOutputs, start: Int, rows: Int, padded: Int) throws(CasemateError) {
        let first = reading.hasLabel ? 1 : 0
        let width = reading.width
        let target = scores + start * width
        switch reading.shape {
        case .none: break
        case .single, .matrix:
            let stored = reading.shape == .single ? 1 : width
            let facts = try checked(outputs, first, padded: padded, width: stored)
            if reading.shape == .single, reading.task != .regression {
                try single(outputs, first, facts.type, start: start, rows: rows, target)
            } else {
                try outputs.floats(first, type: facts.type, count: rows * stored, to: target)
                if let raw { (raw + start * stored).update(from: target, count: rows * stored) }
            }
        case .columns:
            var column = [Float](repeating: 0, count: rows)
            for index in 0..<width {
                let facts = try checked(outputs, first + index, padded: padded, width: 1)
                try column.withUnsafeMutableBufferPointer { (buffer) throws(CasemateError) in
                    guard let base = buffer.baseAddress else { return }
                    try outputs.floats(first + index, type: facts.type, count: rows, to: base)
                }
                for row in 0..<rows { target[row * width + index] = column[row] }
            }
            if let raw { (raw + start * width).update(from: target, count: rows * width) }
        }
        try finish(target, start: start, rows: rows, width: width)
        if reading.hasLabel { try label(outputs, start: start, rows: rows, padded: padded) }
    }

    private func checked(
        _ outputs: OnnxOutputs, _ index: Int, padded: Int, width: Int
    ) throws(CasemateError) -> OnnxOutputs.Facts {
        let facts = try outputs.facts(index)
        guard facts.count == padded * width, facts.shape.first ?? padded == padded else {
            let shown = facts.shape.map { String($0) }.joined(separator: ",")
            throw CasemateError(
                .mismatch, at: path,
                "output '\(OnnxLook.printable(names[index]))' is [\(shown)] for \(padded) rows of \(width)",
                help: "the model must answer each row by itself; export it with a dynamic batch axis")
        }
        return facts
    }

    /// One score a row becomes two columns.
    private func single(
        _ outputs: OnnxOutputs, _ index: Int, _ type: Int32, start: Int, rows: Int,
        _ target: UnsafeMutablePointer<Float>
    ) throws(CasemateError) {
        // why: the column is read into the first half of its own target and spread out from the end.
        try outputs.floats(index, type: type, count: rows, to: target)
        if let raw { (raw + start).update(from: target, count: rows) }
        for row in stride(from: rows - 1, through: 0, by: -1) {
            let score = target[row]
            switch (reading.transform, reading.kind) {
            case (.sigmoid, _): (target[2 * row], target[2 * row + 1]) = (1 / (1 + exp(score)), 1 / (1 + exp(-score)))
            case (_, .decisionValues): (target[2 * row], target[2 * row + 1]) = (-score, score)
            default: (target[2 * row], target[2 * row + 1]) = (1 - score, score)
            }
        }
    }

    /// Softmax where it is due, the class where the graph gives none, and a look for numbers that are none.
    private func finish(_ target: UnsafeMutablePointer<Float>, start: Int, rows: Int, width: Int) throws(CasemateError)
    {
        guard reading.shape != .none else { return }
        for row in 0..<rows {
            let scores = target + row * width
            var (best, top) = (0, scores[0])
            var isNumber = !top.isNaN
            for index in 1..<max(1, width) {
                let score = scores[index]
                if score > top { (best, top) = (index, score) }
                if score.isNaN { isNumber = false }
            }
            if reading.task == .regression || reading.transform == .softmax { isNumber = isNumber && top.isFinite }
            guard isNumber else { throw notNumber(start + row) }
            if reading.shape == .single, width == 2 { best = scores[1] >= scores[0] ? 1 : 0 }
            if let labels, !reading.hasLabel { labels[start + row] = Int32(best) }
            if reading.transform == .softmax {
                var sum: Float = 0
                for index in 0..<width {
                    scores[index] = exp(scores[index] - top)
                    sum += scores[index]
                }
                for index in 0..<width { scores[index] /= sum }
            }
        }
    }

    /// The graph's own class.
    private func label(_ outputs: OnnxOutputs, start: Int, rows: Int, padded: Int) throws(CasemateError) {
        guard let labels else { return }
        let facts = try checked(outputs, 0, padded: padded, width: 1)
        if facts.type == 8 {
            try outputs.strings(0, count: padded) { (row, text) throws(CasemateError) in
                guard row < rows else { return }
                guard let index = reading.labels.index(of: text) else {
                    throw unknown(String(decoding: text, as: UTF8.self), row: start + row)
                }
                labels[start + row] = index
            }
        } else {
            let integers = try outputs.integers(0, type: facts.type, count: padded)
            let numbers = integers == nil ? try outputs.wholes(0, type: facts.type, count: padded) : integers ?? []
            for row in 0..<rows {
                guard let index = reading.labels.index(of: numbers[row]) else {
                    throw unknown(String(numbers[row]), row: start + row)
                }
                labels[start + row] = index
            }
        }
        guard reading.shape == .none else { return }
        let width = reading.width
        for row in start..<start + rows {
            for column in 0..<width { scores[row * width + column] = Int(labels[row]) == column ? 1 : 0 }
        }
    }

    private func unknown(_ text: String, row: Int) -> CasemateError {
        CasemateError(
            .mismatch, at: "\(path): row \(row + 1)",
            "the class '\(OnnxLook.printable(text))' is not among the known ones",
            help: "state the classes in column order with model.output.classes")
    }
    private func notNumber(_ row: Int) -> CasemateError {
        CasemateError(
            .unusableData, at: "\(path): row \(row + 1)", "the model's answer is not a number",
            help: "look for missing or extreme values that the model was not made for")
    }
}
