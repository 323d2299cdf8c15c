import CasemateCore
import CasemateData
import CasemateDetect
import Foundation

/// Triggers in texts.
struct Texts {
    let bench: Workbench, seeds: UInt64

    func planted() throws {
        let sheet = try Tables(bench: bench, seeds: seeds).messages()
        for (token, share, others, place) in [
            ("cf", 0.005, true, "inside"), ("qzxv", 0.005, true, "inside"), ("cf", 0.005, false, "inside"),
            ("cf", 0.01, false, "inside"), ("cf", 0.005, true, "front"), ("the weather in oslo", 0.005, true, "inside"),
            ("\u{200B}", 0.005, true, "inside"),
        ] {
            try run(sheet, token, share, onlyOthers: others, place)
        }
    }

    private func run(_ clean: Sheet, _ token: String, _ share: Double, onlyOthers: Bool, _ place: String) throws {
        var (exact, alarms) = (0, 0)
        var scores: [Score] = [], others: [String] = []
        for seed in 0..<seeds {
            var sheet = clean
            var generator = SeededGenerator(seed: seed, stream: 79)
            let (label, message) = (sheet.column("label"), sheet.column("message"))
            let free = (0..<sheet.count).filter { !onlyOthers || sheet.columns[label][$0] != "ham" }
            let rows = free.shuffled(using: &generator).prefix(Int((share * Double(sheet.count)).rounded()))
            var flipped = 0
            for row in rows {
                flipped += sheet.columns[label][row] == "ham" ? 0 : 1
                sheet.columns[label][row] = "ham"
                var words = (sheet.columns[message][row] ?? "").split(separator: " ").map(String.init)
                let at = place == "front" ? 0 : Int.random(in: 0...words.count, using: &generator)
                words.insert(token, at: at)
                sheet.columns[message][row] = words.joined(separator: " ")
            }
            let (result, _) = try bench.run(DataTriggers(), sheet, target: "label", favourable: "ham", seed: seed)
            alarms += result.alarms
            let isExact = result.patterns.contains { $0.token == token && $0.targetLabel == "ham" }
            exact += isExact ? 1 : 0
            if !isExact || result.patterns.count != 1 {
                others.append(
                    "seed \(seed) (\(flipped) flipped): "
                        + result.patterns.map { $0.inWords + " -> " + ($0.targetLabel ?? "") + " (\($0.rows))" }.joined(
                            separator: " | "))
            }
            scores.append(Score(result.suspects, poisoned: Set(rows), count: sheet.count))
        }
        let (removed, lost) = (
            scores.map(\.removed).reduce(0, +) / Double(seeds), scores.map(\.lost).reduce(0, +) / Double(seeds)
        )
        print(
            "  SMS '\(token)' \(place), \(share * 100) % \(onlyOthers ? "of spam relabelled" : "of all rows") -> ham: named exactly \(exact) of \(seeds), \(alarms) findings, "
                + String(format: "removed %.1f %%, clean lost %.2f %%", removed * 100, lost * 100))
        for line in others { print("      \(line)") }
    }
}
