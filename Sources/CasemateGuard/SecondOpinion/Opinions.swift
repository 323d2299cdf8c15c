import CasemateCore
import CasemateModels

/// Compares what two models answered to the same rows, and says which answer is safer.
struct Opinions: Sendable {
    /// What is compared, and how far apart it may be.
    enum Measure: Sendable, Hashable {
        case label
        /// Largest difference of a class's score.
        case score(Float)
        /// Largest difference of the values, as a share of the larger one.
        case regression(Float)
    }
    /// Which answer is safer.
    enum Safer: Sendable, Hashable {
        /// That for this class, or with more of its score.
        case label(Int32)
        case lower
        case higher
    }
    let measure: Measure
    let safer: Safer?
    /// For each class of the served model the benchmark's; empty for a regression.
    let classes: [Int]

    /// Finds what can be compared.
    /// - Throws: `mismatch` for models that do not answer the same; `invalidSetting` for a class that is none.
    init(
        _ settings: SecondOpinionSettings, _ model: ModelDescription, _ benchmark: ModelDescription
    ) throws(CasemateError) {
        let isValue = model.task == .regression
        guard isValue == (benchmark.task == .regression) else {
            throw CasemateError(
                .mismatch, at: settings.place, "one of the models is a regression and the other is none",
                help: "use a benchmark that answers the same")
        }
        guard settings.compare.map({ ($0 == .regression) == isValue }) ?? true else {
            throw CasemateError(
                .invalidSetting, at: settings.place,
                isValue ? "a regression has no labels and no scores of classes" : "the models are no regressions",
                help: "leave `compare` out")
        }
        classes = isValue ? [] : try Self.classes(model.classes, benchmark.classes, at: settings.place)
        let tolerance = Float(settings.tolerance ?? 0.2)
        switch settings.compare ?? (isValue ? .regression : .label) {
        case .label: measure = .label
        case .score: measure = .score(tolerance)
        case .regression: measure = .regression(tolerance)
        }
        safer = settings.action == .safer ? try Self.safer(settings, model, isValue) : nil
    }

    private static func classes(
        _ own: [String], _ others: [String], at place: String
    ) throws(CasemateError) -> [Int] {
        guard own.count == others.count, own.count > 1 else {
            throw CasemateError(
                .mismatch, at: place, "the models know \(own.count) and \(others.count) classes",
                help: "use a benchmark with the same classes")
        }
        let found = own.map { name in others.firstIndex { $0 == name } ?? others.firstIndex { same($0, name) } }
        let known = found.compactMap { $0 }
        if Set(known).count == own.count { return known }
        // why: where no name is common, such as 0 and 1 against deny and approve, both stand in the same order.
        guard known.isEmpty else {
            throw CasemateError(
                .mismatch, at: place, "the classes of the models are not the same",
                help: "export the benchmark with the classes \(own.prefix(6).joined(separator: ", "))")
        }
        return Array(own.indices)
    }
    /// Whether both are the same number, such as `1` and `1.0`.
    private static func same(_ one: String, _ other: String) -> Bool {
        guard let number = Double(one) else { return false }
        return Double(other) == number
    }

    private static func safer(
        _ settings: SecondOpinionSettings, _ model: ModelDescription, _ isValue: Bool
    ) throws(CasemateError) -> Safer {
        let name = settings.safer ?? ""
        guard !isValue else {
            if name == "lower" { return .lower }
            if name == "higher" { return .higher }
            throw CasemateError(
                .invalidSetting, at: settings.saferPlace, "a regression's safer answer is lower or higher",
                help: "write `safer: lower` or `safer: higher`")
        }
        let found = model.classes.firstIndex(of: name) ?? model.classes.firstIndex { same($0, name) }
        guard let found else {
            throw CasemateError(
                .invalidSetting, at: settings.saferPlace,
                "'\(name.prefix(60))' is no class of '\(model.name)'\(Suggestion.clause(for: name, among: model.classes))",
                help: "classes are \(model.classes.prefix(12).joined(separator: ", "))")
        }
        return .label(Int32(found))
    }

    /// The benchmark's answer in the order of the served model's classes; `nil` where the two do not have the same form.
    func aligned(_ other: Predictions, to own: Predictions) -> Predictions? {
        guard other.count == own.count, other.task != .regression || own.task == .regression,
            other.scores.count == own.scores.count
        else { return nil }
        guard own.task != .regression else { return other }
        let width = own.classes.count
        guard classes.count == width, other.classes.count == width else { return nil }
        guard classes != Array(0..<width) else { return other }
        var inverse = [Int32](repeating: 0, count: width)
        for (position, index) in classes.enumerated() { inverse[index] = Int32(position) }
        var scores = other.scores
        for row in 0..<other.count {
            for column in 0..<width { scores[row * width + column] = other.scores[row * width + classes[column]] }
        }
        let labels = other.labels.map { inverse.indices.contains(Int($0)) ? inverse[Int($0)] : $0 }
        return Predictions(task: own.task, classes: own.classes, kind: other.kind, scores: scores, labels: labels)
    }

    /// Rows on which the answers diverge, and the largest distance: of scores, or relative of values; for labels the
    /// distance of scores of the diverging rows, 1 where there are none.
    func divergence(_ own: Predictions, _ other: Predictions) -> (rows: [Int], largest: Float) {
        var rows: [Int] = [], largest: Float = 0
        for row in 0..<own.count {
            let distance: Float, isFar: Bool
            switch measure {
            case .label:
                isFar = own.labels[row] != other.labels[row]
                distance = isFar ? 1 : 0
            case .score(let tolerance):
                distance = apart(own, other, row)
                isFar = !(distance <= tolerance)
            case .regression(let tolerance):
                let (one, two) = (own.scores[row], other.scores[row])
                let size = max(abs(one), abs(two))
                distance = one == two ? 0 : abs(one - two) / size
                isFar = !(distance <= tolerance)
            }
            if isFar { rows.append(row) }
            if distance.isFinite { largest = max(largest, distance) }
        }
        return (rows, largest)
    }

    private func apart(_ own: Predictions, _ other: Predictions, _ row: Int) -> Float {
        let width = own.classes.count
        var most: Float = 0
        for index in row * width..<(row + 1) * width {
            let distance = abs(own.scores[index] - other.scores[index])
            // why not max: NaN must stay, it is no agreement.
            if !(distance <= most) { most = distance }
        }
        return most
    }

    /// Scores and labels with the safer answer in the given rows, and the rows that differ from before.
    func saferAnswer(
        _ own: Predictions, _ other: Predictions, rows: [Int]
    ) -> (scores: [Float], labels: [Int32], changed: [Int]) {
        var (scores, labels, changed) = (own.scores, own.labels, [Int]())
        let width = own.classes.count
        for row in rows {
            switch safer {
            case nil: break
            case .lower, .higher:
                let isBetter = safer == .lower ? other.scores[row] < scores[row] : other.scores[row] > scores[row]
                if isBetter, other.scores[row].isFinite {
                    scores[row] = other.scores[row]
                    changed.append(row)
                }
            case .label(let label):
                let place = row * width + Int(label)
                let takesOther =
                    other.labels[row] == label && (labels[row] != label || other.scores[place] > scores[place])
                let line = row * width..<(row + 1) * width
                if takesOther, other.scores[line].allSatisfy(\.isFinite) {
                    scores.replaceSubrange(line, with: other.scores[line])
                } else if labels[row] != label {
                    // why: neither model says the safer class, so that no score of theirs does; the highest score and
                    // that of the safer class change places.
                    scores.swapAt(place, line.max { scores[$0] < scores[$1] } ?? place)
                } else {
                    continue
                }
                labels[row] = label
                changed.append(row)
            }
        }
        return (scores, labels, changed)
    }
}
