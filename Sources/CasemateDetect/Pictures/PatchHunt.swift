import CasemateCore
import CasemateData
import CasemateModels
import Foundation

/// Looks at patches one after the other with models that saw neither their pictures nor that part of a picture.
struct PatchHunt {
    let rows: DataRows
    let grid: PictureGrid
    let labels: [Int32]
    let chosen: [Int]
    let classes: Int
    let engine: LightGBM
    let settings: TriggerSettings
    let context: RunContext
    private(set) var isCut = false
    private(set) var examined = 0
    private(set) var tested = 0
    /// Most pictures that are searched; a patch is then looked for in all.
    static let pictureLimit = 20_000

    init(
        _ rows: DataRows, grid: PictureGrid, classes: Int, engine: LightGBM, settings: TriggerSettings,
        context: RunContext
    ) {
        (self.rows, self.grid, self.classes, self.engine) = (rows, grid, classes, engine)
        (self.settings, self.context) = (settings, context)
        let known = rows.labels ?? []
        labels = known
        var all = known.indices.filter { known[$0] >= 0 }
        if all.count > Self.pictureLimit {
            var generator = SeededGenerator(seed: context.seed, stream: 0x91C7)
            all = all.shuffled(using: &generator).prefix(Self.pictureLimit).sorted()
        }
        chosen = all
    }

    /// Triggers; their rows are positions in `rows`.
    mutating func run() throws -> [FoundTrigger] {
        let range = rows.matrix.values.withUnsafeBufferPointer { values -> ClosedRange<Float> in
            var (low, high) = (Float.infinity, -Float.infinity)
            for value in values where value.isFinite { (low, high) = (min(low, value), max(high, value)) }
            return low <= high ? low...high : 0...0
        }
        guard range.lowerBound < range.upperBound else { return [] }
        let own = chosen.map { labels[$0] }
        let codes = rows.matrix.values.withUnsafeBufferPointer {
            PictureCodes($0, rows: chosen, grid: grid, range: range)
        }
        let expectation = expectation(chosen, own, blank: [])
        let evidence = LabelEvidence(
            probabilities: try expectation.outOfFold(context: context), labels: own, classes: classes,
            settings: settings)
        let search = PatchSearch(
            codes: codes, evidence: evidence, fewest: settings.fewest(of: chosen.count),
            most: settings.most(of: chosen.count), purity: settings.purity)
        let (candidates, tested) = try search.run(context: context)
        self.tested = tested
        let choices = log(Double(classes) * Double(max(1, tested)))
        let histograms = codes.histograms()
        var found: [FoundTrigger] = []
        var gone: Set<Int> = [], refuted: Set<PatchPattern> = []
        var refutedRows: [(target: Int, rows: Set<Int>)] = []
        for candidate in candidates where found.count < settings.named && examined < settings.examined {
            try context.cancellation.check()
            if let deadline = context.deadline, ContinuousClock.now >= deadline {
                isCut = true
                break
            }
            guard candidate.evidence - choices >= log(1 / settings.alpha),
                let pattern = search.pattern(candidate, histograms: histograms), !refuted.contains(pattern),
                candidate.rows.count(where: { gone.contains($0) }) * 2 < candidate.rows.count,
                !refutedRows.contains(where: { known in
                    known.target == candidate.target
                        && candidate.rows.count(where: { known.rows.contains($0) }) * 2 > candidate.rows.count
                })
            else { continue }
            examined += 1
            let held = pattern.rows(in: codes).filter { !gone.contains($0) }
            if let trigger = try confirmed(pattern, candidate.target, held, own, gone, choices) {
                gone.formUnion(held)
                found.append(extended(trigger, pattern, range))
            } else {
                refuted.insert(pattern)
                refutedRows.append((candidate.target, Set(candidate.rows)))
            }
        }
        return found
    }

    private func expectation(_ rows: [Int], _ labels: [Int32], blank: Set<Int>) -> LabelExpectation {
        let pooled = self.rows.matrix.values.withUnsafeBufferPointer {
            PooledPictures($0, rows: rows, grid: grid, blank: blank)
        }
        var settings = settings
        // why: a rough model tells digits apart, and hundreds of trees a class take time.
        settings.trainingRows = min(settings.trainingRows, 6_000)
        return LabelExpectation(
            values: pooled.values, width: pooled.side, categorical: [], labels: labels, classes: classes,
            engine: engine, settings: settings)
    }

    private func confirmed(
        _ pattern: PatchPattern, _ target: Int, _ held: [Int], _ own: [Int32], _ gone: Set<Int>, _ choices: Double
    ) throws -> FoundTrigger? {
        guard held.count >= settings.fewest(of: chosen.count), held.count <= settings.most(of: chosen.count) else {
            return nil
        }
        // why the rectangle and a rim: what is next to a patch may be part of it.
        var blank: Set<Int> = []
        if pattern.patch.width * pattern.patch.height * 4 <= grid.width * grid.height {
            for y in pattern.patch.y..<pattern.patch.y + pattern.patch.height {
                for x in pattern.patch.x..<pattern.patch.x + pattern.patch.width {
                    for channel in 0..<grid.channels { blank.insert((y * grid.width + x) * grid.channels + channel) }
                }
            }
        }
        let model = expectation(chosen, own, blank: blank)
        let probabilities = try model.without(held, leaving: gone, columns: [], target: target, context: context)
        let hits = held.map { Int(own[$0]) == target }
        let count = hits.count { $0 }
        let sum = LabelEvidence.sum(hits, probabilities, settings: settings)
        let expected = probabilities.reduce(0, +) / Double(held.count)
        let share = Double(count) / Double(held.count)
        guard sum - choices >= log(1 / settings.alpha), share >= settings.purity, share - expected >= settings.excess
        else { return nil }
        return FoundTrigger(
            form: .patch(pattern), target: target, rows: held, hits: count, expected: expected,
            pValue: min(1, exp(choices - sum)), planted: 1)
    }

    /// The trigger with its pictures among all rows.
    private func extended(_ trigger: FoundTrigger, _ pattern: PatchPattern, _ range: ClosedRange<Float>) -> FoundTrigger
    {
        let all = labels.indices.filter { labels[$0] >= 0 }
        let held: [Int]
        if all.count == chosen.count {
            held = trigger.rows.map { chosen[$0] }
        } else {
            held = matching(pattern, among: all, range)
        }
        return FoundTrigger(
            form: trigger.form, target: trigger.target, rows: held,
            hits: held.count { Int(labels[$0]) == trigger.target }, expected: trigger.expected,
            pValue: trigger.pValue, planted: trigger.planted)
    }

    private func matching(_ pattern: PatchPattern, among all: [Int], _ range: ClosedRange<Float>) -> [Int] {
        let scale = PictureCodes.scale(range)
        let places = pattern.pixels.map { pixel -> (index: Int, code: UInt8) in
            let point = pixel.place / grid.channels
            let index = grid.index(
                x: point % grid.width, y: point / grid.width, channel: pixel.place % grid.channels)
            return (index, pixel.code)
        }
        return rows.matrix.values.withUnsafeBufferPointer { values in
            all.filter { row in
                let hits = places.count {
                    PictureCodes.code(values[row * grid.size + $0.index], range, scale) == $0.code
                }
                return hits >= pattern.needed
            }
        }
    }
}
