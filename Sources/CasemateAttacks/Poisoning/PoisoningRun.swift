public import CasemateCore
import CasemateData

/// Plants, counts, trains anew and measures: attacks against the share of poisoned rows.
///
/// Every victim is trained on exactly the data that are then compared with the clean ones: a planted row that is not
/// found there, or one that leaves the feature space, is an error. The same seed gives the same result at any number of
/// threads.
public struct PoisoningRun: Sendable {
    /// Attacks, in the order of the result.
    public var attacks: [any PoisoningAttack]
    /// Shares of the training rows, in 0…1.
    public var shares: [Double]
    /// Times that every share is measured, each with draws of its own.
    public var repeats: Int

    /// Makes a run; the defaults are every attack that ships.
    public init(
        attacks: [any PoisoningAttack] = poisoningAttacks.map { $0.init() },
        shares: [Double] = [0.001, 0.005, 0.01, 0.03, 0.1], repeats: Int = 3
    ) {
        self.attacks = attacks
        self.shares = Set(shares.filter { $0 > 0 && $0 <= 1 }).sorted()
        self.repeats = max(1, repeats)
    }

    private struct Prepared: Sendable {
        let attack: any PoisoningAttack
        let sessions: [PoisoningSession]
        let aims: [PoisoningAim]
        var identifier: String { type(of: attack).identifier }
    }
    private enum Aimed: Sendable { case ready(Prepared), skipped(String, String) }

    /// Runs. What is measured by the context's deadline is returned as partial.
    /// - Throws: `invalidSetting` without shares; what victims throw; `mismatch` where an attack does not do what it
    ///   says; `Cancelled`.
    public func run(
        _ problem: PoisoningProblem, victim: any PoisoningVictim, context: RunContext
    ) throws -> PoisoningResult {
        guard !shares.isEmpty else {
            throw CasemateError(
                .invalidSetting, at: "shares", "there is no share above 0 and up to 1", help: "such as 0.01,0.1")
        }
        let aimed = try ParallelTasks.map(attacks.count, threads: context.threads) {
            try aim(attacks[$0], problem, victim, context)
        }
        let ready = aimed.compactMap { if case .ready(let prepared) = $0 { prepared } else { nil } }
        let skipped = aimed.compactMap { entry -> (identifier: String, reason: String)? in
            if case .skipped(let identifier, let reason) = entry { (identifier, reason) } else { nil }
        }
        let baselines = try baselines(of: ready, problem, victim, context)
        let tasks = (0..<repeats).flatMap { repeated in
            ready.indices.flatMap { attack in shares.map { (attack: attack, repeated: repeated, share: $0) } }
        }
        let done = try ParallelTasks.map(tasks.count, threads: context.threads) { index in
            if let deadline = context.deadline, ContinuousClock.now >= deadline { return PoisoningResult.Point?.none }
            let task = tasks[index]
            defer { context.progress("poisoning", index + 1, tasks.count) }
            return try point(ready[task.attack], task.share, task.repeated)
        }
        let results = ready.indices.map { index in
            let points = zip(tasks, done).compactMap { task, point in task.attack == index ? point : nil }
            return PoisoningResult.Attack(
                identifier: ready[index].identifier, title: type(of: ready[index].attack).title,
                violation: type(of: ready[index].attack).violation, aims: ready[index].aims,
                baselines: baselines[index],
                points: points.sorted { ($0.share, $0.repeated) < ($1.share, $1.repeated) })
        }
        return PoisoningResult(
            attacks: results, skipped: skipped, isPartial: done.contains { $0 == nil }, victim: victim.described)
    }

    private func count(_ share: Double, _ problem: PoisoningProblem) -> Int {
        max(1, Int((share * Double(problem.train.count)).rounded()))
    }

    /// Aims at every repeat; an attack that finds nothing to be after is left out with the reason.
    private func aim(
        _ attack: any PoisoningAttack, _ problem: PoisoningProblem, _ victim: any PoisoningVictim,
        _ context: RunContext
    ) throws -> Aimed {
        let identifier = type(of: attack).identifier
        let misfit = type(of: attack).media.contains(problem.train.medium) ? nil : attack.mediumMisfit(problem)
        if let reason = misfit ?? attack.reasonNotToRun(on: problem) { return .skipped(identifier, reason) }
        let sessions = (0..<repeats).map { repeated in
            PoisoningSession(
                problem, victim: victim, counts: shares.map { count($0, problem) }, attack: identifier,
                repeated: repeated, context: context)
        }
        do {
            let aims = try sessions.map { session in
                try context.cancellation.check()
                return try attack.aim(in: session)
            }
            return .ready(Prepared(attack: attack, sessions: sessions, aims: aims))
        } catch let error as CasemateError where error.code == .unusableData {
            return .skipped(identifier, error.what + (error.help.isEmpty ? "" : ": " + error.help))
        }
    }

    /// Victims of clean data, one for each seed, judged by what every attack is after: `[attack][repeat]`.
    private func baselines(
        of ready: [Prepared], _ problem: PoisoningProblem, _ victim: any PoisoningVictim, _ context: RunContext
    ) throws -> [[PoisoningMeasure]] {
        guard !ready.isEmpty else { return [] }
        let isSeeded = type(of: victim).isSeeded
        let made = try ParallelTasks.map(isSeeded ? repeats : 1, threads: context.threads) { seed in
            context.progress("training on clean data", seed, isSeeded ? repeats : 1)
            let fitted = try victim.fit(
                problem.train, classes: problem.classes.count, seed: ready[0].sessions[seed].victimSeed,
                cancellation: context.cancellation)
            let decisions = problem.decisions(try fitted.scores(problem.test))
            let own = isSeeded ? [seed] : Array(0..<repeats)
            return try ready.map { prepared in
                try own.map { repeated in
                    let aim = prepared.aims[repeated]
                    let answers = problem.decisions(try fitted.scores(aim.attacked))
                    return PoisoningMeasure(
                        decisions: decisions, labels: problem.test.labels, favourable: problem.favourable,
                        success: Self.success(answers, aim, 0..<aim.attacked.count))
                }
            }
        }
        return ready.indices.map { attack in made.flatMap { $0[attack] } }
    }

    private static func success(_ answers: [Int32], _ aim: PoisoningAim, _ range: Range<Int>) -> PoisoningRate {
        let reached = zip(answers, range).count { aim.isReached($0, label: aim.attacked.labels[$1]) }
        return PoisoningRate(reached, of: range.count)
    }

    /// One attack at one share.
    private func point(_ prepared: Prepared, _ share: Double, _ repeated: Int) throws -> PoisoningResult.Point {
        let (session, aim) = (prepared.sessions[repeated], prepared.aims[repeated])
        let problem = session.problem
        var (first, decisions): ([Plant], [Int32]) = ([], [])
        var (reached, tried) = (0, 0)
        var all: [Plant] = []
        for (trial, range) in aim.trials.enumerated() {
            try session.cancellation.check()
            let plants = try prepared.attack.plants(count(share, problem), trial: trial, for: aim, in: session)
            let poisoned = problem.train.planted(plants)
            try Self.recount(plants, poisoned, problem, attack: prepared.identifier)
            let fitted = try session.victim.fit(
                poisoned, classes: problem.classes.count, seed: session.victimSeed,
                cancellation: session.cancellation)
            all += plants
            if trial == 0 {
                first = plants
                decisions = problem.decisions(try fitted.scores(problem.test))
            }
            let samples = range.count == aim.attacked.count ? aim.attacked : aim.attacked.rows(Array(range))
            let rate = Self.success(problem.decisions(try fitted.scores(samples)), aim, range)
            (reached, tried) = (reached + rate.successes, tried + rate.trials)
        }
        return PoisoningResult.Point(
            share: share, repeated: repeated, rows: first.count,
            accepted: first.count { plant in aim.target.map { $0 == plant.label } ?? true },
            measure: PoisoningMeasure(
                decisions: decisions, labels: problem.test.labels, favourable: problem.favourable,
                success: PoisoningRate(reached, of: tried)), rounds: Self.rounds(all, aim),
            plants: repeated == 0 ? first : [])
    }

    private static func rounds(_ plants: [Plant], _ aim: PoisoningAim) -> [PoisoningResult.Round] {
        let last = plants.map(\.round).max() ?? 0
        return (0...last).map { round in
            let own = plants.filter { $0.round == round }
            return PoisoningResult.Round(
                sent: own.count, accepted: own.count { plant in aim.target.map { $0 == plant.label } ?? true })
        }
    }

    /// Compares what the victim is given with the clean data: every planted row is there, no other one changed, and each
    /// keeps the feature space.
    static func recount(
        _ plants: [Plant], _ poisoned: PoisoningData, _ problem: PoisoningProblem, attack: String
    ) throws(CasemateError) {
        let clean = problem.train
        let added = plants.count { $0.row == nil }
        let expected = plants.compactMap(\.row).sorted() + Array(clean.count..<clean.count + added)
        let found = clean.changes(in: poisoned)
        guard found == expected else {
            throw CasemateError(
                .mismatch, at: "attack \(attack)",
                "it planted \(plants.count) rows, \(found.count) rows of the victim's data changed",
                help: "an attack plants each row once, and never one that changes nothing")
        }
        guard let space = problem.space else { return }
        for plant in plants {
            guard case .values = plant.content, let row = plant.row else { continue }
            if let broken = space.violations(of: poisoned.row(row), from: clean.row(row)).first {
                throw CasemateError(
                    .mismatch, at: "attack \(attack)", "a planted row leaves the feature space: \(broken)",
                    help: "plant lawful rows only")
            }
        }
    }
}
