import CasemateCore
import CasemateData
import CasemateModels
import Foundation

/// A group of rows of one class that activations set apart, and what networks with and without it say.
struct ClusterTrial: Sendable {
    /// How it was found.
    enum Origin: String, Sendable {
        case signature = "spectral signature"
        case clusters = "activation clusters"
    }
    let origin: Origin
    let target: Int
    let rows: [Int]
    /// Share of its class.
    let share: Double
    /// Silhouette of the clusters; `nil` for a signature.
    let silhouette: Double?
    /// Share of it that held-out networks, which saw others of it, recognise.
    let recognised: Double
    /// Share of it whose nearest rows outside it have its class.
    let neighbours: Double
    /// Share of it that a network trained without it recognises; `nil` where none was trained.
    var without: Double?
    /// Rows that this network gives to another class, with how sure it is that they are not of their own.
    var suspects: [(row: Int, strength: Double)] = []
    /// The class that it gives most of these to.
    var other: Int?
    /// Share of them that go to that class.
    var otherShare = 0.0
    /// Whether networks recognise it only where they saw others of it.
    var isPoison = false
    /// Whether rows of several classes were brought under one label, as a trigger does.
    var isMixed = false
}

/// Looks for groups of rows by their activations, and asks networks that never saw a group what it is.
struct SpectralHunt {
    let data: SpectralData
    let settings: SpectralSettings
    let runtime: OnnxRuntime
    let context: RunContext
    /// Activations `[count, width]`.
    let activations: [Float], width: Int
    /// Classes by held-out networks, and how many of each class they recognise.
    let heldOut: [Int32]
    let recalls: [Double]
    private(set) var isCut = false

    /// - Parameter given: Activations of a given network; `nil` to train one here.
    init(
        _ data: SpectralData, given: ClassNetwork.Answer?, settings: SpectralSettings, runtime: OnnxRuntime,
        context: RunContext
    ) throws {
        (self.data, self.settings, self.runtime, self.context) = (data, settings, runtime, context)
        let answer =
            try given
            ?? Self.network(data, Array(0..<data.count), settings, runtime, context)
            .answer(data.values, count: data.count, cancellation: context.cancellation)
        (activations, width) = (answer.activations, answer.width)
        var generator = SeededGenerator(seed: context.seed, stream: 0x5EC9)
        let order = Array(0..<data.count).shuffled(using: &generator)
        var heldOut = [Int32](repeating: -1, count: data.count)
        for part in 0..<2 {
            let kept = order.indices.filter { $0 % 2 != part }.map { order[$0] }.sorted()
            let left = order.indices.filter { $0 % 2 == part }.map { order[$0] }
            let labels = try Self.network(data, kept, settings, runtime, context)
                .answer(data.part(left), count: left.count, cancellation: context.cancellation).labels
            for (row, label) in zip(left, labels) { heldOut[row] = label }
        }
        self.heldOut = heldOut
        recalls = (0..<data.classes).map { label in
            let rows = data.labels.indices.filter { Int(data.labels[$0]) == label }
            return Double(rows.count { heldOut[$0] == data.labels[$0] }) / Double(max(1, rows.count))
        }
    }

    private static func network(
        _ data: SpectralData, _ rows: [Int], _ settings: SpectralSettings, _ runtime: OnnxRuntime,
        _ context: RunContext
    ) throws -> ClassNetwork {
        try ClassNetwork(
            training: data.part(rows), width: data.width, labels: rows.map { data.labels[$0] }, classes: data.classes,
            settings: settings, runtime: runtime, context: context)
    }

    mutating func run() throws -> [ClusterTrial] {
        var trials: [ClusterTrial] = []
        let mean = recalls.reduce(0, +) / Double(max(1, recalls.count))
        for label in 0..<data.classes where mean >= settings.meanRecall && recalls[label] >= settings.recall {
            let rows = data.labels.indices.filter { Int(data.labels[$0]) == label }
            guard rows.count >= settings.classRows else { continue }
            try context.cancellation.check()
            trials += try candidates(label, rows)
        }
        var verdicts: [ClusterTrial] = []
        for label in 0..<data.classes {
            let strange = trials.filter {
                $0.target == label && $0.recognised >= settings.recognised && $0.neighbours <= settings.atHome
            }
            guard let first = strange.min(by: { $0.neighbours < $1.neighbours }) else { continue }
            if let deadline = context.deadline, ContinuousClock.now >= deadline {
                isCut = true
                break
            }
            // why all groups of the class at once: a few of the poison left in training teach the rest of it.
            verdicts.append(try verdict(Set(strange.flatMap(\.rows)), first))
        }
        return verdicts + trials
    }

    /// Groups of one class that are small enough.
    private func candidates(_ label: Int, _ rows: [Int]) throws -> [ClusterTrial] {
        let part = rows.flatMap { activations[$0 * width..<($0 + 1) * width] }
        let most = Int(settings.clusterShare * Double(rows.count))
        var found: [ClusterTrial] = []
        let signature = try SpectralSignature(part, count: rows.count, width: width, cancellation: context.cancellation)
        let outliers = signature.outliers(settings.deviations)
        if outliers.count >= settings.clusterRows, outliers.count <= most {
            found.append(trial(.signature, label, outliers.map { rows[$0] }, of: rows, silhouette: nil))
        }
        let components = try PrincipalComponents(
            part, count: rows.count, width: width, number: settings.components, cancellation: context.cancellation)
        guard !components.directions.isEmpty else { return found }
        let points = components.projected(part)
        for number in 2...max(2, settings.clusters) {
            let clusters = try ActivationClusters(
                points, count: rows.count, width: components.directions.count, clusters: number, seed: context.seed,
                cancellation: context.cancellation)
            for members in clusters.members where members.count >= settings.clusterRows && members.count <= most {
                found.append(
                    trial(.clusters, label, members.map { rows[$0] }, of: rows, silhouette: clusters.silhouette))
            }
        }
        return found
    }

    private func trial(
        _ origin: ClusterTrial.Origin, _ label: Int, _ rows: [Int], of all: [Int], silhouette: Double?
    ) -> ClusterTrial {
        ClusterTrial(
            origin: origin, target: label, rows: rows, share: Double(rows.count) / Double(all.count),
            silhouette: silhouette,
            recognised: Double(rows.count { heldOut[$0] == data.labels[$0] }) / Double(rows.count),
            neighbours: neighbours(rows, label))
    }

    /// Share of rows whose five nearest rows outside the group mostly have its class; about 50 rows are asked.
    private func neighbours(_ rows: [Int], _ label: Int) -> Double {
        let inside = Set(rows)
        let others = (0..<data.count).filter { !inside.contains($0) }
        let step = max(1, rows.count / 50)
        let asked = stride(from: 0, to: rows.count, by: step).map { rows[$0] }
        let size = data.compactWidth
        var hits = 0
        data.compact.withUnsafeBufferPointer { values in
            for row in asked {
                var nearest: [(distance: Float, row: Int)] = []
                for other in others {
                    var sum: Float = 0
                    let limit = nearest.count < 5 ? Float.infinity : nearest[4].distance
                    var column = 0
                    while column < size {
                        let end = min(size, column + 64)
                        while column < end {
                            let gap = values[row * size + column] - values[other * size + column]
                            sum += gap * gap
                            column += 1
                        }
                        if sum > limit { break }
                    }
                    guard sum < limit else { continue }
                    let place = nearest.firstIndex { $0.distance > sum } ?? nearest.count
                    nearest.insert((sum, other), at: place)
                    if nearest.count > 5 { nearest.removeLast() }
                }
                if nearest.count(where: { Int(data.labels[$0.row]) == label }) >= 3 { hits += 1 }
            }
        }
        return Double(hits) / Double(max(1, asked.count))
    }

    /// Exclusionary retraining: a network that never saw the group says what its rows are.
    private func retrain(_ trial: inout ClusterTrial) throws {
        let left = Set(trial.rows)
        let kept = (0..<data.count).filter { !left.contains($0) }
        let answer = try Self.network(data, kept, settings, runtime, context)
            .answer(data.part(trial.rows), count: trial.rows.count, cancellation: context.cancellation)
        let labels = answer.labels
        let own = labels.count { Int($0) == trial.target }
        trial.without = Double(own) / Double(trial.rows.count)
        var others: [Int32: Int] = [:]
        for (place, label) in labels.enumerated() where Int(label) != trial.target {
            others[label, default: 0] += 1
            trial.suspects.append((trial.rows[place], 1 - answer.probability(place, trial.target)))
        }
        let most = others.max { ($0.value, $1.key) < ($1.value, $0.key) }
        trial.other = most.map { Int($0.key) }
        trial.otherShare = Double(most?.value ?? 0) / Double(max(1, trial.suspects.count))
        trial.isPoison = trial.suspects.count >= settings.clusterRows && (trial.without ?? 1) <= settings.unrecognised
        trial.isMixed = trial.isPoison && others.count >= 3 && trial.otherShare <= settings.oneClass
    }

    /// What a network says that never saw these rows, nor the rows of their class that lie nearer to them than to the
    /// others.
    private func verdict(_ inside: Set<Int>, _ first: ClusterTrial) throws -> ClusterTrial {
        let all = data.labels.indices.filter { Int(data.labels[$0]) == first.target }
        let (group, others) = (inside.sorted(), all.filter { !inside.contains($0) })
        let (one, two) = (centre(group), centre(others))
        let near = others.filter { distance($0, one) < distance($0, two) }
        // why half: where most of a class lies nearer to the group, nearness says nothing.
        let rows = (group.count + near.count) * 2 <= all.count + group.count ? (group + near).sorted() : group
        var trial = ClusterTrial(
            origin: first.origin, target: first.target, rows: rows, share: Double(rows.count) / Double(all.count),
            silhouette: first.silhouette,
            recognised: Double(rows.count { heldOut[$0] == data.labels[$0] }) / Double(rows.count),
            neighbours: first.neighbours)
        try retrain(&trial)
        return trial
    }

    private func centre(_ rows: [Int]) -> [Double] {
        var sum = [Double](repeating: 0, count: width)
        for row in rows { for column in 0..<width { sum[column] += Double(activations[row * width + column]) } }
        return sum.map { $0 / Double(max(1, rows.count)) }
    }

    private func distance(_ row: Int, _ centre: [Double]) -> Double {
        (0..<width).reduce(0) { sum, column in
            let gap = Double(activations[row * width + column]) - centre[column]
            return sum + gap * gap
        }
    }
}
