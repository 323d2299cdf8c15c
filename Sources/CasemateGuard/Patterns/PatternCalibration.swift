import CasemateCore

/// Works out the limits from reference rows alone: each row is compared with the others as a request would be.
///
/// A row is never compared with itself or its copies, and principal components are fitted to four fifths of the rows and
/// read on the last fifth, so that a reference row is as new as a request. For each signal and stratum the bound is the
/// upper end of a 95 % interval for the share of rows that say yes, shrunk towards the share over all strata, and never
/// below the signal's allowance.
struct PatternCalibration {
    let rows: AnsweredRows
    let space: RowSpace
    let strata: PatternStrata
    let search: NeighbourSearch
    /// Points of the rows, measured again.
    let again: [Float]
    /// Their values, `[count, width]`.
    let measured: [Float]
    let seed: UInt64
    private static let confidence = 0.975, pull = 40.0, folds = 5, mostAsked = 1_000

    func limits(_ context: RunContext) throws -> (PatternLimits, blind: [String]) {
        var (limits, blind) = (PatternLimits(), [String]())
        let count = rows.count
        let stratum = (0..<count).map { strata.stratum(of: rows.predictions.isEmpty ? nil : rows.predictions[$0]) }
        let survey = try surveyed(stratum, context)
        limits.window = max(16, min(64, count / strata.count))
        limits.offManifold = max(upper(survey.mean), upper(survey.meanAgain))
        let (plain, again) = try (crossFitted(search.points, context), crossFitted(self.again, context))
        limits.plausibility = min(lower(plain.plausibilities), lower(again.plausibilities))
        limits.correlation = max(upper(plain.distances), upper(again.distances))
        limits.nearest = lower(survey.nearest)
        limits.second = lower(survey.second)
        func set(_ signal: PatternSignal, _ says: [Bool], _ strata: [Int]? = nil, floor: [Double]? = nil) {
            limits.honest[signal.index] = bounds(says, strata ?? stratum, floor ?? [signal.allowance])
        }
        // why both: a share is that of rows as they stand or measured again, whichever is larger.
        func set(_ signal: PatternSignal, _ plain: [Bool], _ again: [Bool]) {
            let floor = [signal.allowance]
            limits.honest[signal.index] = zip(bounds(plain, stratum, floor), bounds(again, stratum, floor)).map(max)
        }
        set(.offManifold, survey.mean.map { $0 > limits.offManifold }, survey.meanAgain.map { $0 > limits.offManifold })
        set(
            .brokenCorrelations, plain.distances.map { $0 > limits.correlation },
            again.distances.map { $0 > limits.correlation })
        set(
            .implausibleCombinations, plain.plausibilities.map { $0 < limits.plausibility },
            again.plausibilities.map { $0 < limits.plausibility })
        let scores = { (mean: [Double], fitted: (distances: [Double], plausibilities: [Double])) in
            [mean, fitted.distances, fitted.plausibilities.map { -$0 }]
        }
        // why the rows measured again: they are the stranger ones, as requests may be.
        let (plainScores, againScores) = (scores(survey.mean, plain), scores(survey.meanAgain, again))
        limits.ranks = StrangenessRanks(againScores)
        let strange = [plainScores, againScores].map { scores in
            (0..<count).map { row in limits.ranks.strangeness(scores.map { $0[row] }) }
        }
        limits.strangeness = max(upper(strange[0]), upper(strange[1]))
        set(.strangeRows, strange[0].map { $0 > limits.strangeness }, strange[1].map { $0 > limits.strangeness })
        if let steps = steps(stratum) { set(.equalSteps, steps.says, steps.strata) }
        set(.nearDuplicates, survey.nearest.map { $0 < limits.nearest }, survey.asked)
        set(.denseNeighbourhood, survey.second.map { $0 < limits.second }, survey.asked)
        set(.walksTogether, survey.nearest.map { $0 < limits.nearest }, survey.asked)
        limits.honest[PatternSignal.repeatsNearOneRecord.index] = records(survey.record, stratum)
        (limits.differing, limits.honest[PatternSignal.sweeps.index]) = sweeps(stratum)
        if rows.top.isEmpty {
            blind += ["low_margin: the reference has no probabilities", "similar_predictions: the same"]
        } else {
            let margins = (0..<count).map { rows.top[$0] - (rows.second.isEmpty ? 0 : rows.second[$0]) }
            limits.margin = min(lower(margins), PatternLimits.lowestMargin)
            let doubt = disagreement(survey.agrees, stratum)
            set(.lowMargin, margins.map { $0 < limits.margin }, floor: doubt)
            let gaps = gaps(stratum)
            limits.gap = lower(gaps)
            if limits.gap > 0 {
                set(.similarPredictions, gaps.map { $0 < limits.gap })
            } else {
                blind.append("similar_predictions: honest rows share their probabilities")
            }
        }
        if rows.predictions.isEmpty || strata.isOfRanges {
            let why = rows.predictions.isEmpty ? "the reference has no predictions" : "a regression has no boundary"
            blind.append("boundary_straddling: \(why)")
        } else {
            set(.boundaryStraddling, survey.straddles.map { $0 < limits.nearest }, survey.asked)
        }
        return (limits, blind)
    }

    // MARK: - bounds

    /// The value that one in twenty lies above: the largest are beyond it.
    private func upper(_ values: [Double]) -> Double {
        let sorted = values.sorted()
        let beyond = Int(Double(sorted.count + 1) * PatternLimits.level)
        return sorted[max(0, sorted.count - 1 - beyond)]
    }
    /// The value that one in twenty lies below.
    private func lower(_ values: [Double]) -> Double {
        let sorted = values.sorted()
        return sorted[min(sorted.count - 1, Int(Double(sorted.count + 1) * PatternLimits.level))]
    }

    /// Upper bounds by stratum, and last for rows of no known stratum.
    private func bounds(_ says: [Bool], _ stratum: [Int], _ floor: [Double]) -> [Double] {
        var (yes, all) = (
            [Double](repeating: 0, count: strata.count + 1), [Double](repeating: 0, count: strata.count + 1)
        )
        for (says, stratum) in zip(says, stratum) {
            all[stratum] += 1
            if says { yes[stratum] += 1 }
        }
        let share = yes.reduce(0, +) / max(1, all.reduce(0, +))
        let single = zip(yes, all).map { yes, all in
            let bound = Distributions.betaQuantile(
                Self.confidence, alpha: yes + Self.pull * share + 1, beta: all - yes + Self.pull * (1 - share) + 0.001)
            return bound.isNaN ? 1 : bound
        }
        let widest = single.dropLast().max() ?? 1
        return (Array(single.dropLast()) + [widest]).enumerated().map { place, bound in
            max(bound, place < floor.count ? floor[place] : floor[floor.count - 1])
        }
    }

    // MARK: - what the rows say

    struct Survey {
        var mean: [Double] = [], meanAgain: [Double] = [], record: [Int] = []
        /// Strata of the rows that were looked at as a client's, and their distances to the client's rows.
        var asked: [Int] = []
        var nearest: [Double] = [], second: [Double] = []
        /// Distance of the nearest row with another answer.
        var straddles: [Double] = []
        /// Whether most of the five nearest rows have the same answer.
        var agrees: [Bool] = []
    }

    private func surveyed(_ stratum: [Int], _ context: RunContext) throws -> Survey {
        var (survey, generator) = (Survey(), SeededGenerator(seed: seed, stream: 75))
        var sizes = [Int](repeating: 0, count: strata.count + 1)
        for stratum in stratum { sizes[stratum] += 1 }
        let most = min(rows.count, Self.mostAsked)
        for row in 0..<rows.count {
            if row.isMultiple(of: 256) { try context.cancellation.check() }
            let near = search.nearest(toSketch: search.sketch(row), without: search.fingerprints[row])
            let found = search.isWhole ? near : search.refined(near, search.point(row))
            survey.mean.append(PatternReference.mean(found))
            let moved = Array(again[row * search.stride..<(row + 1) * search.stride])
            let nearMoved = search.nearest(toSketch: space.sketch(moved), without: search.fingerprints[row])
            survey.meanAgain.append(
                PatternReference.mean(search.isWhole ? nearMoved : search.refined(nearMoved, moved)))
            survey.record.append(found.first?.row ?? 0)
            if (row + 1) * most / rows.count > row * most / rows.count {
                let client = asClient(row, stratum, sizes[stratum[row]], &generator)
                survey.asked.append(stratum[row])
                survey.nearest.append(client.nearest)
                survey.second.append(client.second)
                survey.straddles.append(client.otherAnswer)
            }
            guard !rows.predictions.isEmpty else { continue }
            let label = strata.label(of: rows.predictions[row])
            let labels = near.prefix(5).map { strata.label(of: rows.predictions[$0.row]) == label }
            survey.agrees.append(labels.filter(\.self).count * 2 > labels.count)
        }
        return survey
    }

    /// The row as one of a client with narrow interests: half of the quarter of its stratum that is nearest to it are the
    /// client's rows, all others are the reference. Distances to the client's rows are in units of the distance to the
    /// reference, as they are for requests.
    private func asClient(
        _ row: Int, _ stratum: [Int], _ size: Int, _ generator: inout SeededGenerator
    ) -> (nearest: Double, second: Double, otherAnswer: Double) {
        let squares = search.squaredDistances(toSketch: row)
        let own = search.fingerprints[row]
        let others = (0..<rows.count).filter { search.fingerprints[$0] != own }
            .sorted { squares[$0] == squares[$1] ? $0 < $1 : squares[$0] < squares[$1] }
        var like = others.filter { stratum[$0] == stratum[row] }.prefix(max(16, size / 4)).map(\.self)
        like.shuffle(using: &generator)
        let client = Set(like.prefix(min(64, max(1, like.count / 2))))
        let rest = others.lazy.filter { !client.contains($0) }.prefix(PatternReference.neighbours)
        let scale = rest.reduce(0.0) { $0 + Double(squares[$1]).squareRoot() } / Double(PatternReference.neighbours)
        let mine = others.lazy.filter { client.contains($0) }.prefix(8).map(\.self)
        let first = mine.first
        // why another row: two copies of one neighbour are one row of a client, which asks it only once.
        let second = mine.first { other in first.map { search.fingerprints[$0] != search.fingerprints[other] } ?? false
        }
        func ratio(_ other: Int?) -> Double {
            other.map { Double(squares[$0]).squareRoot() / max(1e-9, scale) } ?? 1e30
        }
        let label = rows.predictions.isEmpty ? nil : strata.label(of: rows.predictions[row])
        let otherAnswer = others.prefix(64).first {
            strata.label(of: rows.predictions.isEmpty ? 0 : rows.predictions[$0]) != label
        }
        return (ratio(first), ratio(second), label == nil ? 1e30 : ratio(otherAnswer))
    }

    /// Distances from the correlations, and plausibilities, each read by what was fitted to other rows.
    private func crossFitted(
        _ read: [Float], _ context: RunContext
    ) throws -> (distances: [Double], plausibilities: [Double]) {
        var distances = [Double](repeating: 0, count: rows.count)
        var plausibilities = distances
        let stride = search.stride
        for fold in 0..<Self.folds {
            try context.cancellation.check()
            var points: [Float] = []
            for row in 0..<rows.count where row % Self.folds != fold {
                points += again[row * stride..<(row + 1) * stride]
            }
            let space = PrincipalSpace(points, stride: stride, width: rows.width, seed: seed)
            let forest = ContrastForest(points, stride: stride, width: rows.width, seed: seed)
            read.withUnsafeBufferPointer { points in
                guard let base = points.baseAddress else { return }
                for row in Swift.stride(from: fold, to: rows.count, by: Self.folds) {
                    distances[row] = space.distance(base + row * stride)
                    plausibilities[row] = forest.plausibility(base + row * stride)
                }
            }
        }
        return (distances, plausibilities)
    }

    /// How unsure a model may be of honest rows that it was not trained on: as often as the answer cannot be told from
    /// the neighbours' answers, half as much again, and never less than the allowance.
    private func disagreement(_ agrees: [Bool], _ stratum: [Int]) -> [Double] {
        let floor = PatternSignal.lowMargin.allowance
        guard !agrees.isEmpty else { return [floor] }
        var (no, all) = (
            [Double](repeating: 0, count: strata.count + 1), [Double](repeating: 0, count: strata.count + 1)
        )
        for (agrees, stratum) in zip(agrees, stratum) {
            all[stratum] += 1
            if !agrees { no[stratum] += 1 }
        }
        let share = no.reduce(0, +) / Double(agrees.count)
        let single = zip(no, all).dropLast().map { no, all in
            min(0.6, max(floor, 0.1 + 1.5 * (no + Self.pull * share) / (all + Self.pull)))
        }
        return Array(single) + [single.max() ?? floor]
    }

    /// How often the nearest reference row is one of the last few that were nearest, from how unevenly they are.
    private func records(_ nearest: [Int], _ stratum: [Int]) -> [Double] {
        var counts = [[Int: Double]](repeating: [:], count: strata.count + 1)
        for (record, stratum) in zip(nearest, stratum) { counts[stratum][record, default: 0] += 1 }
        let floor = PatternSignal.repeatsNearOneRecord.allowance
        let shares = counts.dropLast().map { counts -> Double in
            let total = counts.values.reduce(0, +)
            guard total > 0 else { return floor }
            let recent = Double(PatternWindow.recentRecords)
            // why sorted: sums of doubles depend on their order, and a dictionary has none.
            let sum = counts.values.sorted().reduce(0.0) { sum, count in
                let share = count / total
                return sum + share * (1 - ((1 - share).logarithm * recent).exponential)
            }
            return max(floor, 1.5 * (sum.isNaN ? 1 : sum))
        }
        return Array(shares) + [shares.max() ?? floor]
    }

    /// Gaps between the probabilities of a row and the next in its stratum.
    private func gaps(_ stratum: [Int]) -> [Double] {
        var members: [Int: [Int]] = [:]
        for (row, stratum) in stratum.enumerated() { members[stratum, default: []].append(row) }
        return (0..<rows.count).map { row in
            var least = 2.0
            for other in members[stratum[row]] ?? [] where search.fingerprints[other] != search.fingerprints[row] {
                let second = rows.second.isEmpty ? 0 : abs(rows.second[row] - rows.second[other])
                least = min(least, abs(rows.top[row] - rows.top[other]) + second)
            }
            return least
        }
    }

    /// Whether reference rows lie a step of a search apart from any of 64 others of their stratum, as a client's rows
    /// would: as they stand and measured again, each also rounded as honest clients round, since rounded errors of
    /// measurement are equal steps as well. The form with most is given, with strata; `nil` where it cannot be said.
    private func steps(_ stratum: [Int]) -> (says: [Bool], strata: [Int])? {
        let pattern = StepPattern(space)
        guard pattern.isPossible else { return nil }
        var members = [[Int]](repeating: [], count: strata.count + 1)
        for (row, stratum) in stratum.enumerated() { members[stratum].append(row) }
        var generator = SeededGenerator(seed: seed, stream: 78)
        let some = (0..<min(500, rows.count)).map { _ in Int.random(in: 0..<rows.count, using: &generator) }
        let windows = some.map { row in
            (0..<64).map { _ in members[stratum[row]].randomElement(using: &generator) ?? row }
                .filter { search.fingerprints[$0] != search.fingerprints[row] }
        }
        var widest: [Bool] = []
        for values in [rows.values, measured] {
            for steps in [nil, Float(10), 20, 50, 100] {
                let points = (0..<rows.count).map { row -> [Float] in
                    let values = values[row * rows.width..<(row + 1) * rows.width]
                    return space.point(steps.map { space.rounded(values, steps: $0) } ?? Array(values))
                }
                let says = zip(some, windows).map { row, window in
                    window.contains { pattern.isStep(points[row], points[$0]) }
                }
                if says.filter(\.self).count >= widest.filter(\.self).count { widest = says }
            }
        }
        return (widest, some.map { stratum[$0] })
    }

    /// The most groups of columns in which fewer than one in twenty rows differ from their like, and how often they do.
    /// Rows are also looked at after rounding, since honest clients round.
    private func sweeps(_ stratum: [Int]) -> (Int, [Double]) {
        var generator = SeededGenerator(seed: seed, stream: 73)
        let some = (0..<min(400, rows.count)).map { _ in Int.random(in: 0..<rows.count, using: &generator) }
        let forms = [nil, Float(5)].map { steps in
            let hashes = (0..<rows.count).map { row in
                space.hashes(rows.values[row * rows.width..<(row + 1) * rows.width], steps: steps)
            }
            return some.map { row in
                var least = space.blocks
                for other in 0..<rows.count where search.fingerprints[other] != search.fingerprints[row] {
                    let differing = PatternWindow.differing(hashes[row], hashes[other])
                    if differing > 0 { least = min(least, differing) }
                }
                return least
            }
        }
        func share(_ most: Int) -> Double {
            forms.map { Double($0.filter { $0 <= most }.count) / Double(some.count) }.max() ?? 1
        }
        var most = 1
        while most < space.blocks / 4, share(most + 1) <= PatternLimits.level { most += 1 }
        let widest = forms.map { form in
            bounds(form.map { $0 <= most }, some.map { stratum[$0] }, [PatternSignal.sweeps.allowance])
        }
        return (most, zip(widest[0], widest[1]).map { max($0, $1) })
    }
}
