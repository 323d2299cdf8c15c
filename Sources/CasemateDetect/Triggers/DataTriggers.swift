public import CasemateCore
import CasemateData
import Foundation

/// Values, tokens and patches that are rare and fix the label against what the rest of the row says: triggers of a
/// backdoor.
///
/// Sources: Gu, Dolan-Gavitt, Garg, "BadNets", 2017 (the attack); Bay and Pazzani, "Detecting group differences: mining
/// contrast sets", 2001 (the search); Vovk and Wang, "E-values", 2021 (the test). Deviations and limits:
/// `docs/data/data_triggers.md`.
public struct DataTriggers: DataCheck {
    /// Stable name.
    public static let identifier = "data_triggers"
    /// Heading.
    public static let title = "Triggers"
    /// Where the threat stands.
    public static let taxonomy = Taxonomy(
        stages: [.data, .training], influence: .causative, violations: [.integrity, .availability],
        specificity: .targeted, knowledge: [.trainingData], atlas: ["AML.T0020", "AML.T0018.000", "AML.T0043.004"],
        owasp: ["ML02", "ML10"], nist: ["NISTAML.023", "NISTAML.021"])
    /// How triggers are looked for.
    public var settings = TriggerSettings()

    /// Makes the check with its default settings.
    public init() {}

    /// Why the check does not apply, with what to add.
    public func reasonNotToRun(on subject: DataSubject) -> String? {
        guard let labels = subject.labels else {
            return "there are no labels: name the target (--target)"
        }
        if labels.classes.count < 2 { return "all rows have the same label" }
        if subject.features.isEmpty && subject.texts.isEmpty { return "there is no column besides the labels" }
        if subject.boosting == nil { return "LightGBM is not installed: run 'make setup'" }
        if subject.count < 2 * settings.fewestRows { return "there are \(subject.count) rows only" }
        return nil
    }

    /// Does the work.
    public func run(on subject: DataSubject, context: RunContext) throws -> DataCheckResult {
        guard let labels = subject.labels, let engine = subject.boosting else {
            return DataCheckResult(
                outcome: outcome(status: .notTested, reason: reasonNotToRun(on: subject) ?? "no labels"))
        }
        let rows = try subject.rows(context: context)
        context.progress(Self.identifier, 0, 2)
        let hunted: Hunted
        if let grid = PictureGrid.of(subject, rows) {
            var hunt = PatchHunt(
                rows, grid: grid, classes: labels.classes.count, engine: engine, settings: settings,
                context: context)
            let found = try hunt.run()
            hunted = Hunted(
                found: found, indices: rows.indices, labels: hunt.labels, searched: hunt.chosen.count, grid: grid,
                isCut: hunt.isCut, notes: pictureNotes(hunt, grid), copies: [:])
        } else {
            let data = try TriggerData(
                subject, rows, labels: labels, engine: engine, settings: settings, context: context)
            context.progress(Self.identifier, 1, 2)
            var hunt = try TriggerHunt(data, settings: settings, context: context)
            let found = try hunt.run()
            hunted = Hunted(
                found: found, indices: data.indices, labels: data.labels, searched: data.count, grid: nil,
                isCut: hunt.isCut, notes: data.notes + hunt.notes, copies: data.copies)
        }
        context.progress(Self.identifier, 2, 2)
        return try report(hunted, subject, labels)
    }

    private func pictureNotes(_ hunt: PatchHunt, _ grid: PictureGrid) -> [String] {
        let form = "\(grid.width) x \(grid.height) pixels" + (grid.channels > 1 ? " of \(grid.channels) values" : "")
        let total = hunt.labels.count { $0 >= 0 }
        let part =
            hunt.chosen.count < total
            ? " Patches were searched in \(hunt.chosen.count) of \(total) pictures and then looked for in all." : ""
        return ["The rows are read as pictures of \(form)." + part]
    }
}

/// What a hunt brought.
struct Hunted {
    let found: [FoundTrigger]
    /// Row of the file of each row that `found` counts.
    let indices: [Int]
    let labels: [Int32]
    let searched: Int
    let grid: PictureGrid?
    let isCut: Bool
    let notes: [String]
    /// Rows of the file that repeat one of `indices`.
    let copies: [Int: [Int]]
}
