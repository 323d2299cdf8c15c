import CasemateModels
import Foundation

extension InferenceAnswer {
    /// Changes what was decided, in `predictions` and in the tensors that `roles` names, so that both say the same.
    ///
    /// Tensors keep name, shape and element type. Scores are written as the tensor holds them: one column a class, or
    /// the positive class alone; where it holds logits, the logarithm of the probability (of the odds for one column),
    /// probabilities below 1e-12 as 1e-12. Labels are written as the class stands there: its name, the number that its
    /// name is, else its index. Without predictions nothing is changed.
    /// - Parameters:
    ///   - scores: As `Predictions.scores`: `[count, classes]` row-major, or `[count]` for a regression; `nil` leaves
    ///     them. Must have as many values as there are.
    ///   - labels: Index of a class for each row; `nil` leaves them. Indices that name no class are left.
    /// - Returns: Whether every tensor that `roles` names now says it; `false` where one has a form that is not known.
    @discardableResult
    public mutating func rewrite(scores: [Float]?, labels: [Int32]?) -> Bool {
        guard let old = predictions else { return scores == nil && labels == nil }
        precondition(scores?.count ?? old.scores.count == old.scores.count, "scores must be \(old.scores.count)")
        precondition(labels?.count ?? old.labels.count == old.labels.count, "labels must be \(old.labels.count)")
        let known = labels.map { zip($0, old.labels).map { old.classes.indices.contains(Int($0)) ? $0 : $1 } }
        var isDone = true
        let kind = roles.kind
        if let scores, let name = roles.scores {
            isDone = replace(name) { tensor in
                ScoreForm(tensor, rows: old.count, classes: old.classes.count, kind: kind)?.write(scores)
            }
        }
        if let known, let name = roles.label {
            isDone = replace(name) { Self.labelled($0, known, old) } && isDone
        }
        predictions = Predictions(
            task: old.task, classes: old.classes, kind: old.kind, scores: scores ?? old.scores,
            labels: known ?? old.labels, outputs: outputsOfPredictions(old))
        return isDone
    }

    /// Puts another tensor in the place of the first of a name; `false` where there is none or it cannot be written.
    private mutating func replace(_ name: String, with make: (Tensor) -> Tensor?) -> Bool {
        guard let index = outputs.firstIndex(where: { $0.name == name }), let made = make(outputs[index].tensor) else {
            return false
        }
        outputs[index] = NamedTensor(name, made)
        return true
    }

    /// Raw scores beside predictions are the same numbers as in the tensor of that name.
    private func outputsOfPredictions(_ old: Predictions) -> [NamedTensor] {
        old.outputs.map { kept in outputs.first { $0.name == kept.name } ?? kept }
    }

    /// The label tensor with only those rows written that change, so that a spelling of the model's own stays.
    private static func labelled(_ tensor: Tensor, _ labels: [Int32], _ old: Predictions) -> Tensor? {
        guard tensor.storage.count == labels.count else { return nil }
        let changed = labels.indices.filter { labels[$0] != old.labels[$0] }
        guard !changed.isEmpty else { return tensor }
        let names = changed.map { old.classes[Int(labels[$0])] }
        let numbers = zip(changed, names).map { Self.number($1) ?? Int64(labels[$0]) }
        func whole<Value: FixedWidthInteger>(_ values: [Value]) -> [Value]? {
            var values = values
            for (row, number) in zip(changed, numbers) {
                guard let value = Value(exactly: number) else { return nil }
                values[row] = value
            }
            return values
        }
        let storage: Tensor.Storage?
        switch tensor.storage {
        case .string(var values):
            for (row, name) in zip(changed, names) { values[row] = name }
            storage = .string(values)
        case .float(var values):
            for (row, number) in zip(changed, numbers) { values[row] = Float(number) }
            storage = .float(values)
        case .double(var values):
            for (row, number) in zip(changed, numbers) { values[row] = Double(number) }
            storage = .double(values)
        case .bool(var values):
            for row in changed { values[row] = labels[row] != 0 }
            storage = .bool(values)
        case .int8(let values): storage = whole(values).map { .int8($0) }
        case .int16(let values): storage = whole(values).map { .int16($0) }
        case .int32(let values): storage = whole(values).map { .int32($0) }
        case .int64(let values): storage = whole(values).map { .int64($0) }
        case .uint8(let values): storage = whole(values).map { .uint8($0) }
        case .uint16(let values): storage = whole(values).map { .uint16($0) }
        case .uint32(let values): storage = whole(values).map { .uint32($0) }
        case .uint64(let values): storage = whole(values).map { .uint64($0) }
        case .float16: storage = nil
        }
        return storage.map { Tensor(shape: tensor.shape, $0) }
    }

    /// The whole number that a class is named after, such as `3`, `-1` or `2.0`.
    private static func number(_ name: String) -> Int64? {
        if let number = Int64(name) { return number }
        if name == "true" || name == "True" { return 1 }
        if name == "false" || name == "False" { return 0 }
        return Double(name).flatMap { Int64(exactly: $0) }
    }
}

/// How a tensor holds scores.
struct ScoreForm {
    let tensor: Tensor
    let rows: Int
    let classes: Int
    let kind: ScoreKind
    /// One column, for the positive class or a regression.
    let isSingle: Bool

    /// `nil` for a tensor that is neither `[rows, classes]` nor `[rows]`.
    init?(_ tensor: Tensor, rows: Int, classes: Int, kind: ScoreKind) {
        (self.tensor, self.rows, self.classes, self.kind) = (tensor, rows, classes, kind)
        if tensor.storage.count == rows, classes <= 2 {
            isSingle = true
        } else if classes > 0, tensor.storage.count == rows * classes {
            isSingle = false
        } else {
            return nil
        }
    }

    /// The tensor with other scores; `nil` for an element type that scores do not have.
    func write(_ scores: [Float]) -> Tensor? {
        let values = values(scores)
        let storage: Tensor.Storage
        switch tensor.storage {
        case .float: storage = .float(values)
        // why: what was rounded in decimal stays a short decimal in float64.
        case .double: storage = .double(values.map { Double(String($0)) ?? Double($0) })
        case .float16: storage = .float16(values.map { HalfPrecision.bits($0) })
        default: return nil
        }
        return Tensor(shape: tensor.shape, storage)
    }

    private func values(_ scores: [Float]) -> [Float] {
        guard classes > 0 else { return scores }
        let isLogit = kind == .logits
        if isSingle {
            guard classes == 2 else { return scores }
            return (0..<rows).map { row in
                let (low, high) = (scores[2 * row], scores[2 * row + 1])
                return isLogit ? Self.logarithm(high) - Self.logarithm(low) : high
            }
        }
        return isLogit ? scores.map(Self.logarithm) : scores
    }
    private static func logarithm(_ share: Float) -> Float { log(max(share, 1e-12)) }
}
