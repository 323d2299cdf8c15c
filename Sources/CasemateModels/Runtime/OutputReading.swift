import CasemateCore

/// How the outputs of a graph become scores and classes.
struct OutputReading {
    /// Where scores stand.
    enum Shape: Hashable { case none, single, matrix, columns }
    /// What is done to scores.
    enum Transform: Hashable { case none, softmax, sigmoid }

    /// Whether the first fetched output is the class.
    let hasLabel: Bool
    let shape: Shape
    let transform: Transform
    let task: ModelTask
    let kind: ScoreKind
    /// Class names as callers see them.
    let classes: [String]
    /// Class names as the graph writes them.
    let labels: OnnxLabels
    /// Scores a row in `Predictions`.
    var width: Int { task == .regression ? 1 : classes.count }
}

/// What a probe of the graph gave: the fetched outputs for some rows.
struct OnnxProbe {
    let rows: Int
    /// Element types and shapes of the fetched outputs.
    let facts: [OnnxOutputs.Facts]
    /// The scores of each score output.
    let scores: [[Float]]
    /// The distinct classes that the class output gave, as text.
    let labels: Set<String>
}

extension OutputReading {
    /// Decides by the graph, by a probe of it and by what the caller says.
    /// - Throws: `unsupported` for answers of no known form, `invalidSetting` for overrides that do not fit.
    init(
        _ plan: OutputPlan, _ probe: OnnxProbe, _ tail: OnnxTail, _ overrides: ModelOverrides, path: String
    ) throws(CasemateError) {
        let detect = Detection(plan: plan, probe: probe, tail: tail, overrides: overrides, path: path)
        hasLabel = plan.label != nil
        let width = plan.scores.isEmpty ? 0 : plan.scores.count > 1 ? plan.scores.count : try detect.width()
        shape = plan.scores.isEmpty ? .none : plan.scores.count > 1 ? .columns : width == 1 ? .single : .matrix
        let found: (task: ModelTask, kind: ScoreKind, transform: Transform) =
            switch shape {
            case .none: (.multiclass, .labels, .none)
            case .single: detect.single()
            case .matrix, .columns: try detect.several(width)
            }
        (kind, transform) = (found.kind, found.transform)
        if found.task == .regression {
            (task, classes, labels) = (.regression, [], OnnxLabels([]))
            return
        }
        let names = try detect.classes(width < 2 ? (shape == .none ? nil : 2) : width)
        (classes, labels) = (names.shown, OnnxLabels(names.written))
        task = names.shown.count == 2 ? .binary : .multiclass
        if let wanted = overrides.task, wanted != task {
            throw detect.setting("has \(classes.count) classes, the task '\(wanted.rawValue)' does not fit")
        }
    }
}

/// The rules of detection.
private struct Detection {
    let plan: OutputPlan
    let probe: OnnxProbe
    let tail: OnnxTail
    let overrides: ModelOverrides
    let path: String

    /// The operator that makes the scores.
    private var last: String {
        plan.scores.first.flatMap { tail.maker(of: $0 == plan.zipMap?.output ? plan.zipMap?.input ?? $0 : $0) }?.opType
            ?? ""
    }

    /// Scores a row, once rows are rows.
    func width() throws(CasemateError) -> Int {
        guard let facts = probe.facts.last else { return 0 }
        let width = facts.width(rows: probe.rows)
        guard width > 0, facts.shape.dropFirst(2).allSatisfy({ $0 == 1 }) else {
            let shown = facts.shape.map { String($0) }.joined(separator: ",")
            throw CasemateError(
                .unsupported, at: path, "the score output is [\(shown)] for \(probe.rows) rows",
                help: "scores [N,K], [N,1] or [N] are supported; name another output with model.output.scores")
        }
        return width
    }

    /// One number a row: a probability, a logit, or a value.
    func single() -> (ModelTask, ScoreKind, OutputReading.Transform) {
        if overrides.task == .regression || overrides.kind == .value { return (.regression, .value, .none) }
        let isProbability = last == "Sigmoid" || postTransform == "LOGISTIC"
        let isKnownBinary = overrides.task == .binary || overrides.kind != nil || plan.label != nil
        guard isProbability || isKnownBinary || overrides.classes?.count == 2 else {
            return (.regression, .value, .none)
        }
        let isLogit = !isProbability && (OnnxTail.linear.contains(last) || !isInUnitRange)
        switch overrides.kind ?? (isLogit ? .logits : .probabilities) {
        case .logits: return (.binary, .logits, .sigmoid)
        case .decisionValues: return (.binary, .decisionValues, .none)
        default: return (.binary, .probabilities, .none)
        }
    }

    /// Several numbers a row, one a class.
    func several(_ width: Int) throws(CasemateError) -> (ModelTask, ScoreKind, OutputReading.Transform) {
        if overrides.task == .regression || overrides.kind == .value {
            throw setting(
                "gives \(width) numbers a row, a regression gives one; name one output with model.output.scores")
        }
        let task: ModelTask = width == 2 ? .binary : .multiclass
        switch overrides.kind ?? detected {
        case .logits: return (task, .logits, .softmax)
        case .probabilities: return (task, .probabilities, .none)
        default: return (task, .decisionValues, .none)
        }
    }

    private var detected: ScoreKind {
        if last == "LogSoftmax" { return .logits }
        if isDistribution { return .probabilities }
        // why: a graph with a class output that is not softmax'd comes from a classifier with margins.
        let isNetwork = plan.label == nil && plan.scores.count == 1
        return isNetwork && OnnxTail.linear.contains(last) ? .logits : .decisionValues
    }

    private var postTransform: String {
        let node = plan.scores.first.flatMap { tail.maker(of: $0) }
        return node?.attribute.first { $0.name == "post_transform" }.map { String(decoding: $0.s, as: UTF8.self) } ?? ""
    }

    private var isInUnitRange: Bool {
        probe.scores.allSatisfy { $0.allSatisfy { !$0.isFinite || (-1e-4...1.0001).contains($0) } }
    }

    /// Whether the probe's rows lie in 0…1 and sum to 1.
    private var isDistribution: Bool {
        guard isInUnitRange else { return false }
        let rows = probe.rows
        for row in 0..<rows {
            var sum: Float = 0
            for scores in probe.scores {
                let width = scores.count / max(1, rows)
                sum += scores[row * width..<(row + 1) * width].reduce(0, +)
            }
            if sum.isFinite, abs(sum - 1) > 1e-3 { return false }
        }
        return true
    }

    /// Class names: shown to callers, and as the graph writes them.
    func classes(_ count: Int?) throws(CasemateError) -> (shown: [String], written: [String]) {
        let found = tail.classes(label: plan.label, scores: plan.scores, count: count)
        let numbered = count.map { (0..<$0).map { String($0) } }
        let given = overrides.classes
        if let given, Set(given).count < given.count || given.count < 2 || given.count != count ?? given.count {
            throw setting("\(given.count) class names for \(count.map { String($0) } ?? "some") classes, or one twice")
        }
        if let found, let given, given.count != found.count {
            throw setting("\(given.count) class names for the graph's \(found.count) classes")
        }
        guard let written = found ?? given ?? numbered else {
            throw CasemateError(
                .unsupported, at: path, "the graph gives only a class and does not say which classes there are",
                help: "state them in order with model.output.classes, such as [declined, approved]")
        }
        // why: names that the graph never gives show that they were taken from the wrong place.
        let known = probe.labels.isSubset(of: written) ? written : numbered ?? written
        guard probe.labels.isSubset(of: known) else {
            let odd = probe.labels.subtracting(written).min() ?? ""
            throw CasemateError(
                .unsupported, at: path, "the class output gives '\(OnnxLook.printable(odd))', which is no known class",
                help: "state the classes in column order with model.output.classes")
        }
        return (given ?? known, known)
    }

    func setting(_ what: String) -> CasemateError {
        CasemateError(.invalidSetting, at: path, what, help: "leave the override out, or correct it")
    }
}
