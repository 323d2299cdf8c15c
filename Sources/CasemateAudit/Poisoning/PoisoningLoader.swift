import CasemateAttacks
import CasemateCore
import CasemateData
import CasemateDetect
import CasemateModels

/// Reads tables, texts and pictures to be poisoned.
struct PoisoningLoader {
    let configuration: AuditConfiguration
    let plan: PoisoningPlan
    let search: EngineSearch
    let context: RunContext
    /// Share of the rows that is held out where no test data are named.
    static let heldOut = 0.3

    /// Loads what the configuration names.
    /// - Throws: `CasemateError` with the place of what does not fit; `Cancelled`.
    func load(_ engine: () throws -> DataEngine) throws -> PoisoningMaterial {
        guard let train = configuration.data.train else {
            throw CasemateError(
                .invalidSetting, at: "attack poisoning", "no training data are named",
                help: "give a file, as in `casemate attack poisoning train.csv --test test.csv`")
        }
        var material =
            SampleReader.serves(train) ? try pictures(train) : try tabular(train, engine: engine())
        try choose(&material)
        return material
    }

    private func name(_ path: String) -> String { String(path.split(separator: "/").last ?? "data") }

    // MARK: Tables and texts

    private func tabular(_ path: String, engine: DataEngine) throws -> PoisoningMaterial {
        let test = configuration.data.test
        let named = [("train", path)] + [("test", test)].compactMap { name, path in path.map { (name, $0) } }
        let tables = try engine.open(
            named.map { name, path in
                DataSource(
                    path: path, name: name, types: configuration.data.types, missing: configuration.data.missing)
            })
        var opening = DataOpening(train: tables[0], test: tables.first { $0.name == "test" })
        opening.roles = configuration.data.roles
        // why: the model of an audit does not learn from protected attributes either.
        opening.roles.ignored += configuration.data.protected.map(\.column)
        let subject = try opening.subject(name: name(path))
        guard let labels = subject.labels, let target = subject.roles.target else {
            throw CasemateError(
                .unusableData, at: path, "there are no labels to learn from", help: "name their column: --target")
        }
        let text = try textColumn(subject)
        var material: PoisoningMaterial
        if let test = opening.test, let testLabels = subject.testLabels {
            material = try split(subject, labels, text: text, target: target, test: test, testLabels: testLabels)
        } else if opening.test != nil {
            throw CasemateError(
                .mismatch, at: test ?? path, "the test data lack the target '\(target)'",
                help: "add its column, or leave --test out")
        } else {
            material = try heldOut(subject, labels, text: text, target: target)
        }
        material.referencePath = configuration.data.reference
        (material.types, material.missing) = (configuration.data.types, configuration.data.missing)
        material.roles = configuration.data.roles
        material.roles.target = target
        material.notes = subject.notes + material.notes
        return material
    }

    /// The column of texts, where texts are what is poisoned.
    private func textColumn(_ subject: DataSubject) throws(CasemateError) -> String? {
        if let named = plan.text {
            guard subject.texts.contains(named) else {
                throw CasemateError(
                    .notFound, at: "--text",
                    "'\(named)' is no column of texts"
                        + Suggestion.clause(for: named, among: subject.texts),
                    help: "columns of texts: "
                        + (subject.texts.isEmpty ? "none" : subject.texts.joined(separator: ", ")))
            }
            return named
        }
        guard subject.features.isEmpty else { return nil }
        guard let first = subject.texts.first else {
            throw CasemateError(
                .unusableData, at: subject.name, "there is neither a feature nor a text", help: "check the columns")
        }
        return first
    }

    private func data(
        _ table: DataTable, rows: [Int], labels: [Int32], features: [Feature], text: String?
    ) throws -> PoisoningData {
        let own = rows.map { labels[$0] }
        guard let text else {
            return PoisoningData(.table(try table.matrix(features, rows: rows, isLenient: true)), labels: own)
        }
        let all = try table.texts(text)
        return PoisoningData(.texts(rows.map { PoisoningText(all[$0] ?? "") }), labels: own)
    }

    /// Labelled rows, at most `most` of them, drawn by the seed.
    private func drawn(_ rows: [Int], _ most: Int, stream: UInt64) -> [Int] {
        guard rows.count > most else { return rows }
        var generator = SeededGenerator(seed: context.seed, stream: stream)
        return rows.shuffled(using: &generator).prefix(most).sorted()
    }

    private func split(
        _ subject: DataSubject, _ labels: DataSubject.Labels, text: String?, target: String, test: DataTable,
        testLabels: [Int32]
    ) throws -> PoisoningMaterial {
        guard let train = subject.train else { throw missing }
        let most = plan.most(of: text == nil ? .table : .texts)
        let all = labels.values.indices.filter { labels.values[$0] >= 0 }
        let rows = drawn(all, most, stream: 0x706F_6931)
        let judged = drawn(testLabels.indices.filter { testLabels[$0] >= 0 }, most, stream: 0x706F_6932)
        let problem = try PoisoningProblem(
            train: data(train, rows: rows, labels: labels.values, features: subject.features, text: text),
            test: data(test, rows: judged, labels: testLabels, features: subject.features, text: text),
            classes: labels.classes, favourable: labels.favourable.map { Int32($0) })
        var material = PoisoningMaterial(problem: problem, name: subject.name)
        material.table = try PoisonedTable(
            train, rows: rows, target: target, labels: problem.train.labels, classes: labels.classes,
            features: problem.train.features, text: text)
        material.testTable = try PoisonedTable(
            test, rows: judged, target: target, labels: problem.test.labels, classes: labels.classes,
            features: problem.test.features, text: text)
        material.testPath = configuration.data.test
        note(&material, rows.count, of: all.count)
        return material
    }

    /// Rows held out for tests; equal rows stay on one side.
    private func heldOut(
        _ subject: DataSubject, _ labels: DataSubject.Labels, text: String?, target: String
    ) throws -> PoisoningMaterial {
        guard let train = subject.train else { throw missing }
        let most = plan.most(of: text == nil ? .table : .texts)
        let labelled = labels.values.indices.filter { labels.values[$0] >= 0 }
        let all = drawn(labelled, Int((Double(most) / (1 - Self.heldOut)).rounded()), stream: 0x706F_6931)
        let whole = try data(train, rows: all, labels: labels.values, features: subject.features, text: text)
        var groups: [[UInt64]: [Int]] = [:]
        for position in all.indices { groups[Self.key(whole, position), default: []].append(position) }
        var generator = SeededGenerator(seed: context.seed, stream: 0x706F_6933)
        let order = groups.values.sorted { $0[0] < $1[0] }.shuffled(using: &generator)
        var judged: [Int] = []
        for group in order where Double(judged.count) < Self.heldOut * Double(all.count) { judged += group }
        let isJudged = Set(judged)
        let (kept, tested) = (all.indices.filter { !isJudged.contains($0) }, judged.sorted())
        let problem = try PoisoningProblem(
            train: whole.rows(kept), test: whole.rows(tested), classes: labels.classes,
            favourable: labels.favourable.map { Int32($0) })
        var material = PoisoningMaterial(problem: problem, name: subject.name)
        func table(_ positions: [Int], _ data: PoisoningData) throws -> PoisonedTable {
            try PoisonedTable(
                train, rows: positions.map { all[$0] }, target: target, labels: data.labels, classes: labels.classes,
                features: data.features, text: text)
        }
        material.table = try table(kept, problem.train)
        material.heldOut = try table(tested, problem.test)
        material.notes.append(
            "No test data are named: \(tested.count) of \(all.count) rows are held out, equal rows on one side.")
        note(&material, all.count, of: labelled.count)
        return material
    }

    private var missing: CasemateError {
        CasemateError(.unusableData, at: "training data", "there is no table", help: "give a table")
    }

    private func note(_ material: inout PoisoningMaterial, _ used: Int, of all: Int) {
        guard used < all else { return }
        material.notes.append("\(used) of \(all) labelled rows are used, drawn by the seed; --samples takes more.")
    }

    /// What makes a sample equal to another.
    private static func key(_ data: PoisoningData, _ row: Int) -> [UInt64] {
        if data.medium == .texts { return data.texts[row].text.utf8.map { UInt64($0) } }
        return data.row(row).map { UInt64($0.isNaN ? Float.nan.bitPattern : $0.bitPattern) }
    }

    // MARK: Pictures

    private func pictures(_ path: String) throws -> PoisoningMaterial {
        let train = try SampleReader().read(
            SampleSource(path, labelsPath: plan.labels), cancellation: context.cancellation)
        let test = try configuration.data.test.map {
            try SampleReader().read(SampleSource($0), cancellation: context.cancellation)
        }
        let (high, low): (Float, Float) =
            train.element == .uint8 ? (255, 0) : (train.range.map { ($0.upperBound, $0.lowerBound) } ?? (1, 0))
        guard PictureShape(axes: train.shape, low: 0, high: 1) != nil, train.nonFiniteCount == 0 else {
            throw CasemateError(
                .unsupported, at: path, "samples of shape \(train.shape) are no pictures without gaps",
                help: "give pictures of one or three channels, or a table as CSV")
        }
        let (all, judged) = pictureRows(train, hasTest: test != nil)
        let names = try classes(train, test, path)
        func data(_ set: SampleSet) throws -> PoisoningData {
            guard let labels = set.labels, let shape = PictureShape(axes: set.shape, low: 0, high: 1),
                set.shape == train.shape, set.classNames == train.classNames
            else {
                throw CasemateError(
                    .mismatch, at: set.source,
                    "the samples have no labels, other classes or another shape than the "
                        + "training data", help: "give labelled samples of shape \(train.shape)")
            }
            let range = high > low ? high - low : 1
            return PoisoningData(.pictures(set.values.map { ($0 - low) / range }, shape), labels: labels)
        }
        let problem = try PoisoningProblem(
            train: data(train.samples(all)),
            test: data(
                test.map { $0.samples(drawn(Array(0..<$0.count), plan.most(of: .pictures), stream: 0x706F_6932)) }
                    ?? train.samples(judged)),
            classes: names, favourable: favourable(names, path))
        var material = PoisoningMaterial(problem: problem, name: name(path))
        material.pictureAxes = train.shape
        material.notes = train.warnings
        if test == nil { material.notes.append("No test data are named: \(judged.count) samples are held out.") }
        note(&material, all.count + judged.count, of: train.count)
        return material
    }

    /// Samples to train on, and those held out where there are no others to judge by.
    private func pictureRows(_ train: SampleSet, hasTest: Bool) -> (train: [Int], judged: [Int]) {
        let most = plan.most(of: .pictures)
        let all = drawn(
            Array(0..<train.count), hasTest ? most : Int(Double(most) / (1 - Self.heldOut)), stream: 0x706F_6931)
        if hasTest { return (all, []) }
        var generator = SeededGenerator(seed: context.seed, stream: 0x706F_6933)
        let order = all.shuffled(using: &generator)
        let cut = Int(Self.heldOut * Double(order.count))
        return (order.dropFirst(cut).sorted(), order.prefix(cut).sorted())
    }

    private func classes(_ train: SampleSet, _ test: SampleSet?, _ path: String) throws(CasemateError) -> [String] {
        if let names = train.classNames { return names }
        let labels = (train.labels ?? []) + (test?.labels ?? [])
        guard let last = labels.max(), let first = labels.min(), first >= 0, last < 1_000 else {
            throw CasemateError(
                .unusableData, at: path, "the samples have no labels from 0 to 999",
                help: "give labels in the archive, beside the file, or with --labels")
        }
        return (0...Int(last)).map { String($0) }
    }

    private func favourable(_ classes: [String], _ path: String) throws(CasemateError) -> Int32? {
        guard let wanted = configuration.data.favourable else { return nil }
        guard let index = classes.firstIndex(of: wanted) else {
            throw CasemateError(
                .mismatch, at: path, "'\(wanted)' is no class\(Suggestion.clause(for: wanted, among: classes))",
                help: "classes: \(classes.prefix(10).joined(separator: ", "))")
        }
        return Int32(index)
    }
}
