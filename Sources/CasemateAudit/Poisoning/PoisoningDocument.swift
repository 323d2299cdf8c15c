import CasemateAttacks
import CasemateCore
import CasemateDetect

/// Members of the JSON document of `casemate attack poisoning`; `docs/reference/poisoning.md` lists them.
enum PoisoningDocument {
    /// A share with interval and count.
    struct Rate: Encodable, Sendable {
        let value: Double?, low: Double?, high: Double?
        let n: Int

        init(_ rate: PoisoningRate) {
            (value, n, low, high) = (rate.value, rate.trials, rate.interval?.low, rate.interval?.high)
        }
    }
    /// What one check says.
    struct Check: Encodable, Sendable {
        let check: String
        let detected: Rate, falseAlarms: Rate, falseAlarmsClean: Rate
        let named: Bool, seen: Bool
    }
    /// Samples before one training.
    struct Round: Encodable, Sendable { let sent: Int, accepted: Int }
    /// One share, once.
    struct Point: Encodable, Sendable {
        let share: Double
        let `repeat`: Int
        let rows: Int, accepted: Int
        let cleanAccuracy: Rate, attackSuccess: Rate
        let falsePositiveRate: Rate?, falseNegativeRate: Rate?
        let rounds: [Round]
        let checks: [Check]
    }
    /// One attack.
    struct Attack: Encodable, Sendable {
        let attack: String, title: String, victim: String, aim: String
        let targetLabel: String?
        let direction: String
        let pattern: DataPattern?
        /// Smallest share at which it works.
        let workingShare: Double?
        let points: [Point]
    }

    static func attacks(_ study: PoisoningStudy) -> [Attack] {
        let problem = study.material.problem
        return study.attacks.map { examined in
            let attack = examined.attack
            let clean = attack.baselines.enumerated().map { index, measure in
                point(share: 0, index, 0, 0, measure, [], [])
            }
            let points = attack.points.map { one in
                point(
                    share: one.share, one.repeated, one.rows, one.accepted, one.measure,
                    one.rounds.count > 1 ? one.rounds.map { Round(sent: $0.sent, accepted: $0.accepted) } : [],
                    one.repeated == 0 ? (examined.verdicts[one.share] ?? []).map(check) : [])
            }
            return Attack(
                attack: attack.identifier, title: attack.title, victim: study.result.victim,
                aim: attack.aims.first?.words ?? "", targetLabel: attack.aims.first?.target.map { problem.name($0) },
                direction: attack.direction(favourable: problem.favourable).rawValue,
                pattern: attack.aims.first?.pattern,
                workingShare: PoisoningCurve(attack: attack, gain: study.gain).smallestWorking, points: clean + points)
        }
    }

    private static func point(
        share: Double, _ repeated: Int, _ rows: Int, _ accepted: Int, _ measure: PoisoningMeasure, _ rounds: [Round],
        _ checks: [Check]
    ) -> Point {
        Point(
            share: share, repeat: repeated, rows: rows, accepted: accepted, cleanAccuracy: Rate(measure.accuracy),
            attackSuccess: Rate(measure.success), falsePositiveRate: measure.falsePositives.map { Rate($0) },
            falseNegativeRate: measure.falseNegatives.map { Rate($0) }, rounds: rounds, checks: checks)
    }

    private static func check(_ verdict: PoisoningVerdict) -> Check {
        Check(
            check: verdict.check, detected: Rate(verdict.detected), falseAlarms: Rate(verdict.falseAlarms),
            falseAlarmsClean: Rate(verdict.cleanAlarms), named: verdict.isNamed, seen: verdict.isSeen)
    }
}
