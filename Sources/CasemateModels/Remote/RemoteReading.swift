import CasemateCore
import Foundation

/// How the outputs of an endpoint become scores and classes; the rules are those of `OutputReading`, with a sample of
/// answers in place of a graph.
struct RemoteReading: Hashable, Sendable {
    /// Output that holds the class.
    let label: String?
    /// Outputs that hold scores: none, one, or one a class.
    let scores: [String]
    let shape: OutputReading.Shape
    let transform: OutputReading.Transform
    let task: ModelTask
    let kind: ScoreKind
    let classes: [String]
    /// Numbers a row as they come.
    let rawWidth: Int
    private let positions: [String: Int32]

    /// Decides by the sample, by what the caller says, and by the labels of the data.
    /// - Parameter labels: Distinct labels of the data, ascending, where they are known.
    /// - Throws: `unsupported` for answers whose meaning is open, `invalidSetting` for overrides that do not fit.
    init(
        _ facts: RemoteFacts, _ overrides: ModelOverrides, labels: [String]?, place: String
    ) throws(CasemateError) {
        let choice = RemoteChoice(facts: facts, overrides: overrides, labels: labels, place: place)
        let (label, scores) = try choice.outputs()
        (self.label, self.scores) = (label?.name, scores.map(\.name))
        let width = scores.count == 1 ? scores[0].width : scores.count
        rawWidth = width
        shape = scores.isEmpty ? .none : scores.count > 1 ? .columns : width == 1 ? .single : .matrix
        let found: RemoteChoice.Meaning =
            switch shape {
            case .none: (.multiclass, .labels, .none)
            case .single: choice.single(scores[0], hasLabel: label != nil)
            case .matrix, .columns: try choice.several(width, scores)
            }
        (kind, transform) = (found.kind, found.transform)
        if found.task == .regression {
            (task, classes, positions) = (.regression, [], [:])
            return
        }
        classes = try choice.classes(shape == .none ? nil : max(2, width), label: label, scores: scores)
        task = classes.count == 2 ? .binary : .multiclass
        positions = Dictionary(classes.enumerated().map { ($1, Int32($0)) }) { first, _ in first }
        if let wanted = overrides.task, wanted != task {
            throw choice.setting("has \(classes.count) classes, the task '\(wanted.rawValue)' does not fit")
        }
    }

    /// A number as the name of a class: `3`, not `3.0`.
    static func className(_ number: Double) -> String { Int(exactly: number).map { "\($0)" } ?? "\(number)" }

    /// Everything of this that kept answers depend on.
    var identity: String { "label \(label ?? "") scores \(scores.joined(separator: "|")) width \(rawWidth)" }

    /// The answers in the outputs of a response.
    /// - Throws: `RemoteLie` for outputs that are missing, of another width, or hold something else than before.
    func answers(_ outputs: RemoteOutputs) throws(RemoteLie) -> [RemoteAnswer] {
        let labels = try label.map { name throws(RemoteLie) in try texts(of: name, in: outputs) }
        var columns: [[Double]] = []
        for name in scores { columns.append(try numbers(of: name, in: outputs)) }
        return (0..<outputs.count).map { row in
            let values =
                columns.count == 1
                ? columns[0][row * rawWidth..<(row + 1) * rawWidth].map { Float($0) }
                : columns.map { Float($0[row]) }
            return RemoteAnswer(label: labels?[row], scores: values)
        }
    }

    private func output(_ name: String, in outputs: RemoteOutputs) throws(RemoteLie) -> RemoteOutputs.Output {
        guard let output = outputs[name] else {
            throw RemoteLie("expected the output '\(OnnxLook.printable(name))', got \(outputs.described)")
        }
        return output
    }

    private func texts(of name: String, in outputs: RemoteOutputs) throws(RemoteLie) -> [String] {
        let output = try output(name, in: outputs)
        guard output.width == 1 else {
            throw RemoteLie("'\(OnnxLook.printable(name))' has \(output.width) values a row, expected a class")
        }
        switch output.values {
        case .texts(let texts): return texts
        case .numbers(let numbers, _):
            if let row = numbers.firstIndex(where: { !$0.isFinite }) { throw notNumber(name, row, numbers[row]) }
            return numbers.map { Self.className($0) }
        }
    }

    private func numbers(of name: String, in outputs: RemoteOutputs) throws(RemoteLie) -> [Double] {
        let output = try output(name, in: outputs)
        let width = scores.count > 1 ? 1 : rawWidth
        guard output.width == width else {
            throw RemoteLie("'\(OnnxLook.printable(name))' has \(output.width) values a row, expected \(width)")
        }
        guard case .numbers(let numbers, _) = output.values else {
            throw RemoteLie("'\(OnnxLook.printable(name))' holds texts, expected numbers")
        }
        if let odd = numbers.firstIndex(where: { !Float($0).isFinite }) {
            throw notNumber(name, odd / width, numbers[odd])
        }
        return numbers
    }

    private func notNumber(_ name: String, _ row: Int, _ value: Double) -> RemoteLie {
        RemoteLie(
            "'\(OnnxLook.printable(name))' answers \(value.isNaN ? "no number (NaN)" : "a number out of range") "
                + "for row \(row + 1) of the request")
    }

    /// The answers as a batch.
    /// - Throws: `RemoteLie` for a class that is not among the known ones.
    func predictions(_ answers: [RemoteAnswer], includesRaw: Bool) throws(RemoteLie) -> Predictions {
        let width = task == .regression ? 1 : classes.count
        var scores: [Float] = []
        scores.reserveCapacity(answers.count * width)
        var labels: [Int32] = []
        for answer in answers {
            let start = scores.count
            append(answer.scores, to: &scores)
            guard task != .regression else { continue }
            if let name = answer.label {
                guard let position = position(of: name) else {
                    throw RemoteLie("the class '\(OnnxLook.printable(name))' is not among \(classes.count) known ones")
                }
                labels.append(position)
                if shape == .none { scores += (0..<Int32(width)).map { $0 == position ? 1 : 0 } }
            } else {
                let row = scores[start...]
                let isSecond = shape == .single && row[start + 1] >= row[start]
                let best = row.indices.max { row[$0] < row[$1] || (row[$0] == row[$1] && $0 > $1) } ?? start
                labels.append(shape == .single ? (isSecond ? 1 : 0) : Int32(best - start))
            }
        }
        let raw =
            includesRaw && shape != .none
            ? [
                NamedTensor(
                    self.scores.last ?? "",
                    Tensor(
                        shape: rawWidth == 1 ? [answers.count] : [answers.count, rawWidth],
                        .float(answers.flatMap(\.scores))))
            ] : []
        return Predictions(task: task, classes: classes, kind: kind, scores: scores, labels: labels, outputs: raw)
    }

    /// One row's scores in the form that callers see.
    private func append(_ raw: [Float], to scores: inout [Float]) {
        switch (shape, transform) {
        case (.none, _): break
        case (.single, _) where task == .regression: scores.append(raw[0])
        case (.single, .sigmoid): scores += [1 / (1 + exp(raw[0])), 1 / (1 + exp(-raw[0]))]
        case (.single, _): scores += kind == .decisionValues ? [-raw[0], raw[0]] : [1 - raw[0], raw[0]]
        case (_, .softmax):
            let top = raw.max() ?? 0
            let powers = raw.map { exp($0 - top) }
            let sum = powers.reduce(0, +)
            scores += powers.map { $0 / sum }
        default: scores += raw
        }
    }

    private func position(of name: String) -> Int32? {
        if let position = positions[name] { return position }
        guard let number = Self.number(name) else { return nil }
        return classes.firstIndex { Self.number($0) == number }.map { Int32($0) }
    }
    /// The number that a class's name is; truth values are 1 and 0.
    static func number(_ name: String) -> Double? {
        switch name.lowercased() {
        case "true": 1
        case "false": 0
        default: Double(name)
        }
    }
}
