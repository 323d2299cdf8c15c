import CasemateCore
import CasemateModels

/// A decision brought down to the sums of an ensemble.
struct TreeRule: Sendable {
    /// How sums become a class.
    enum Reading: Sendable {
        /// 1 where the rounded sum of an output is at least a cut.
        case margin(output: Int, atLeast: Double)
        /// The output whose sum, with its base, is largest; the first of equal ones.
        case largest(bases: [Double], candidates: [Int])
        /// 1 where the second sum is larger than the first by at least a cut, up to rounding; the answers decide.
        case difference(atLeast: Double, score: Double)
    }
    /// How sums become a class.
    let reading: Reading
    private let rounding: TreeRounding
    private let ensemble: TreeEnsemble
    private let decision: TreeDecision

    /// Brings a decision down to sums.
    /// - Throws: `unsupported` for aggregates, transforms and leaves for which that is not possible;
    ///   `invalidSetting` for decisions that the form does not have.
    init(_ ensemble: TreeEnsemble, _ decision: TreeDecision) throws(CasemateError) {
        let form = ensemble.form
        try Self.check(ensemble)
        (self.ensemble, self.decision) = (ensemble, decision)
        let bases = form.base.count == form.outputs ? form.base : [Double](repeating: 0, count: form.outputs)
        rounding = TreeRounding(ensemble, bases: bases)
        reading = try Self.reading(ensemble, decision, bases)
    }

    /// Refuses what is no finite sum.
    static func check(_ ensemble: TreeEnsemble) throws(CasemateError) {
        guard ensemble.form.aggregate == .sum || ensemble.form.aggregate == .average else {
            throw unsupported("trees joined by their \(ensemble.form.aggregate.rawValue)", "sums and averages are")
        }
        guard ensemble.weights.allSatisfy(\.value.isFinite) else {
            throw unsupported("leaves with infinite weights", "finite ones are")
        }
    }

    private static func unsupported(_ what: String, _ only: String) -> CasemateError {
        CasemateError(
            .unsupported, at: "trees", "\(what) are not searched exactly", help: "\(only); use a query-based attack")
    }

    private static func reading(
        _ ensemble: TreeEnsemble, _ decision: TreeDecision, _ bases: [Double]
    ) throws(CasemateError) -> Reading {
        let form = ensemble.form
        let probe = TreeAnswerProbe(ensemble)
        switch decision {
        case .label:
            guard !form.classes.isEmpty else {
                throw CasemateError(
                    .invalidSetting, at: "trees", "a regression has no classes to move a row between",
                    help: "give a threshold on its value")
            }
            if form.classes.count == 2 {
                let output = try deciding(ensemble)
                return .margin(output: output, atLeast: probe.cut(output) { $0.label == 1 })
            }
            return try largest(ensemble, bases)
        case .score(let output, let cut):
            let isPair = form.classes.count == 2
            guard cut.isFinite, isPair ? output == 1 : (0..<form.outputs).contains(output) else {
                throw CasemateError(
                    .invalidSetting, at: "trees", "a threshold of \(cut) on output \(output)",
                    help: isPair ? "two classes are cut at the score of output 1" : "name an output")
            }
            let isJoint = form.transform == .softmax || form.transform == .softmaxZero
            guard form.transform != .probit, form.transform != .softmaxZero, !isJoint || form.outputs < 3 else {
                throw unsupported("thresholds on scores of a \(form.transform.rawValue)", "labels are")
            }
            let deciding = isPair ? try deciding(ensemble) : output
            let least = probe.cut(deciding) { $0.scores.indices.contains(output) && $0.scores[output] >= cut }
            let isOne = form.outputs == 1 || TreeAnswerProbe.hasOneColumn(ensemble) || form.base.count == 2
            return isJoint && !isOne
                ? .difference(atLeast: least, score: cut) : .margin(output: deciding, atLeast: least)
        }
    }

    /// The output whose sum says which of two classes it is.
    private static func deciding(_ ensemble: TreeEnsemble) throws(CasemateError) -> Int {
        let form = ensemble.form
        if form.outputs == 1 { return 0 }
        if TreeAnswerProbe.hasOneColumn(ensemble) {
            let output = Int(ensemble.weights.first?.output ?? 0)
            // why: without a base value an absent sum and a sum of 0 are the same.
            if form.base.isEmpty || TreeAnswerProbe.isAlwaysThere(output, ensemble) { return output }
        } else if TreeAnswerProbe.isAlwaysThere(1, ensemble), TreeAnswerProbe.isAlwaysThere(0, ensemble) {
            return form.base.count == 2 ? 0 : 1
        }
        throw unsupported("leaves that leave out a class", "leaves with a weight for every class are")
    }

    private static func largest(_ ensemble: TreeEnsemble, _ bases: [Double]) throws(CasemateError) -> Reading {
        let form = ensemble.form
        if form.convention == .boosting || !form.base.isEmpty {
            return .largest(bases: bases, candidates: Array(0..<form.outputs))
        }
        var candidates: [Int] = []
        var present = [Bool](repeating: false, count: form.outputs)
        for weight in ensemble.weights { present[Int(weight.output)] = true }
        for output in 0..<form.outputs where present[output] {
            guard TreeAnswerProbe.isAlwaysThere(output, ensemble) else {
                throw unsupported("leaves that leave out a class", "leaves with a weight for every class are")
            }
            candidates.append(output)
        }
        return .largest(bases: bases, candidates: candidates)
    }

    /// The class of a row of the table, by the ensemble's own walk and answers.
    func label(_ row: [Float], _ grid: TreeGrid) -> Int32 {
        guard let answers = answers(row, grid) else { return -1 }
        switch decision {
        case .label: return answers.labels.first ?? -1
        case .score(let output, let cut):
            return answers.scores.indices.contains(output) && answers.scores[output] >= cut ? 1 : 0
        }
    }

    /// The ensemble's answers for a row of the table.
    func scores(_ row: [Float], _ grid: TreeGrid) -> [Double] { answers(row, grid)?.scores ?? [] }

    private func answers(_ row: [Float], _ grid: TreeGrid) -> (scores: [Double], labels: [Int32])? {
        var input = row.withUnsafeBufferPointer { row in
            (0..<ensemble.width).map { grid.columnValue($0, row: row) }
        }
        if input.isEmpty { input = [0] }
        return (try? ensemble.leaves(input, width: input.count)).map { ensemble.answers($0) }
    }

    // MARK: Conditions

    /// Largest difference between the sum of an output as evaluated and the sum of its weights.
    func error(ofOutput output: Int) -> Double { rounding.errors[output] }

    /// Conditions of which every row of another class than `label` fulfils at least one.
    func rivals(from label: Int32) -> [TreeRival] {
        let outputs = ensemble.form.outputs
        var coefficients = [Double](repeating: 0, count: outputs)
        switch reading {
        case .margin(let output, let cut):
            let isUp = label == 0
            coefficients[output] = isUp ? 1 : -1
            return [TreeRival(label: isUp ? 1 : 0, coefficients: coefficients, needed: needed(output, cut, isUp))]
        case .largest(let bases, let candidates):
            return candidates.filter { $0 != Int(label) }.map { other in
                var coefficients = coefficients
                (coefficients[other], coefficients[Int(label)]) = (1, -1)
                let error = rounding.errors[other] + rounding.errors[Int(label)]
                let cut = scaled(bases[Int(label)] - bases[other])
                // why: of equal sums the first wins.
                let isStrict = error == 0 && Int(label) < other
                return TreeRival(
                    label: Int32(other), coefficients: coefficients, needed: isStrict ? cut.nextUp : cut - error)
            }
        case .difference(let cut, _):
            let sign: Double = label == 0 ? 1 : -1
            (coefficients[0], coefficients[1]) = (-sign, sign)
            let error = rounding.errors[0] + rounding.errors[1] + 1e-9 * (abs(cut) + 1)
            return [TreeRival(label: 1 - label, coefficients: coefficients, needed: sign * scaled(cut) - error)]
        }
    }

    private func scaled(_ cut: Double) -> Double {
        ensemble.form.aggregate == .average ? cut * Double(ensemble.trees) : cut
    }

    private func needed(_ output: Int, _ cut: Double, _ isUp: Bool) -> Double {
        guard cut.isFinite else { return isUp ? cut : -cut }
        let base = ensemble.form.convention == .boosting && !ensemble.form.base.isEmpty ? ensemble.form.base[output] : 0
        let unit = ensemble.form.isDouble ? 0x1p-52 : 0x1p-23
        let error = rounding.errors[output]
        let slack = error == 0 ? 0 : error + scaled(abs(cut)) * unit
        if isUp { return scaled(cut) - base - slack }
        return slack == 0 ? (base - scaled(cut)).nextUp : base - scaled(cut) - slack
    }
}
