/// Says which outputs of an answer are the class and the scores, by names, types and shapes, and reads them.
package struct ServingReading: Sendable {
    /// Which outputs carry what.
    package struct Roles: Hashable, Sendable {
        /// Output of the class, and of the scores.
        package var label: String?, scores: String?
        /// What the scores are.
        package var kind: ScoreKind
        /// Makes roles.
        package init(label: String?, scores: String?, kind: ScoreKind) {
            (self.label, self.scores, self.kind) = (label, scores, kind)
        }
    }
    /// Names of the classes in column order; empty where nobody said.
    package let classes: [String]
    private let positions: [String: Int32]
    /// Whether a class is named by a number, so that numbers are names.
    private let hasNumbers: Bool

    /// Makes a reading for known classes.
    package init(classes: [String]) {
        self.classes = classes
        hasNumbers = classes.contains { Int($0) != nil }
        positions = Dictionary(classes.enumerated().map { ($1, Int32($0)) }) { first, _ in first }
    }

    /// Reads an answer.
    /// - Throws: `ServingLie` for a class that is not among the known ones, and another number of scores than classes.
    package func read(_ outputs: [NamedTensor], rows: Int) throws(ServingLie) -> (Roles, Predictions?) {
        let scores = scores(outputs, rows)
        let label = label(outputs, rows, apart: scores?.name)
        var roles = Roles(label: label?.name, scores: scores?.name, kind: .labels)
        let names = try label.map { tensor throws(ServingLie) in try indices(tensor.tensor) } ?? nil
        guard let scores, let values = scores.tensor.storage.doubles?.map({ Float($0) }) else {
            guard let names else { return (roles, nil) }
            var one = [Float](repeating: 0, count: rows * classes.count)
            for (row, index) in names.enumerated() { one[row * classes.count + Int(index)] = 1 }
            return (roles, predictions(.labels, one, names, classes))
        }
        let width = values.count / max(1, rows)
        let isUnit = values.allSatisfy { (-1e-4...1.0001).contains($0) }
        if width == 1 {
            guard classes.count == 2 || label != nil else {
                roles.kind = .value
                let task = Predictions(task: .regression, classes: [], kind: .value, scores: values, labels: [])
                return (roles, task)
            }
            guard classes.count <= 2 else { throw ServingLie("there is one score for \(classes.count) classes") }
            roles.kind = isUnit ? .probabilities : .decisionValues
            let both = values.flatMap { isUnit ? [1 - $0, $0] : [-$0, $0] }
            let known = classes.isEmpty ? ["0", "1"] : classes
            return (roles, predictions(roles.kind, both, names, known))
        }
        guard classes.isEmpty || classes.count == width else {
            throw ServingLie("there are \(width) scores for \(classes.count) classes")
        }
        let isDistribution =
            isUnit
            && (0..<rows).allSatisfy { row in
                abs(values[row * width..<(row + 1) * width].reduce(0, +) - 1) <= 1e-3
            }
        roles.kind = isDistribution ? .probabilities : .decisionValues
        let known = classes.isEmpty ? (0..<width).map { String($0) } : classes
        return (roles, predictions(roles.kind, values, names, known))
    }

    private func predictions(
        _ kind: ScoreKind, _ scores: [Float], _ labels: [Int32]?, _ classes: [String]
    ) -> Predictions {
        let width = classes.count
        let found =
            labels
            ?? (0..<scores.count / max(1, width)).map { row in
                let row = scores[row * width..<(row + 1) * width]
                let best = row.indices.max { row[$0] < row[$1] || (row[$0] == row[$1] && $0 > $1) } ?? row.startIndex
                return Int32(best - row.startIndex)
            }
        return Predictions(
            task: width == 2 ? .binary : .multiclass, classes: classes, kind: kind, scores: scores, labels: found)
    }

    /// The output of scores: the only one of several numbers a row, else the only one of fractions.
    private func scores(_ outputs: [NamedTensor], _ rows: Int) -> NamedTensor? {
        let reals = outputs.filter { output in
            switch output.tensor.storage {
            case .float, .double, .float16: output.tensor.shape.dropFirst(2).allSatisfy { $0 == 1 }
            default: false
            }
        }
        let wide = reals.filter { $0.tensor.storage.count > rows }
        let found = wide.isEmpty ? reals.filter { $0.tensor.storage.count == rows && !isClass($0.tensor) } : wide
        return only(found) ?? only(found.filter { $0.name.lowercased().contains("prob") })
    }

    /// The output of the class: the only one of a text or a whole number a row.
    private func label(_ outputs: [NamedTensor], _ rows: Int, apart scores: String?) -> NamedTensor? {
        let found = outputs.filter { output in
            guard output.name != scores, output.tensor.storage.count == rows else { return false }
            return switch output.tensor.storage {
            case .float, .double, .float16: isClass(output.tensor)
            default: true
            }
        }
        return only(found)
            ?? only(
                found.filter { output in
                    ["label", "class", "predict"].contains { output.name.lowercased().contains($0) }
                })
    }

    /// Whether numbers with a fraction's type are names of classes that are known.
    private func isClass(_ tensor: Tensor) -> Bool {
        guard !classes.isEmpty, let numbers = tensor.storage.doubles else { return false }
        return numbers.allSatisfy { index(Self.name($0)) != nil }
    }

    private func only(_ outputs: [NamedTensor]) -> NamedTensor? { outputs.count == 1 ? outputs[0] : nil }
    private static func name(_ number: Double) -> String { Int(exactly: number).map { "\($0)" } ?? "\(number)" }

    /// The index of a class: by its name, or as a number where the names are none.
    private func index(_ name: String) -> Int32? {
        if let index = positions[name] { return index }
        guard !hasNumbers, let number = Int(name), classes.indices.contains(number) else { return nil }
        return Int32(number)
    }

    /// The classes as indices; `nil` where nobody said which there are.
    private func indices(_ tensor: Tensor) throws(ServingLie) -> [Int32]? {
        guard !classes.isEmpty else { return nil }
        let names: [String]
        switch tensor.storage {
        case .string(let texts): names = texts
        case .int64(let values): names = values.map { "\($0)" }
        case .uint64(let values): names = values.map { "\($0)" }
        case .bool(let values):
            names = values.map { flag in positions["true"] == nil ? (flag ? "1" : "0") : flag ? "true" : "false" }
        default: names = (tensor.storage.doubles ?? []).map(Self.name)
        }
        var result: [Int32] = []
        result.reserveCapacity(names.count)
        for name in names {
            guard let index = index(name) else { throw ServingLie("a class is not among the known ones") }
            result.append(index)
        }
        return result
    }
}
