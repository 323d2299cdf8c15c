public import CasemateCore
public import CasemateModels
import Foundation

/// Searches a network for an input that meets a VNN-LIB property: a counterexample to its specification.
///
/// Many starting points at a time walk against the gradient of the inequality that fails most, in steps measured in
/// widths of the box that shrink from round to round; later rounds start from the best points so far as well as from
/// new ones. A point counts only when plain ONNX Runtime confirms it inside the box with no tolerance. Finding nothing
/// proves nothing. Source of the walk: Madry et al., ICLR 2018 (projected gradient descent with restarts); choosing the
/// worst inequality and restarting from the best points are ours. Half of the walks begin along a random direction of the
/// outputs, since margins can be flat around the middle of a box.
public struct SpecificationAttack: Sendable {
    /// An input with the outputs that plain ONNX Runtime gives for it.
    public struct Witness: Hashable, Sendable {
        /// Flat, row-major.
        public let input: [Float], output: [Float]
    }
    /// What a search gave.
    public struct Result: Hashable, Sendable {
        /// A confirmed counterexample; `nil` when none was found, which proves nothing.
        public let witness: Witness?
        /// Points that the network was asked, with gradients and without.
        public let points: Int
        /// Smallest excess over the inequalities that was reached; above 0 without a witness.
        public let bestExcess: Double
        /// Rounds of restarts.
        public let rounds: Int
        /// Whether gradients were used; false for networks that none goes through.
        public let usedGradients: Bool
        /// Why no gradients were used.
        public let note: String?
    }
    /// Steps of one walk.
    public var steps = 60
    /// Most rounds; the deadline ends the search earlier.
    public var rounds = Int.max

    /// Makes the search with its default settings.
    public init() {}

    /// Searches until a counterexample is confirmed, the deadline has come or the rounds are over.
    /// - Throws: what loading throws; `Cancelled` when interrupted.
    public func search(
        network path: String, property: VnnProperty, runtime: OnnxRuntime, context: RunContext
    ) throws -> Result {
        let network = try VnnNetwork(path: path, runtime: runtime)
        guard network.inputCount == property.inputCount else {
            throw CasemateError(
                .mismatch, at: path,
                "takes \(network.inputCount) values, the property declares \(property.inputCount) inputs",
                help: "take the property that was written for this network")
        }
        let boxes = property.cases.map(\.floatBox)
        let reachable = boxes.indices.filter { boxes[$0] != nil }
        guard !reachable.isEmpty else {
            return Result(
                witness: nil, points: 0, bestExcess: .infinity, rounds: 0, usedGradients: false,
                note: "no box of the property holds a float32 point")
        }
        var search = SpecificationSearch(
            property: property, network: network, boxes: boxes, cases: reachable, steps: steps, context: context)
        do {
            let gradient = try VnnGradient(
                path: path, property: property, runtime: runtime, threads: context.threads,
                cancellation: context.cancellation)
            try search.walk(gradient, rounds: rounds)
        } catch let error as CasemateError where error.code == .unsupported {
            search.note = "\(error.what): searched without gradients"
            try search.sample(rounds: rounds)
        } catch let cancelled as Cancelled where cancelled.reason == .outOfTime {
        }
        return search.result
    }
}
