public import CasemateCore
public import CasemateData
public import CasemateModels
import Foundation

/// Asks a model about a thousand rows that nobody should send: shuffled, random, beyond every range, missing,
/// malformed, infinite; and about some of them in several ways.
///
/// A fuzz test of the model's inputs (Miller, Fredriksen, So, "An empirical study of the reliability of UNIX utilities",
/// 1990) with the checks of metamorphic testing: a row's answer must not depend on its neighbours, its place or the call.
/// Rows travel as the model's own tensors, so that also what a table would refuse gets there. Values are extreme, tensors
/// never: types and shapes are always the graph's. A process that a native engine brings down cannot be caught here.
public struct RandomTest: Sendable {
    /// Rows made; fewer where a row has more than a thousand features, so that they are a million values at most, but
    /// never fewer than 20.
    public var rows: Int
    /// Rows asked alone, and rows repeated in one batch.
    public var alone: Int, repeated: Int
    /// Differences of scores up to this are rounding, relative to the largest score of the row and of rows within the
    /// range of the data where that exceeds 1.
    public var tolerance: Double
    /// Whether numbers beyond 10⁹ and infinities are left out: for graphs in which a value can set the work to do.
    public var isTame: Bool
    /// Makes a test.
    public init(
        rows: Int = 1_000, alone: Int = 100, repeated: Int = 20, tolerance: Double = 1e-5, isTame: Bool = false
    ) {
        (self.rows, self.alone, self.repeated) = (rows, alone, repeated)
        (self.tolerance, self.isTame) = (tolerance, isTame)
    }

    /// Runs the test.
    /// - Parameters:
    ///   - model: The model.
    ///   - real: Rows like those that the model is meant for, at least one; edits start from them.
    ///   - reference: Rows that say what is in range; `nil` takes `real`.
    ///   - oneHotGroups: Groups of features of which exactly one is 1.
    ///   - decide: Turns answers into decisions; `[]` where there are none.
    ///   - context: Seed, deadline, cancellation.
    /// - Throws: `Cancelled`; `CasemateError` with `mismatch` when there is no row or the features do not fit.
    public func run(
        _ model: any Model, real: FeatureMatrix, reference: FeatureMatrix? = nil, oneHotGroups: [[Int]] = [],
        decide: @escaping @Sendable (Predictions) -> [Int32] = { _ in [] }, context: RunContext = RunContext()
    ) throws -> RandomTestResult {
        let session = try session(model, real, reference, oneHotGroups, decide, context)
        return try session.run()
    }

    /// The features that a fault needs: all others were put at a typical value (median, most frequent), one half, one
    /// quarter, … of them at a time, as long as `fails` held. Empty when the typical row fails as well. Ends after 500 questions with what is left then.
    ///
    /// Source: Zeller and Hildebrandt, "Simplifying and isolating failure-inducing input", 2002, without complements.
    public func reduced(
        _ row: GeneratedRow, _ model: any Model, real: FeatureMatrix, context: RunContext = RunContext(),
        fails: (RowAnswer) -> Bool
    ) throws -> [Int] {
        let session = try session(model, real, nil, [], { _ in [] }, context)
        let typical = session.generator.typical()
        var cells = row.cells
        // why: values of real rows go first, so that what was made up is kept.
        let made = Set(row.invented)
        var order = row.cells.indices.sorted { (made.contains($0) ? 1 : 0, $0) < (made.contains($1) ? 1 : 0, $1) }
            .filter { cells[$0] != typical[$0] }
        var (size, questions) = (order.count, 0)
        while size >= 1, questions < 500 {
            var kept: [Int] = []
            for start in stride(from: 0, to: order.count, by: size) {
                let part = Array(order[start..<min(start + size, order.count)])
                var trial = cells
                for index in part { trial[index] = typical[index] }
                questions += 1
                if questions <= 500, let answer = try session.asker.answers([trial]).first, fails(answer) {
                    cells = trial
                } else {
                    kept += part
                }
            }
            order = kept
            size = size == 1 ? 0 : (size + 1) / 2
        }
        return order.sorted()
    }

    private func session(
        _ model: any Model, _ real: FeatureMatrix, _ reference: FeatureMatrix?, _ oneHotGroups: [[Int]],
        _ decide: @escaping @Sendable (Predictions) -> [Int32], _ context: RunContext
    ) throws(CasemateError) -> RandomTestSession {
        let signature = model.signature
        let width = real.features.count
        guard real.count > 0, signature.layout != .columns || signature.inputs.count == width else {
            throw CasemateError(
                .mismatch, at: "random testing",
                "\(real.count) rows of \(width) features for \(signature.inputs.count) inputs",
                help: "give rows over the model's own features")
        }
        let encoder = RowEncoder(signature, features: width)
        let generator = RowGenerator(
            features: real.features, encoder: encoder, real: real, ranges: FeatureRange.ranges(of: reference ?? real),
            oneHotGroups: oneHotGroups, isTame: isTame, seed: context.seed)
        let asker = RowAsker(
            model: model, encoder: encoder, decide: decide, cancellation: context.cancellation)
        return RandomTestSession(test: self, generator: generator, asker: asker, context: context)
    }
}
