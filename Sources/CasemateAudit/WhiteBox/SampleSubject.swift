import CasemateAttacks
import CasemateCore
import CasemateData
import CasemateModels
import Foundation

/// Samples from files, in the layout and on the scale that a model takes, with their labels as its classes.
struct SampleSubject {
    /// What a caller says of the samples; everything left out is found.
    struct Choices: Hashable, Sendable {
        /// File or folder.
        var path: String
        /// File or array with the labels.
        var labels: String?
        /// Array with the samples.
        var samplesArray: String?
        /// What values are divided by; `nil` finds out.
        var divisor: Float?
        /// Smallest and largest value that an input may take, on the model's scale; `nil` finds out.
        var bounds: ClosedRange<Float>?
        /// Number of samples, the first of the file; `nil` takes all.
        var count: Int?
    }
    /// `[count, size]` on the model's scale.
    let rows: [Float]
    /// Axes that the model takes.
    let shape: [Int]
    /// Axes in the file, and how they became the model's.
    let layout: SampleLayout
    /// Classes of the model.
    let labels: [Int32]
    /// Whether labels are the model's own answers, since the file has none.
    let areOwnAnswers: Bool
    /// What stored values were divided by.
    let divisor: Float
    /// The box.
    let bounds: ClosedRange<Float>
    /// What a reader must know, a sentence each.
    let notes: [String]
    /// The file's description.
    let source: String
    /// How the file stores values.
    let element: SampleSet.Element
    /// Number of samples.
    var count: Int { labels.count }

    /// Reads and fits samples.
    /// - Throws: `CasemateError`: what the reader throws; `mismatch` for shapes (both shown) and labels that the model
    ///   does not have; `invalid-setting` for bounds that exclude the data.
    init(_ choices: Choices, model: OnnxModel, context: RunContext) throws {
        var set = try SampleReader().read(
            SampleSource(choices.path, labelsPath: choices.labels, samplesArray: choices.samplesArray),
            cancellation: context.cancellation)
        if let most = choices.count, most < set.count { set = set.samples(Array(0..<most)) }
        guard set.count > 0 else {
            throw CasemateError(.unusableData, at: choices.path, "holds no samples", help: "give at least one sample")
        }
        guard set.nonFiniteCount == 0 else {
            throw CasemateError(
                .unusableData, at: choices.path, "\(set.nonFiniteCount) values are NaN or infinite",
                help: "clean the samples")
        }
        let input = model.rowShape
        layout = try SampleLayout(of: set.shape, for: input.map { $0 }, place: choices.path)
        shape = input
        let stored = layout.apply(to: set.values, count: set.count)
        var notes = set.warnings
        if let note = layout.note { notes.append(note) }
        let given = try Self.classes(set, model, choices.path)
        divisor = try choices.divisor ?? Self.divisor(stored, set, model, given, context, &notes)
        let divisor = divisor
        rows = divisor == 1 ? stored : stored.map { $0 / divisor }
        bounds = try choices.bounds ?? Self.box(rows, set, divisor: divisor, &notes)
        if given == nil { notes.append("the data have no labels: the model's own answers stand in for them") }
        labels = try given ?? model.predict(rows: rows, count: set.count, cancellation: context.cancellation).labels
        (areOwnAnswers, self.notes, source, element) = (given == nil, notes, set.source, set.element)
    }

    /// The labels as classes of the model: by name where both have names, else by number.
    private static func classes(_ set: SampleSet, _ model: OnnxModel, _ path: String) throws -> [Int32]? {
        guard let labels = set.labels else { return nil }
        let names = model.signature.classes
        if let given = set.classNames, Set(given).isSubset(of: names) {
            let places = given.map { Int32(names.firstIndex(of: $0) ?? 0) }
            return labels.map { places[Int($0)] }
        }
        if let given = set.classNames, given.count != names.count {
            throw CasemateError(
                .mismatch, at: path, "has \(given.count) classes, the model \(names.count)",
                help: "use the classes that the model was trained on")
        }
        for (row, label) in labels.enumerated() where label < 0 || Int(label) >= names.count {
            throw CasemateError(
                .mismatch, at: "\(path): sample \(row)",
                "label \(label) is out of range: the model has \(names.count) classes, numbered from 0",
                help: "number the classes as the model does")
        }
        return labels
    }

    /// Finds out whether whole numbers of 8 bits are to be divided by 255: whichever the model reads better.
    private static func divisor(
        _ stored: [Float], _ set: SampleSet, _ model: OnnxModel, _ labels: [Int32]?, _ context: RunContext,
        _ notes: inout [String]
    ) throws -> Float {
        guard set.element == .uint8, let input = model.signature.inputs.first, [.float, .double].contains(input.type)
        else { return 1 }
        guard let labels else {
            notes.append("8-bit values were divided by 255; `--divide 1` gives them as they are")
            return 255
        }
        let count = min(set.count, 200)
        let part = Array(stored[..<(count * set.size)])
        func right(_ rows: [Float]) throws -> Int {
            let answers = try model.predict(rows: rows, count: count, cancellation: context.cancellation).labels
            return zip(answers, labels).count { $0 == $1 }
        }
        let (raw, scaled) = (try right(part), try right(part.map { $0 / 255 }))
        let isScaled = scaled >= raw
        notes.append(
            isScaled
                ? "8-bit values were divided by 255 (of \(count) samples \(scaled) are right so, \(raw) as they are): "
                    + "distances are on the scale 0…1"
                : "8-bit values were given as they are (of \(count) samples \(raw) are right so, \(scaled) divided by "
                    + "255): distances are on the scale 0…255")
        return isScaled ? 255 : 1
    }

    /// The box that the data suggest.
    private static func box(
        _ rows: [Float], _ set: SampleSet, divisor: Float, _ notes: inout [String]
    ) throws(CasemateError) -> ClosedRange<Float> {
        if set.element == .uint8 { return 0...255 / divisor }
        let range = set.range.map { $0.lowerBound / divisor...$0.upperBound / divisor } ?? 0...1
        if range.lowerBound >= 0, range.upperBound <= 1 { return 0...1 }
        if range.lowerBound >= -1, range.upperBound <= 1 { return -1...1 }
        if range.lowerBound >= 0, range.upperBound <= 255, range.upperBound > 16 { return 0...255 }
        guard range.lowerBound < range.upperBound else {
            throw CasemateError(
                .invalidSetting, at: "--bounds", "all values are \(range.lowerBound), so no box can be guessed",
                help: "give the smallest and largest value of an input, such as --bounds 0:1")
        }
        notes.append(
            "the box is the range of the data, \(range.lowerBound) to \(range.upperBound); `--bounds` states the true one"
        )
        return range
    }
}
