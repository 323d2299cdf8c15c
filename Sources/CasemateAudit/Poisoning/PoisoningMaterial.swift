import CasemateAttacks
import CasemateCore
import CasemateData
import CasemateDetect
import CasemateModels
import Foundation

/// Data that were loaded to be poisoned, and how checks are to see them.
struct PoisoningMaterial: Sendable {
    /// What is poisoned.
    var problem: PoisoningProblem
    /// Name in sentences: the file name.
    let name: String
    /// All columns of the training rows, and of test rows that are no file of their own; `nil` for pictures.
    var table: PoisonedTable?, heldOut: PoisonedTable?
    /// All columns of the test rows that are judged, where they are a file of their own.
    var testTable: PoisonedTable?
    /// Files that checks may compare with.
    var testPath: String?, referencePath: String?
    /// What columns mean to checks.
    var roles = DataSubject.Roles()
    /// Declared rules.
    var constraints: [ConstraintRule] = []
    /// Types that replace the inferred ones, and cells that stand for a missing value, in files.
    var types: [String: ColumnType] = [:], missing: [String] = []
    /// Axes of one sample in the file of pictures.
    var pictureAxes: [Int] = []
    /// What a reader must know, a sentence each.
    var notes: [String] = []

    /// Where checks and victims find their engines.
    struct Engines: Sendable {
        /// Opens what was written; `nil` where nothing can be opened.
        let data: DataEngine?
        /// Train.
        let boosting: LightGBM?, runtime: OnnxRuntime?
    }

    /// The data with plants in them, as the checks of `casemate data audit` see data: written to a file and opened.
    /// - Parameter body: Is given the subject while its file exists.
    /// - Throws: `unwritable`; what opening throws; `mismatch` where the file does not hold what was planted.
    func opened<Result>(
        _ plants: [Plant], engines: Engines, _ body: (DataSubject) throws -> Result
    ) throws -> Result {
        let poisoned = problem.train.planted(plants)
        guard let table else { return try body(pictures(poisoned, engines)) }
        guard let engine = engines.data else {
            throw CasemateError(.engineMissing, at: name, "no engine opens tables", help: "run `make setup`")
        }
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("casemate-\(UUID().uuidString)")
        try FileManager.default.createDirectory(
            at: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        defer { try? FileManager.default.removeItem(at: folder) }
        let path = folder.appendingPathComponent("train.csv").path
        try OutputFolder(folder.path).write([
            ("train.csv", table.csv(table.planted(plants, features: problem.train.features)))
        ])
        var sources = [DataSource(path: path, name: "train", types: table.types)]
        if let heldOut {
            try OutputFolder(folder.path).write([("test.csv", heldOut.csv(heldOut.columns))])
            sources.append(
                DataSource(
                    path: folder.appendingPathComponent("test.csv").path, name: "test", types: heldOut.types))
        }
        for (name, path) in [("test", testPath), ("reference", referencePath)] {
            if let path { sources.append(DataSource(path: path, name: name, types: types, missing: missing)) }
        }
        let tables = try engine.open(sources)
        guard tables[0].count == poisoned.count else {
            throw CasemateError(
                .mismatch, at: name, "\(poisoned.count) rows were written and \(tables[0].count) read",
                help: "report this, with the file if you can")
        }
        var opening = DataOpening(
            train: tables[0], reference: tables.first { $0.name == "reference" },
            test: tables.first { $0.name == "test" })
        opening.roles = roles
        opening.constraints = constraints
        (opening.boosting, opening.runtime) = (engines.boosting, engines.runtime)
        return try body(opening.subject(name: name))
    }

    private func pictures(_ data: PoisoningData, _ engines: Engines) -> DataSubject {
        let shape = data.picture
        var names = [String](repeating: "", count: data.width)
        for y in 0..<(shape?.height ?? 0) {
            for x in 0..<(shape?.width ?? 0) {
                for channel in 0..<(shape?.channels ?? 0) {
                    let end = shape?.channels == 1 ? "" : "_\(channel)"
                    if let place = shape?.place(channel: channel, y: y, x: x) { names[place] = "pixel_\(y)_\(x)\(end)" }
                }
            }
        }
        let samples = SampleSet(
            count: data.count, shape: pictureAxes, values: data.values, labels: data.labels,
            classNames: problem.classes, source: name)
        return DataSubject(
            name: name, train: nil, roles: roles, features: names.map { Feature($0) },
            labels: DataSubject.Labels(
                classes: problem.classes, values: data.labels, favourable: problem.favourable.map { Int($0) }),
            count: data.count, samples: samples, boosting: engines.boosting, runtime: engines.runtime)
    }
}
