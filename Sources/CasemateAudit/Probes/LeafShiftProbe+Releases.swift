import CasemateCore
import CasemateData
import CasemateDetect
import CasemateModels

extension LeafShiftProbe {
    /// What this release changed, with the words that both need.
    struct ReleaseStory {
        let probe: LeafShiftProbe
        let subject: AuditSubject
        let previous: PreviousRelease
        let comparison: ReleaseComparison
        let answers: ReleaseComparison.Answers
        /// Whether decisions are compared.
        let hasDecisions: Bool
        /// Why scores are not compared, if they are not.
        let reason: String?
        /// What the scores are.
        let scale: String
    }

    /// Asks both releases about the test rows.
    func compareReleases(
        _ previous: PreviousRelease, _ trees: TreeModel?, _ subject: AuditSubject, _ context: RunContext,
        _ outcome: inout ProbeOutcome
    ) throws {
        let scores = ReleaseScores(subject, previous)
        let decided = subject.decision.map { $0.decide(previous.predictions) }
        let none = [Int32](repeating: 0, count: subject.test.count)
        let answers = ReleaseComparison.Answers(
            scores: scores.values, decisions: (decided ?? none, decided == nil ? none : subject.decisions),
            favourable: subject.favourable.map { Int32($0) }, labels: labels(subject) ?? none)
        var settings = ReleaseComparison.Settings()
        (settings.minimumChange, settings.minimumRows) = (minimumChange, minimumSegment)
        (settings.conditions, settings.alpha) = (conditions, alpha)
        let comparison = try ReleaseComparison(
            answers, over: subject.test, settings: settings, seed: context.seed, cancellation: context.cancellation)
        let story = ReleaseStory(
            probe: self, subject: subject, previous: previous, comparison: comparison, answers: answers,
            hasDecisions: decided != nil, reason: scores.reason, scale: scores.scale)
        outcome.metrics += story.metrics
        outcome.headlines += story.metrics.filter { $0.name == "leaf_shift.agreement" }
        outcome.summary += story.sentences
        outcome.tables += story.tables
        outcome.plots += story.plots
        outcome.findings += story.findings
        outcome.attacker += story.attacker
        if let trees { try appendLeaves(trees, comparison, subject, context, &outcome) }
    }

    /// The right decision of each row; `nil` without decisions.
    private func labels(_ subject: AuditSubject) -> [Int32]? {
        switch subject.targets {
        case .classes(let classes): return classes.map { Int32($0) }
        case .values(let values):
            guard case .value(let threshold)? = subject.decision?.kind else { return nil }
            return values.map { $0 >= threshold ? 1 : 0 }
        }
    }

    /// Where in the new release's trees each change sits.
    private func appendLeaves(
        _ trees: TreeModel, _ comparison: ReleaseComparison, _ subject: AuditSubject, _ context: RunContext,
        _ outcome: inout ProbeOutcome
    ) throws {
        guard !comparison.segments.isEmpty else { return }
        let features = subject.test.features
        let leaves = try trees.leaves(subject.test, cancellation: context.cancellation)
        let rows = comparison.segments.compactMap { moved -> [String]? in
            let inside = (0..<subject.test.count).map { moved.found.segment.contains(subject.test[row: $0]) }
            let leaf = CarryingLeaf.find(in: trees, leaves: leaves, over: subject.test, inside: inside)
            return leaf.map { leaf in
                [
                    moved.found.segment.described(over: features), "\(leaf.tree + 1)",
                    leaf.segment?.described(over: features) ?? "several paths", Words.fixed(leaf.weight, digits: 3),
                    Words.percent(leaf.inside), Words.percent(leaf.outside),
                ]
            }
        }
        outcome.tables.append(
            EvidenceTable(
                title: "Leaf of this release that tells each segment from other rows",
                columns: ["segment", "tree", "path to the leaf", "adds", "rows of the segment", "other rows"],
                rows: rows))
    }
}

/// Scores of both releases, turned so that more is better for the person.
struct ReleaseScores {
    /// Old and new; `nil` where they cannot be compared.
    let values: (old: [Double], new: [Double])?
    /// Why not.
    let reason: String?
    /// What one unit is.
    let scale: String

    init(_ subject: AuditSubject, _ previous: PreviousRelease) {
        let (old, new) = (previous.predictions, subject.predictions)
        func isChance(_ kind: ScoreKind) -> Bool { kind == .probabilities || kind == .logits || kind == .labels }
        guard isChance(old.kind) == isChance(new.kind) else {
            (values, scale) = (nil, "")
            reason = "the earlier release gives \(old.kind.rawValue), this one \(new.kind.rawValue)"
            return
        }
        func taken(_ answers: Predictions) -> [Double]? {
            if answers.task == .regression {
                return answers.scores.map { Double($0) * (subject.favourable == 0 ? -1 : 1) }
            }
            var column = subject.favourable
            if column == nil, case .binary(let positive, _)? = subject.decision?.kind { column = positive }
            let width = answers.classes.count
            return column.map { column in (0..<answers.count).map { Double(answers.scores[$0 * width + column]) } }
        }
        guard let before = taken(old), let after = taken(new) else {
            (values, scale) = (nil, "")
            reason = "several classes and none of them is declared favourable: add `favourable:` under `data:`"
            return
        }
        reason = nil
        guard !isChance(new.kind) else {
            (values, scale) = ((before, after), "score")
            return
        }
        // why: margins and values have any unit; the middle 98 % of the old ones make one of their own.
        let sorted = before.sorted()
        let range = Bootstrap.quantile(sorted, 0.99) - Bootstrap.quantile(sorted, 0.01)
        let unit = range > 0 ? range : 1
        values = (before.map { $0 / unit }, after.map { $0 / unit })
        scale = "score in units of \(Words.fixed(unit, digits: 3)), the middle 98 % of the earlier release's"
    }
}
