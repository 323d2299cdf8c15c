import CasemateCore
import CasemateData

extension ImpersonationSession {
    /// Scores and checks everything found anew, in calls of its own, and drops what does not survive.
    func result() throws -> ImpersonationResult {
        var found: [ImpersonationResult.Imitation] = []
        var keys: Set<[Int]> = []
        for pair in pairs + donorPairs {
            guard let set = pair.found, keys.insert([pair.sample, pair.identity]).inserted,
                let imitation = imitation(pair, set.set, set.method)
            else { continue }
            found.append(imitation)
        }
        let kept = try recheck(found)
        var best: [Int: ImpersonationResult.Imitation] = [:]
        for imitation in kept {
            guard let held = best[imitation.row] else {
                best[imitation.row] = imitation
                continue
            }
            let (one, other) = (
                (imitation.cost, imitation.attributes.count, imitation.identity),
                (held.cost, held.attributes.count, held.identity)
            )
            if one < other { best[imitation.row] = imitation }
        }
        let samples =
            problem.rows.values.isEmpty
            ? []
            : (0..<problem.rows.count).map { sample in
                ImpersonationResult.Sample(
                    identifier: problem.identifiers[sample], best: best[sample], queries: queries[sample],
                    isUnfinished: !finished.contains(sample))
            }
        // why: an identity that was not tried on every row has no share of them.
        let tried = donors.filter { donor in donorPairs.count { $0.identity == donor } == problem.rows.count }
        let ranked = (isPartial ? [] : tried).map { donor in
            ImpersonationResult.Donor(
                identity: donor, imitations: kept.filter { $0.identity == donor }.sorted { $0.row < $1.row })
        }.sorted { ($1.imitations.count, $0.identity) < ($0.imitations.count, $1.identity) }
        return ImpersonationResult(
            samples: samples, donors: ranked, candidates: passed.count, queries: queries.reduce(0, +) + found.count,
            discarded: found.count - kept.count, unlawful: unlawful, isPartial: isPartial)
    }

    private func imitation(
        _ pair: CopyPair, _ set: [Int], _ method: ImpersonationResult.Method
    ) -> ImpersonationResult.Imitation? {
        let attributes = set.sorted().map { pair.attributes[$0] }
        guard let values = copy(pair.sample, pair.identity, attributes) else { return nil }
        return ImpersonationResult.Imitation(
            row: pair.sample, identity: pair.identity, attributes: attributes.map { units.units[$0].features },
            values: values, cost: problem.space.cost(from: problem.rows[row: pair.sample], to: values), method: method)
    }

    private func recheck(
        _ found: [ImpersonationResult.Imitation]
    ) throws -> [ImpersonationResult.Imitation] {
        var kept: [ImpersonationResult.Imitation] = []
        for start in stride(from: 0, to: found.count, by: search.batch) {
            let block = found[start..<min(start + search.batch, found.count)]
            let labels = try decide(block.flatMap(\.values), count: block.count)
            for (imitation, label) in zip(block, labels) {
                let original = problem.rows[row: imitation.row]
                let changed = problem.space.changes(from: original, to: imitation.values).map(\.features)
                if label == problem.wanted, changed.allSatisfy(imitation.attributes.contains),
                    problem.space.violations(of: imitation.values, from: original).isEmpty
                {
                    kept.append(imitation)
                }
            }
        }
        return kept
    }
}
