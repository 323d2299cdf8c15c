public import CasemateCore
public import CasemateData
public import CasemateModels

/// Makes a `DataSubject` of pictures or other arrays in place of a table.
public struct PictureOpening: Sendable {
    /// The samples, with labels where the file names them.
    public var samples: SampleSet
    /// The outcome that people want, as the classes are named.
    public var favourable: String?
    /// A model trained on these samples, and the release before it.
    public var model: TableModel?, previous: TableModel?
    /// Engines for checks that train.
    public var boosting: LightGBM?, runtime: OnnxRuntime?

    /// Makes an opening.
    public init(samples: SampleSet) { self.samples = samples }

    /// Reads the samples of a file or folder.
    /// - Throws: what `SampleReader` throws.
    public init(_ source: SampleSource, cancellation: Cancellation = Cancellation()) throws {
        self.init(samples: try SampleReader().read(source, cancellation: cancellation))
    }

    /// Makes the subject: no table, one feature a value, `pixel_y_x` or `pixel_y_x_c` for pictures and `value_i` for
    /// other arrays.
    /// - Parameter name: What it is called in sentences and fingerprints.
    /// - Throws: `notFound` for a favourable outcome that is no class.
    public func subject(name: String) throws -> DataSubject {
        var notes = samples.warnings.map { $0.prefix(1).uppercased() + $0.dropFirst() + "." }
        let labels = try labels(&notes)
        var roles = DataSubject.Roles()
        roles.favourable = favourable
        return DataSubject(
            name: name, train: nil, roles: roles, features: features, labels: labels, count: samples.count,
            samples: samples, model: model, previous: previous, boosting: boosting, runtime: runtime, notes: notes)
    }

    private var features: [Feature] {
        guard let grid = PictureGrid(shape: samples.shape) else {
            return (0..<samples.size).map { Feature("value_\($0)") }
        }
        var names = [String](repeating: "", count: samples.size)
        for y in 0..<grid.height {
            for x in 0..<grid.width {
                for channel in 0..<grid.channels {
                    names[grid.index(x: x, y: y, channel: channel)] =
                        grid.channels == 1 ? "pixel_\(y)_\(x)" : "pixel_\(y)_\(x)_\(channel)"
                }
            }
        }
        return names.map { Feature($0) }
    }

    private func labels(_ notes: inout [String]) throws -> DataSubject.Labels? {
        guard let values = samples.labels, let largest = values.max() else {
            notes.append("The samples have no labels, so nothing is said of them.")
            return nil
        }
        // why: numbers of classes that never occur would be classes without rows.
        let present = Set(values).filter { $0 >= 0 }.sorted()
        guard present.count > 1, present.count <= 1_000 else {
            notes.append(
                present.count > 1
                    ? "There are \(present.count) classes: no check of labels."
                    : "The labels have one class only: no check of labels.")
            return nil
        }
        let known = samples.classNames
        let names = present.map { value -> String in
            guard let known, known.indices.contains(Int(value)) else { return String(value) }
            return known[Int(value)]
        }
        var places = [Int32](repeating: -1, count: Int(largest) + 1)
        for (place, value) in present.enumerated() { places[Int(value)] = Int32(place) }
        let favourable = try favourable.map { value throws -> Int in
            if let place = names.firstIndex(of: value) { return place }
            throw CasemateError(
                .notFound, at: samples.source,
                "favourable outcome '\(value.clipped())' is no class" + Suggestion.clause(for: value, among: names),
                help: "classes: \(names.prefix(10).map { $0.clipped(to: 40) }.joined(separator: ", "))")
        }
        return DataSubject.Labels(
            classes: names, values: values.map { $0 >= 0 ? places[Int($0)] : -1 }, favourable: favourable)
    }
}
