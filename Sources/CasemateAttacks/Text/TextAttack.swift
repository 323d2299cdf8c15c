public import CasemateCore
import Foundation

/// Attacks texts with each operator, then with all of them, and checks every success anew.
///
/// Only texts that the model decides rightly are attacked; the goal is any other decision. All texts are searched in
/// step. A text's result does not depend on the texts beside it, nor on how many are asked about at once.
public struct TextAttack: Sendable {
    /// What the attack may do.
    public var settings: TextAttackSettings
    /// Makes an attack.
    public init(_ settings: TextAttackSettings = TextAttackSettings()) { self.settings = settings }

    /// Attacks. What is found by the context's deadline is returned as partial.
    /// - Throws: `mismatch` for labels that are no decisions of the model; what the oracle throws; `Cancelled`.
    public func run(
        _ problem: TextProblem, oracle: any TextOracle, context: RunContext
    ) throws -> TextAttackResult {
        guard oracle.classes > 1, problem.labels.allSatisfy({ (0..<Int32(oracle.classes)).contains($0) }) else {
            throw CasemateError(
                .mismatch, at: "texts", "a label is none of the model's \(oracle.classes) decisions",
                help: "labels are indices of decisions")
        }
        let kinds = TextOperator.allCases.filter { kind in
            settings.operators.contains(kind) && (kind != .synonyms || problem.neighbours != nil)
        }
        var lists: [Int32: GoodWordList] = [:]
        if kinds.contains(where: \.isInsertion) {
            let search = GoodWordSearch(problem: problem, settings: settings, oracle: oracle, context: context)
            for label in Set(problem.labels).sorted() { lists[label] = try search.list(against: label) }
        }
        let check = TextCheck(problem: problem, settings: settings, oracle: oracle)
        var (attacks, isPartial, checkQueries, mixedQueries) = ([TextAttackResult.Attack](), false, 0, 0)
        for (done, kind) in kinds.enumerated() {
            context.progress("attacking texts", done, kinds.count + 1)
            var session = TextSession(problem, settings, oracle, context)
            try search([kind], lists, &session)
            isPartial = isPartial || session.isStopped
            attacks.append(try check.attack(session, by: kind, &checkQueries))
        }
        if kinds.count > 1 {
            var session = TextSession(problem, settings, oracle, context)
            try search(kinds.filter { $0 != .firstGoodWords }, lists, &session)
            isPartial = isPartial || session.isStopped
            let mixed = try check.attack(session, by: nil, &checkQueries)
            mixedQueries = mixed.samples.reduce(0) { $0 + $1.queries }
            attacks.append(Self.cheapest(attacks + [mixed]))
        }
        let normalised = try check.normalisedLabels(&checkQueries)
        let attacked = problem.texts.indices.filter { attacks.first?.samples[$0].isAttacked ?? false }
        let measured = try lists.values.map { try check.measured($0, on: attacked, &checkQueries) }
        return TextAttackResult(
            attacks: attacks, lists: measured.sorted { $0.label < $1.label }, normalisedLabels: normalised,
            checkQueries: checkQueries, isPartial: isPartial, mixedQueries: mixedQueries)
    }

    private func search(
        _ kinds: [TextOperator], _ lists: [Int32: GoodWordList], _ session: inout TextSession
    ) throws {
        let isScored = settings.access == .scores && session.oracle.scale != .none
        if kinds.count == 1, kinds[0].isInsertion {
            try InsertionSearch(by: kinds[0], lists: lists).run(&session)
        } else if !isScored {
            try BlindSearch(operators: kinds, lists: lists).run(&session)
        } else if kinds.count == 1 {
            try WordSearch(by: kinds[0]).run(&session)
        } else {
            try MixedSearch(operators: kinds, lists: lists).run(&session)
        }
    }

    /// The cheapest success of each text over all attacks, with the queries of all of them.
    private static func cheapest(_ attacks: [TextAttackResult.Attack]) -> TextAttackResult.Attack {
        let samples = (attacks.first?.samples ?? []).indices.map { index -> TextAttackResult.Sample in
            let all = attacks.map { $0.samples[index] }
            let found = all.filter { $0.outcome == .found }.min { ($0.edits, $0.words) < ($1.edits, $1.words) }
            let order: [TextAttackResult.Outcome] = [.discarded, .unfinished]
            let rest = order.compactMap { outcome in all.first { $0.outcome == outcome } }.first ?? all[0]
            return (found ?? rest).with(
                queries: all.reduce(0) { $0 + $1.queries }, hasSurvivor: all.contains(where: \.hasSurvivor))
        }
        return TextAttackResult.Attack(by: nil, samples: samples)
    }
}

extension TextAttackResult.Sample {
    fileprivate func with(queries: Int, hasSurvivor: Bool) -> TextAttackResult.Sample {
        TextAttackResult.Sample(
            identifier: identifier, outcome: outcome, text: text, label: label, edits: edits, words: words,
            operators: operators, queries: queries, survivesNormalisation: survivesNormalisation,
            hasSurvivor: hasSurvivor)
    }
}
