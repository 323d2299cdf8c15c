import CasemateAttacks
import CasemateCore
import CasemateData

/// The test rows that are attacked, and what the attacker wants of each.
struct EvasionRows {
    /// Test rows in file order.
    let indices: [Int]
    /// One goal a row.
    let goals: [EvasionProblem.Goal]
    /// Settings of the attack.
    let settings: EvasionSettings

    init(_ subject: AuditSubject, _ settings: EvasionSettings, seed: UInt64) {
        self.settings = settings
        let labels = Self.labels(subject)
        let candidates = (0..<subject.test.count).filter { row in
            switch settings.goal {
            case .any: true
            case .favourable: !subject.isFavourableDecision(row)
            case .unfavourable: subject.isFavourableDecision(row)
            }
        }
        var generator = SeededGenerator(seed: seed, stream: 0x65_76_61)
        indices = Array(candidates.shuffled(using: &generator).prefix(settings.samples)).sorted()
        goals = indices.map { row in
            switch settings.goal {
            case .any: .untargeted(label: labels[row])
            case .favourable: .targeted(label: Int32(subject.favourable ?? 0))
            case .unfavourable: .untargeted(label: Int32(subject.favourable ?? 0))
            }
        }
    }

    /// The right decision of every test row.
    static func labels(_ subject: AuditSubject) -> [Int32] {
        switch subject.targets {
        case .classes(let classes): classes.map(Int32.init)
        case .values(let values):
            if case .value(let threshold)? = subject.decision?.kind {
                values.map { $0 >= threshold ? 1 : 0 }
            } else {
                subject.decisions
            }
        }
    }
}
