import CasemateAttacks
import CasemateCore
import CasemateDetect

/// A run of attacks with what checks say about each of them.
struct PoisoningStudy {
    /// An attack and the checks by share.
    struct Examined {
        let attack: PoisoningResult.Attack
        /// What checks say about the first repeat, by share; shares that no check looked at are missing.
        let verdicts: [Double: [PoisoningVerdict]]
    }
    let material: PoisoningMaterial
    let result: PoisoningResult
    let attacks: [Examined]
    /// Names of the checks that had something to say about clean data.
    let checks: [String]
    /// Whether something is missing because time ran out.
    let isPartial: Bool
    /// What a success must be above that of clean data for an attack to work.
    let gain: Double

    /// Attacks and looks.
    /// - Throws: what attacks and checks throw; `Cancelled`.
    init(
        _ material: PoisoningMaterial, plan: PoisoningPlan, run: PoisoningRun, victim: any PoisoningVictim,
        checks: [any DataCheck], engines: PoisoningMaterial.Engines, context: RunContext
    ) throws {
        let result = try run.run(material.problem, victim: victim, context: context)
        let examiner = PoisoningChecks(material: material, checks: checks, engines: engines, context: context)
        var (examined, isLate): ([Examined], Bool) = ([], false)
        let isLooking = plan.looking != .none && !checks.isEmpty
        var clean: [PoisoningChecks.Answer] = []
        for attack in result.attacks {
            var verdicts: [Double: [PoisoningVerdict]] = [:]
            let curve = PoisoningCurve(attack: attack, gain: plan.gain)
            let shares = plan.looking == .working ? [curve.smallestWorking].compactMap(\.self) : attack.shares
            for share in isLooking ? shares : [] {
                if let deadline = context.deadline, ContinuousClock.now >= deadline {
                    isLate = true
                    continue
                }
                guard let point = attack.points(at: share).first(where: { $0.repeated == 0 }) else { continue }
                if clean.isEmpty { clean = try examiner.answers([]) }
                context.progress("checks on poisoned data", examined.count, result.attacks.count)
                verdicts[share] = examiner.verdicts(
                    try examiner.answers(point.plants), clean: clean, plants: point.plants, aim: attack.aims[0])
            }
            examined.append(Examined(attack: attack, verdicts: verdicts))
        }
        (self.material, self.result, attacks, gain) = (material, result, examined, plan.gain)
        self.checks = clean.map(\.check)
        isPartial = result.isPartial || isLate
    }
}

/// The curve of one attack over its shares: means over repeats, and intervals that hold all of theirs.
struct PoisoningCurve {
    /// A value with an interval.
    struct Value {
        let value: Double, low: Double, high: Double
        /// Samples of one repeat.
        let count: Int

        /// `nil` without samples.
        init?(_ rates: [PoisoningRate]) {
            let values = rates.compactMap(\.value), spans = rates.compactMap(\.interval)
            guard !values.isEmpty, values.count == rates.count, let low = spans.map(\.low).min(),
                let high = spans.map(\.high).max()
            else { return nil }
            (value, count) = (values.reduce(0, +) / Double(values.count), rates[0].trials)
            (self.low, self.high) = (low, high)
        }
    }
    let attack: PoisoningResult.Attack
    let gain: Double

    /// A figure at a share; 0 is clean data.
    func value(_ figure: (PoisoningMeasure) -> PoisoningRate?, at share: Double) -> Value? {
        let measures = share == 0 ? attack.baselines : attack.points(at: share).map(\.measure)
        let rates = measures.compactMap(figure)
        return rates.count == measures.count ? Value(rates) : nil
    }

    /// Rows planted at a share: the mean over repeats.
    func rows(at share: Double) -> Int {
        let points = attack.points(at: share)
        return points.isEmpty ? 0 : points.reduce(0) { $0 + $1.rows } / points.count
    }

    /// Whether the attack works at a share: its success exceeds that on clean data by `gain`, and beyond chance.
    func works(at share: Double) -> Bool {
        guard let now = value({ $0.success }, at: share), let before = value({ $0.success }, at: 0) else {
            return false
        }
        return now.value - before.value >= gain && now.low > before.high
    }

    /// The smallest share at which it works.
    var smallestWorking: Double? { attack.shares.first { works(at: $0) } }
}
