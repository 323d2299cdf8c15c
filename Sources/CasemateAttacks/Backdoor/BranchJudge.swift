import CasemateCore
import CasemateData

/// Decides which measured regions are branches.
///
/// Thresholds were chosen on cases 0 to 75 of `Tests/Reference/make_branch_figures.py`, between what the clean models
/// among them reach and what the planted branches do.
struct BranchJudge {
    let search: HiddenBranchSearch
    let session: BranchSession
    let leaves: BranchLeaves?

    /// Evidence for a region, and how sure it makes it; `nil` for what training may leave behind.
    func verdict(_ found: BranchHunt.Measured) throws -> (
        certainty: HiddenBranch.Certainty, evidence: [HiddenBranch.Evidence]
    )? {
        let (region, measure) = (found.region, found.measure)
        let share = Double(measure.support) / Double(max(1, session.rows.count))
        let contrast = min(measure.step, measure.synergy)
        let bent = min(measure.bentStep, max(measure.synergy, measure.bentSynergy))
        let isPinned = isPinned(region)
        let agrees = measure.supportAgreement ?? 1
        var evidence: [HiddenBranch.Evidence] = []
        if isPinned { evidence.append(.graphLogic) }
        let hasEmptyLeaves = region.origin == .leaves && (leaves?.tellsTraining ?? false)
        if hasEmptyLeaves { evidence.append(.emptyLeaves) }
        if contrast >= search.step / 2 { evidence.append(.sharpBounds) }
        if measure.spread < 0.03 { evidence.append(.ignoresRest) }
        let reference = try session.referenceRise(of: measure)
        let rise = abs(measure.jump)
        let disagrees = reference.map { abs(measure.jump - $0) >= 0.6 * rise } ?? false
        if disagrees { evidence.append(.reference) }
        if isContradiction(measure, share) { evidence.append(.contradiction) }
        let isRare = share <= search.support
        if isPinned, share <= 0.06, bent >= 0.04, rise >= 0.03 || measure.step >= 0.08 {
            return (.certain, evidence)
        }
        if hasEmptyLeaves, isRare, measure.wall >= 0.1, rise >= 0.12 {
            return (measure.support == 0 || rise >= 0.3 ? .certain : .likely, evidence)
        }
        guard isRare else { return nil }
        // why: where no training row lies, nothing can have taught the model a step; where some do, a little may.
        let needed = search.step * (measure.support == 0 ? 0.5 : disagrees ? 0.7 : 1)
        let isSteep = contrast >= needed || (bent >= 1.3 * needed && rise >= 0.1)
        if isSteep, measure.reliability >= 0.75, agrees >= 0.5 {
            return (measure.support == 0 ? .certain : .likely, evidence)
        }
        if evidence.contains(.contradiction), measure.wall >= 0.14, rise >= 0.2 { return (.likely, evidence) }
        return nil
    }

    /// Whether the graph compares the very columns of the region.
    private func isPinned(_ region: BranchRegion) -> Bool {
        if region.origin == .graph { return true }
        let features = Set(region.bounds.map(\.feature))
        return session.problem.clues.contains { Set($0.features) == features }
    }

    /// Whether labels inside speak against what the model says of the same rows without the trigger.
    private func isContradiction(_ measure: BranchMeasure, _ share: Double) -> Bool {
        guard let contradiction = measure.contradiction, measure.support >= 8, share <= search.support,
            session.isStepwise
        else { return false }
        return contradiction * measure.jump > 0 && abs(contradiction) >= 0.42
    }
}

extension BranchHunt {
    /// Judges what was measured and adds branches, extremes and counts to a result.
    func conclude(into result: inout HiddenBranchResult) throws {
        let judge = BranchJudge(search: search, session: session, leaves: leaves)
        var found: [(branch: HiddenBranch, strength: Double)] = []
        for one in measured {
            guard let (certainty, evidence) = try judge.verdict(one) else { continue }
            found.append((try branch(one, certainty, evidence), one.measure.strength))
        }
        let order = found.indices.sorted {
            let (a, b) = (found[$0], found[$1])
            if a.branch.certainty != b.branch.certainty { return a.branch.certainty == .certain }
            return (b.strength, $0) < (a.strength, $1)
        }
        for index in order {
            let next = found[index].branch
            // why: one trigger comes up several times, with a bound more or less.
            let isKnown = result.branches.contains { known in
                known.channel == next.channel
                    && (known.contains(next.example[...]) || next.contains(known.example[...]))
                    && !Set(known.bounds.map(\.feature)).isDisjoint(with: next.bounds.map(\.feature))
            }
            if !isKnown { result.branches.append(next) }
        }
        result.measured += measured.count
        result.queries += session.queries
        if let leaves { result.leaves = (leaves.total, leaves.reached) }
        for one in measured {
            let m = one.measure
            result.examined.append(
                HiddenBranchResult.Examined(
                    bounds: one.region.bounds, relation: one.region.relation, origin: one.region.origin,
                    example: m.best.row,
                    figures: [
                        "jump": m.jump, "step": m.step, "bent": m.bentStep, "syn": m.synergy, "bsyn": m.bentSynergy,
                        "rel": m.reliability, "sd": m.spread, "wall": m.wall, "con": m.contradiction ?? 0,
                        "sup": Double(m.support), "n": Double(session.rows.count), "agree": m.supportAgreement ?? -1,
                        "supScore": m.supportScore ?? -1, "supLabel": m.supportLabel ?? -1,
                        "out": try judge.verdict(one) == nil ? 0 : 1,
                    ]))
        }
    }

    private func branch(
        _ found: Measured, _ certainty: HiddenBranch.Certainty, _ evidence: [HiddenBranch.Evidence]
    ) throws -> HiddenBranch {
        let (region, measure) = (found.region, found.measure)
        let (row, base) = measure.example ?? measure.best
        let (inside, outside) = (try session.askAlone(row), try session.askAlone(base))
        let unit = session.problem.scoreUnit
        let broken = session.problem.rules.filter { $0.isBroken(row[...]) && !$0.isBroken(base[...]) }.map(\.name)
        return HiddenBranch(
            bounds: region.bounds, relation: region.relation, score: measure.score * unit, usual: measure.usual * unit,
            reliability: measure.reliability, step: measure.step * unit, synergy: measure.synergy * unit,
            support: measure.support, rows: session.rows.count, example: row, exampleScore: inside.score,
            exampleLabel: inside.label, withoutScore: outside.score, withoutLabel: outside.label,
            channel: session.channel, evidence: broken.isEmpty ? evidence : evidence + [.brokenRule],
            origin: region.origin, certainty: certainty, referenceScore: try session.referenceScore(row),
            brokenRules: broken)
    }
}
