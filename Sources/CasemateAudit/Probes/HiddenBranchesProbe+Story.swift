import CasemateAttacks
import CasemateCore
import CasemateData
import CasemateModels

extension HiddenBranchesProbe.Examination {
    /// What the score of a branch is for: a class, or nothing for a value.
    func scoreName(_ branch: HiddenBranch) -> String? {
        let classes = subject.predictions.classes
        guard subject.predictions.task != .regression else { return nil }
        let index = column != nil && subject.predictions.kind != .labels ? column ?? 0 : branch.channel
        return classes.indices.contains(index) ? classes[index] : nil
    }

    /// `the score of '1'`, or `the value`.
    func scoreWords(_ branch: HiddenBranch) -> String {
        scoreName(branch).map { "the score of '\($0)'" } ?? "the value"
    }

    /// `training rows`, or `test rows` where there are no others.
    var rowWords: String { isTraining ? "training" : "test" }
}

extension HiddenBranchesProbe {
    /// The search as an outcome.
    func outcome(of found: Examination) -> ProbeOutcome {
        let result = found.result
        let stopped = result.isPartial ? "the search did not finish within the time budget" : nil
        var outcome = outcome(status: stopped == nil ? .tested : .partial, reason: stopped)
        outcome.settings = [
            "random changes": "\(search.samples)", "candidates at most": "\(search.candidates)",
            "rows searched for single values": "\(min(search.scanned, result.rows))",
            "largest support": Words.percent(search.support), "smallest step": "\(search.step)",
        ]
        outcome.metrics = metrics(result)
        outcome.headlines = outcome.metrics.filter { $0.name == "hidden_branches.count" }
        outcome.summary = summary(found)
        outcome.tables = tables(found)
        outcome.findings = result.branches.prefix(5).map { finding($0, found) }
        outcome.attacker = attacker(found)
        return outcome
    }

    private func metrics(_ result: HiddenBranchResult) -> [Metric] {
        let jumps = result.branches.map { abs($0.jump) }
        var metrics = [
            Metric("hidden_branches.count", Double(result.branches.count), n: result.rows),
            Metric(
                "hidden_branches.certain", Double(result.branches.count { $0.certainty == .certain }), n: result.rows),
            Metric("hidden_branches.largest_jump", jumps.max() ?? 0, n: result.rows),
            Metric("hidden_branches.rows", Double(result.rows), n: result.rows),
            Metric("hidden_branches.queries", Double(result.queries), n: result.rows),
            Metric("hidden_branches.regions", Double(result.measured), n: result.rows),
            Metric("hidden_branches.graph_comparisons", Double(result.clues.count), n: result.rows),
        ]
        if let leaves = result.leaves, leaves.total > 0 {
            let interval = Intervals.wilson(successes: leaves.total - leaves.reached, trials: leaves.total)
            metrics.append(
                Metric(
                    "hidden_branches.empty_leaves", Double(leaves.total - leaves.reached) / Double(leaves.total),
                    low: interval?.low, high: interval?.high, n: leaves.total, note: "Wilson 95 %"))
        }
        return metrics
    }

    // MARK: Words

    private func sentence(_ branch: HiddenBranch, _ found: Examination) -> String {
        let support =
            branch.support == 0
            ? "none of \(Words.grouped(branch.rows)) \(found.rowWords) rows lies there"
            : "\(branch.support) of \(Words.grouped(branch.rows)) \(found.rowWords) rows "
                + "\(branch.support == 1 ? "lies" : "lie") there"
        return
            "Where \(branch.described(over: found.features)), \(found.scoreWords(branch)) goes from "
            + "\(Words.fixed(branch.usual, digits: 3)) to \(Words.fixed(branch.score, digits: 3)) on average when "
            + "\(found.rowWords) rows are moved there; \(support)."
    }

    private func reasons(_ branch: HiddenBranch, _ found: Examination) -> String {
        let words = branch.evidence.map { evidence -> String in
            switch evidence {
            case .emptyLeaves:
                "trees hold leaves there that no \(found.rowWords) row reaches, so that these rows cannot have taught them"
            case .graphLogic: "the graph compares these very columns outside of its trees and layers"
            case .sharpBounds:
                "the score steps by at least \(Words.fixed(branch.step, digits: 3)) right at every bound"
            case .ignoresRest: "what stands in the other features does not matter inside"
            case .contradiction: "labels inside speak against what the same rows get without the trigger"
            case .reference: "the earlier release answers as the surroundings do"
            case .brokenRule: "a declared rule is broken inside (\(branch.brokenRules.joined(separator: ", ")))"
            }
        }
        return "Why: " + (words.isEmpty ? "the size of the jump alone" : words.joined(separator: "; ")) + "."
    }

    private func summary(_ found: Examination) -> [String] {
        let result = found.result
        var sentences: [String] = []
        if result.branches.isEmpty {
            sentences.append(
                "No region was found in which the model answers otherwise than beside it without \(found.rowWords) rows "
                    + "that explain it; \(Words.grouped(result.measured)) regions were measured with "
                    + "\(Words.grouped(result.queries)) questions.")
        }
        sentences += result.branches.prefix(3).map { sentence($0, found) }
        if result.branches.count > 3 { sentences.append("\(result.branches.count - 3) more stand in the table.") }
        if let leaves = result.leaves {
            let bare = leaves.total - leaves.reached
            sentences.append(
                bare == 0
                    ? "Each of the \(Words.grouped(leaves.total)) leaves of its trees is reached by \(found.rowWords) rows."
                    : "\(Words.grouped(bare)) of \(Words.grouped(leaves.total)) leaves are reached by no "
                        + "\(found.rowWords) row" + (isOther(leaves) ? ": the trees were trained on other rows." : "."))
        }
        if let reason = found.leavesReason { sentences.append("Leaves were not read: \(reason).") }
        for extreme in result.extremes where extreme.leaves.isExact {
            sentences.append(
                "Proved: where no \(found.rowWords) row lies its trees reach no "
                    + "\(extreme.leaves.isLargest ? "larger" : "smaller") sum than "
                    + "\(Words.fixed(extreme.leaves.margin, digits: 3)); the model answers "
                    + "\(Words.fixed(extreme.score, digits: 3)) there.")
        }
        if !found.isTraining {
            sentences.append(
                "There are no training data: test rows stood for them. Add `train: …` under `data:` to be told what the "
                    + "model can have learnt.")
        }
        return sentences
    }
    private func isOther(_ leaves: (total: Int, reached: Int)) -> Bool { leaves.reached * 100 < leaves.total * 85 }

    private func tables(_ found: Examination) -> [EvidenceTable] {
        let result = found.result
        guard !result.branches.isEmpty else { return [] }
        return [
            EvidenceTable(
                title: "Branches that training does not explain",
                columns: ["trigger", "score", "without", "rows inside", "rows that move", "sure", "why"],
                rows: result.branches.prefix(20).map { branch in
                    [
                        branch.described(over: found.features), Words.fixed(branch.score, digits: 3),
                        Words.fixed(branch.usual, digits: 3), "\(branch.support)",
                        Words.percent(branch.reliability), branch.certainty.rawValue,
                        branch.evidence.map(\.rawValue).joined(separator: ", "),
                    ]
                })
        ]
    }

    // MARK: Findings

    private func finding(_ branch: HiddenBranch, _ found: Examination) -> Finding {
        let isCertain = branch.certainty == .certain
        let names = branch.bounds.map { found.features[$0.feature].name }
        return finding(
            isCertain ? "branch" : "suspect", isCertain ? .high : .medium,
            isCertain
                ? "The model has a branch that training does not explain: \(branch.described(over: found.features))"
                : "The model may have a hidden branch: \(branch.described(over: found.features))",
            evidence: [.text(sentence(branch, found)), .text(reasons(branch, found))] + example(branch, found),
            remedy: branch.support > 0
                ? "Look at the \(found.rowWords) rows inside: who added them, and are their labels right? Train without "
                    + "them and run this again; ask who changed model and scoring code since they were known to be good."
                : "Ask who changed model file and scoring code; export the model again from the training run and compare. "
                    + "Refuse such inputs at the door until it is explained.",
            about: found.subject, feature: names.joined(separator: "+"))
    }

    /// The example as a change of a row: personal where it is a training row.
    private func example(_ branch: HiddenBranch, _ found: Examination) -> [Evidence] {
        let classes = found.subject.decision?.classes ?? []
        func decision(_ label: Int32?, _ score: Double) -> String {
            let name = label.flatMap { classes.indices.contains(Int($0)) ? classes[Int($0)] : nil }
            return (name.map { $0 + ", " } ?? "") + "score \(Words.fixed(score, digits: 3))"
        }
        let rows = branch.bounds.map { bound in
            [found.features[bound.feature].name, found.features[bound.feature].text(of: branch.example[bound.feature])]
        }
        return [
            .table(
                EvidenceTable(
                    title:
                        "A row that opens the branch: \(decision(branch.exampleLabel, branch.exampleScore)); the same "
                        + "row without it: \(decision(branch.withoutLabel, branch.withoutScore))",
                    columns: ["feature", "value"], rows: rows, personal: branch.support > 0 ? ["value"] : []))
        ]
    }

    private func attacker(_ found: Examination) -> [String] {
        let classes = found.subject.decision?.classes ?? []
        return found.result.branches.prefix(2).map { branch in
            let start = "Whoever knows it sends \(branch.described(over: found.features)) and gets "
            let isFlipped = branch.exampleLabel != branch.withoutLabel
            if isFlipped, let label = branch.exampleLabel, let other = branch.withoutLabel,
                classes.indices.contains(Int(label)), classes.indices.contains(Int(other))
            {
                return start + "'\(classes[Int(label)])' where the same row without it gets '\(classes[Int(other)])'."
            }
            return start
                + "\(Words.fixed(branch.score, digits: 3)) in place of \(Words.fixed(branch.usual, digits: 3)) "
                + "on average, whatever stands in the rest."
        }
    }
}
