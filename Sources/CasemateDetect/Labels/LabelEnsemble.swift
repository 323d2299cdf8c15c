import CasemateCore
import CasemateData
import CasemateModels
import Foundation

/// Probabilities of the classes for rows by several learners that did not see them, asked twice.
///
/// Boosted trees, kernel machines and nearest neighbours in two spaces, and words, each add up their logarithms. Then
/// the rows whose labels are doubted most are left out, all but the trees learn again, and the sum is brought to
/// probabilities by one temperature.
struct LabelEnsemble: Sendable {
    /// `[count, classes]` probabilities that the data's label is each class.
    let probabilities: [Double]
    /// Share of the ten nearest rows in rank space that carry another label; empty without features.
    let disagreement: [Double]
    /// Learners that took part, for people, and whether time cut others off.
    let learners: [String], isPartial: Bool
    /// Rows left out in the second round.
    let leftOut: Int

    private static let folds = 5

    init(_ rows: LabelRows, engine: LightGBM?, context: RunContext) throws {
        let classes = rows.classes.count
        let nobody = [Bool](repeating: false, count: rows.count)
        var learners: [String] = []
        var trees: LabelView?
        let hasFeatures = !rows.matrix.features.isEmpty
        if let engine, hasFeatures {
            let repeats = rows.count <= 10_000 ? 3 : rows.count <= 60_000 ? 2 : 1
            trees = try LabelViews.boosted(
                rows, folds: Self.folds, repeats: repeats, engine: engine, context: context)
            learners.append("boosted trees")
        }
        let (machines, neighbours, isPartial) = try Self.prepared(rows, hasFeatures, context)
        if !machines.isEmpty { learners.append("kernel machines") }
        if !neighbours.isEmpty { learners.append("nearest neighbours") }
        if rows.words != nil { learners.append("words") }
        func others(_ isLeftOut: [Bool]) throws -> [LabelView] {
            var views = try machines.map { try $0.view(leavingOut: isLeftOut, context: context) }
            views += neighbours.map { $0.view(rows.labels, classes: classes, votes: 10, leavingOut: isLeftOut) }
            if let words = rows.words {
                let view = LabelViews.words(
                    rows, words, isLeftOut: isLeftOut, folds: Self.folds, seed: context.seed &+ 77)
                // why: words are no independent witnesses; a sum over many of them is far too sure.
                views.append(Temperature(view, rows.labels, classes: classes).view(view))
            }
            return views
        }
        let first = try others(nobody)
        let known = trees.map { [$0] } ?? []
        var probabilities = try StackedViews(known + first, rows.labels, classes: classes, context.cancellation)
            .probabilities
        let isLeftOut = Self.doubted(rows.labels, probabilities, classes: classes)
        leftOut = isLeftOut.count { $0 }
        if leftOut > 0 {
            let second = try others(isLeftOut)
            probabilities = try StackedViews(known + second, rows.labels, classes: classes, context.cancellation)
                .probabilities
        }
        self.probabilities = probabilities
        disagreement = neighbours.first?.disagreement(rows.labels, classes: classes, votes: 10) ?? []
        (self.learners, self.isPartial) = (learners, isPartial)
    }

    private static func prepared(
        _ rows: LabelRows, _ hasFeatures: Bool, _ context: RunContext
    ) throws -> (machines: [LabelKernel], neighbours: [LabelNeighbours], isPartial: Bool) {
        guard hasFeatures else { return ([], [], false) }
        var (machines, neighbours): ([LabelKernel], [LabelNeighbours]) = ([], [])
        // why: more features than rows can fill add time and nothing else.
        let (size, turns) = rows.count <= 10_000 ? (min(600, max(120, rows.count / 120 * 20)), 2) : (300, 1)
        for scale in LabelSpace.Scale.allCases {
            if let deadline = context.deadline, ContinuousClock.now > deadline { return (machines, neighbours, true) }
            let space = try LabelSpace(rows.matrix, scale: scale, cancellation: context.cancellation)
            guard space.width > 0 else { continue }
            neighbours.append(try LabelNeighbours(rows, space, pool: 50_000, context: context))
            for turn in 0..<turns {
                machines.append(
                    try LabelKernel(
                        rows, space, reach: scale == .rank ? 0.17 : 0.57, size: size, folds: folds,
                        seed: context.seed &+ UInt64(turn), learning: 30_000, context: context))
            }
        }
        return (machines, neighbours, false)
    }

    /// Rows to leave out: seven tenths of the estimated number of wrong labels, the most doubted first; nobody where
    /// noise cannot be told from overlap.
    private static func doubted(_ labels: [Int32], _ probabilities: [Double], classes: Int) -> [Bool] {
        var result = [Bool](repeating: false, count: labels.count)
        let noise = LabelNoise(labels: labels, probabilities: probabilities, classes: classes)
        guard noise.isSeparable else { return result }
        let order = labels.indices.sorted { (noise.doubts[$1], $0) < (noise.doubts[$0], $1) }
        for row in order.prefix(Int(0.7 * noise.share * Double(labels.count))) { result[row] = true }
        return result
    }
}

/// One factor on logarithms of probabilities that makes them as sure as they ought to be: the likeliest on the labels.
///
/// Source: Guo et al., "On calibration of modern neural networks", ICML 2017 (temperature scaling).
struct Temperature: Sendable {
    let factor: Double
    private let classes: Int

    init(_ view: LabelView, _ labels: [Int32], classes: Int) {
        self.classes = classes
        func loss(_ factor: Double) -> Double {
            var total = 0.0
            for (row, label) in labels.enumerated() {
                let start = row * classes
                let top = factor * (view[start..<start + classes].max() ?? 0)
                let sum = (start..<start + classes).reduce(0.0) { $0 + exp(factor * view[$1] - top) }
                total += top + log(sum) - factor * view[start + Int(label)]
            }
            return total
        }
        factor = GoldenSection.least(upTo: 4, steps: 24, of: loss).middle
    }

    func view(_ view: LabelView) -> LabelView { LabelViews.view(logits: view, classes: classes, scale: factor) }
    func probabilities(_ view: LabelView) -> [Double] { self.view(view).map { exp($0) } }
}
