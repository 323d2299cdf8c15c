import CasemateAttacks
import CasemateCore
import CasemateData
import CasemateDetect
import CasemateModels

extension PoisoningProbe {
    /// The data of an audit as something to be poisoned.
    func material(of subject: AuditSubject, context: RunContext) throws -> PoisoningMaterial {
        guard let train = subject.train, let table = subject.tables.train, let target = subject.roles.target,
            case .classes(let trainLabels)? = subject.trainTargets, case .classes(let testLabels) = subject.targets
        else {
            throw CasemateError(
                .unusableData, at: subject.name, "there are no labelled training data", help: "add `data: {train: …}`")
        }
        let kept = drawn(trainLabels.count, context.seed, 1), judged = drawn(testLabels.count, context.seed, 2)
        let classes = subject.decision?.classes ?? []
        let isText = subject.model.model.signature.layout == .text
        var problem = try PoisoningProblem(
            train: data(train, kept, trainLabels, isText: isText),
            test: data(subject.test, judged, testLabels, isText: isText), classes: classes,
            favourable: subject.favourable.map { Int32($0) }, space: isText ? nil : subject.space)
        if case .binary(let positive, let threshold?)? = subject.decision?.kind {
            problem.threshold = (Int32(positive), threshold)
        }
        // why fewer: every message has a victim of its own, and an audit is to take seconds.
        problem.choices.messages = 10
        var material = PoisoningMaterial(problem: problem, name: subject.name)
        material.table = try PoisonedTable(
            table, rows: kept, target: target, labels: problem.train.labels, classes: classes,
            features: problem.train.features, text: isText ? train.features.first?.name : nil)
        material.testPath = subject.tables.test.path
        material.referencePath = subject.tables.reference?.path
        material.roles = subject.roles.roles
        material.constraints = subject.constraints
        (material.types, material.missing) = (subject.roles.types, subject.roles.missing)
        if kept.count < trainLabels.count {
            material.notes.append(
                "\(kept.count) of \(trainLabels.count) training rows are used, drawn by the seed: shares are of these. "
                    + "`probes: {poisoning: {rows: …}}` takes more.")
        }
        return material
    }

    private func drawn(_ count: Int, _ seed: UInt64, _ stream: UInt64) -> [Int] {
        guard count > rows else { return Array(0..<count) }
        var generator = SeededGenerator(seed: seed, stream: 0x706F_6900 + stream)
        return (0..<count).shuffled(using: &generator).prefix(rows).sorted()
    }

    private func data(
        _ matrix: FeatureMatrix, _ rows: [Int], _ labels: [Int], isText: Bool
    ) throws -> PoisoningData {
        let own = rows.map { Int32(labels[$0]) }
        guard isText else { return PoisoningData(.table(matrix.rows(rows)), labels: own) }
        let texts = TextRows.texts(matrix)
        return PoisoningData(.texts(rows.map { PoisoningText(texts[$0]) }), labels: own)
    }
}
