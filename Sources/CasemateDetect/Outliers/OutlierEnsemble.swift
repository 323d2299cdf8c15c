import CasemateCore
import CasemateData
import CasemateModels
import Foundation

/// The detectors, fitted on the same rows: what each says of a row, on a scale of its own.
struct OutlierEnsemble: Sendable {
    /// The detectors, in the order of their scores.
    enum Part: Int, CaseIterable, Sendable {
        case forest, neighbours, robustScatter, rankScatter, autoencoder

        /// Name in reports.
        var name: String {
            switch self {
            case .forest: "isolation forest"
            case .neighbours: "neighbour distance"
            case .robustScatter: "robust Mahalanobis"
            case .rankScatter: "rank Mahalanobis"
            case .autoencoder: "autoencoder"
            }
        }
    }
    let space: OutlierSpace
    let forest: IsolationForest
    let neighbours: NeighbourDistance
    /// The scatter of three quarters of the rows, and of all with gross values brought in.
    let robust: RobustMahalanobis, plain: RobustMahalanobis
    let network: ReconstructionError?
    /// Detectors that are there.
    var parts: [Part] { Part.allCases.filter { $0 != .autoencoder || network != nil } }

    init(
        space: OutlierSpace, forest: IsolationForest, neighbours: NeighbourDistance, robust: RobustMahalanobis,
        plain: RobustMahalanobis, network: ReconstructionError?
    ) {
        (self.space, self.forest, self.neighbours) = (space, forest, neighbours)
        (self.robust, self.plain, self.network) = (robust, plain, network)
    }

    /// Fits the detectors on rows of which at least one column varies.
    /// - Throws: `unusableData` where none does; what training throws; `Cancelled`.
    init(_ rows: FeatureMatrix, settings: OutlierSettings, runtime: OnnxRuntime?, context: RunContext) throws {
        let space = try OutlierSpace(rows, limit: settings.width, context: context)
        guard space.width > 0 else {
            throw CasemateError(
                .unusableData, at: "rows", "no column varies, so that no row can be odd",
                help: "add columns with different values")
        }
        let points = space.points(rows)
        let width = space.width
        let forest = try IsolationForest(
            rows, trees: settings.trees, sampleSize: settings.treeRows, context: context)
        let nearby = Array(points.prefix(settings.neighbourRows * width))
        let neighbours = try NeighbourDistance(
            nearby, width: width, neighbours: settings.neighbours, seed: context.seed,
            cancellation: context.cancellation)
        // why fewer rows for wide points: an estimate costs rows × width².
        let scattered = min(rows.count, max(6 * width, 200_000_000 / (width * width)))
        let ridge = 0.01 + 0.2 * min(1, Double(width) / Double(scattered))
        let part = Array(points.prefix(scattered * width))
        let robust = try RobustMahalanobis(
            part, width: width, settings: .init(support: 0.75, ridge: ridge), context: context)
        let bound = OutlierSpace.bound
        let clipped = points.map { min(max($0, -bound), bound) }
        let plain = try RobustMahalanobis(
            Array(clipped.prefix(scattered * width)), width: width, settings: .init(support: 1, ridge: ridge),
            context: context)
        var network: ReconstructionError?
        if let runtime, settings.steps > 0, space.used.count > 1 {
            // why: few rows are learnt in fewer steps; 60 times each in batches of 128 is what many rows get too.
            let steps = min(settings.steps, max(400, clipped.count / width * 60 / 128))
            let positions = Dictionary(uniqueKeysWithValues: space.used.enumerated().map { ($1, $0) })
            network = try ReconstructionError(
                clipped, width: width, owners: space.owners.map { positions[$0] ?? 0 },
                settings: .init(steps: steps), runtime: runtime, context: context)
        }
        self.init(
            space: space, forest: forest, neighbours: neighbours, robust: robust, plain: plain, network: network)
    }

    /// Memory that scoring one row after the other needs.
    struct Room {
        var point: [Float], network: [Float], numbers: [Double]
        init(_ ensemble: OutlierEnsemble) {
            point = [Float](repeating: 0, count: ensemble.space.stride)
            network = [Float](repeating: 0, count: 3 * (ensemble.network?.roomSize ?? 0))
            numbers = [Double](repeating: 0, count: ensemble.space.width)
        }
    }

    /// Raw scores of rows.
    struct Raw: Sendable {
        /// `[count, parts]`.
        var scores: [Double]
        /// Number of columns with a value of a kind that was never seen, a row each.
        var news: [Int]
        /// Number of rows.
        var count: Int { news.count }
    }

    /// Raw scores of rows over the same features; pieces of rows are spread over threads.
    /// - Throws: `engineFailed`; `Cancelled`.
    func raw(_ rows: FeatureMatrix, context: RunContext) throws -> Raw {
        let piece = 512
        let pieces = try ParallelTasks.map((rows.count + piece - 1) / piece, threads: context.threads) { index in
            try context.cancellation.check()
            var room = Room(self)
            var result = Raw(scores: [], news: [])
            try rows.values.withUnsafeBufferPointer { values in
                for row in index * piece..<min(rows.count, (index + 1) * piece) {
                    try add(values, at: row * rows.features.count, to: &result, &room)
                }
            }
            return result
        }
        var all = Raw(scores: [], news: [])
        all.scores.reserveCapacity(rows.count * parts.count)
        for piece in pieces {
            all.scores += piece.scores
            all.news += piece.news
        }
        return all
    }

    /// Appends the raw scores of the row that begins at `start`.
    func add(
        _ values: UnsafeBufferPointer<Float>, at start: Int, to result: inout Raw, _ room: inout Room
    ) throws {
        guard let base = values.baseAddress else { return }
        space.write(base + start, to: &room.point)
        result.scores.append(forest.oddness(values, at: start))
        result.scores.append(log(try neighbours.distance(of: room.point) + 1e-3))
        result.scores.append(log(robust.squaredDistance(room.point, &room.numbers) + 1e-3))
        space.clip(&room.point)
        result.scores.append(log(plain.squaredDistance(room.point, &room.numbers) + 1e-3))
        if let network { result.scores.append(log(network.error(of: room.point, &room.network) + 1e-4)) }
        result.news.append(space.newCount(base + start))
    }
}
