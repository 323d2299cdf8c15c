import CasemateAttacks
import CasemateCore
import Foundation

extension PoisoningStory {
    typealias Curves = [(examined: PoisoningStudy.Examined, curve: PoisoningCurve)]

    /// Attack by attack and share by share.
    func table(_ curves: Curves) -> EvidenceTable {
        func cell(_ value: PoisoningCurve.Value?) -> String {
            guard let value else { return "–" }
            return "\(Words.percent(value.value)) [\(Words.percent(value.low)), \(Words.percent(value.high))]"
        }
        return EvidenceTable(
            title: "Attacks by share of poisoned rows",
            columns: [
                "attack", "share", "rows", "attack success", "clean accuracy", "bad let through", "good turned away",
            ],
            rows: curves.flatMap { _, curve in
                ([0] + curve.attack.shares).map { share in
                    [
                        curve.attack.identifier, Self.percent(share), "\(curve.rows(at: share))",
                        cell(curve.value({ $0.success }, at: share)), cell(curve.value({ $0.accuracy }, at: share)),
                        cell(curve.value({ $0.falsePositives }, at: share)),
                        cell(curve.value({ $0.falseNegatives }, at: share)),
                    ]
                }
            })
    }

    /// Check by check; `nil` where none looked.
    var checks: EvidenceTable? {
        let rows = study.attacks.flatMap { examined in
            examined.verdicts.keys.sorted().flatMap { share in
                (examined.verdicts[share] ?? []).map { verdict in
                    [
                        examined.attack.identifier, Self.percent(share), verdict.check,
                        "\(verdict.detected.successes) of \(verdict.detected.trials)",
                        "\(verdict.falseAlarms.successes) of \(verdict.falseAlarms.trials)",
                        verdict.cleanAlarms.trials > 0
                            ? "\(verdict.cleanAlarms.successes) of \(verdict.cleanAlarms.trials)" : "–",
                        verdict.isNamed ? "yes" : "no", verdict.isSeen ? "yes" : "no",
                    ]
                }
            }
        }
        guard !rows.isEmpty else { return nil }
        return EvidenceTable(
            title: "What checks on the data see",
            columns: [
                "attack", "share", "check", "planted found", "false alarms", "on clean data", "cause named", "seen",
            ], rows: rows)
    }

    /// Attacks that wait for the victim, round by round; `nil` where none does.
    var rounds: EvidenceTable? {
        let rows = study.attacks.flatMap { examined in
            examined.attack.points.filter { $0.repeated == 0 && $0.rounds.count > 1 }.flatMap { point in
                point.rounds.enumerated().map { number, round in
                    [
                        examined.attack.identifier, Self.percent(point.share), "\(number + 1)", "\(round.sent)",
                        "\(round.accepted)",
                    ]
                }
            }
        }
        guard !rows.isEmpty else { return nil }
        return EvidenceTable(
            title: "What slipped in, round by round (first repeat, all messages)",
            columns: ["attack", "share", "round", "sent", "learnt as wanted"], rows: rows)
    }

    /// Success and accuracy against the share.
    func plots(_ curves: Curves) -> [Plot] {
        let shares = curves.flatMap(\.curve.attack.shares)
        guard let least = shares.min(), let most = shares.max() else { return [] }
        // why: a logarithmic axis has no zero; clean data stand at its end.
        let low = pow(10, log10(least).rounded(.down) - 0.5)
        func plot(
            _ id: String, _ title: String, _ axis: String, _ figure: @escaping (PoisoningMeasure) -> PoisoningRate?
        ) -> Plot {
            let series = curves.map { _, curve in
                Plot.Series(
                    name: curve.attack.title, style: .line,
                    points: ([0] + curve.attack.shares).compactMap { share in
                        curve.value(figure, at: share).map {
                            Plot.Point(x: max(low, share), y: $0.value, low: $0.low, high: $0.high)
                        }
                    })
            }
            let said = curves.compactMap { _, curve -> String? in
                guard let last = curve.attack.shares.last, let before = curve.value(figure, at: 0),
                    let now = curve.value(figure, at: last)
                else { return nil }
                return "\(curve.attack.title): \(Words.percent(before.value)) to \(Words.percent(now.value))"
            }
            return Plot(
                id: "poisoning.\(id)", title: title,
                x: Plot.Axis(
                    "share of poisoned rows (left end: none)", low: low, high: max(most, low * 10), isPercent: true,
                    isLogarithmic: true),
                y: Plot.Axis(axis, low: 0, high: 1, isPercent: true), series: series,
                summary: "From clean data to the largest share: \(said.joined(separator: "; ")).")
        }
        return [
            plot("success", "Attack success by share of poisoned rows", "attack success") { $0.success },
            plot("accuracy", "Clean accuracy by share of poisoned rows", "clean accuracy") { $0.accuracy },
        ]
    }
}
