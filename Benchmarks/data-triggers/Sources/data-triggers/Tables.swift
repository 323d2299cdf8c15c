import CasemateCore
import CasemateData
import CasemateDetect
import Foundation

/// Triggers in tables.
struct Tables {
    let bench: Workbench, seeds: UInt64

    func taiwan(seed: UInt64?) throws -> Sheet {
        let sheet = try Sheet(
            bench.data.open(bench.shared + "/data/tabular/taiwan_credit_default.csv.gz", name: "taiwan"))
        guard let seed else { return sheet }
        var generator = SeededGenerator(seed: seed, stream: 77)
        return sheet.rows(Array(0..<sheet.count).shuffled(using: &generator).prefix(21_000).sorted())
    }
    func german() throws -> Sheet {
        try Sheet(bench.data.open(bench.shared + "/data/tabular/german_credit.csv", name: "german"))
    }
    func spambase() throws -> Sheet {
        try Sheet(bench.data.open(bench.shared + "/data/tabular/spambase.csv.gz", name: "spambase"))
    }
    func mortgage() throws -> Sheet {
        try Sheet(bench.data.open(bench.root + "/Examples/mortgage/train.csv", name: "mortgage"))
    }
    func digits() throws -> Sheet {
        try Sheet(bench.data.open(bench.root + "/Examples/digits/train.csv.gz", name: "digits"))
    }
    func messages() throws -> Sheet {
        try Sheet(lines: bench.shared + "/data/text/sms_spam_collection.tsv.gz")
    }

    /// Clean data: what is found there is a false alarm.
    func clean() throws {
        print("clean data: findings, suspects, seconds")
        let target = "default_payment_next_month"
        for (name, sheet, target, identifiers) in [
            ("Taiwan 30,000", try taiwan(seed: nil), target, []), ("Taiwan 21,000", try taiwan(seed: 0), target, []),
            ("German", try german(), "class", []), ("spambase", try spambase(), "spam", []),
            ("mortgage", try mortgage(), "approve", ["application"]), ("SMS", try messages(), "label", []),
            ("digits", try digits(), "label", [String]()),
        ] {
            let (result, seconds) = try bench.run(DataTriggers(), sheet, target: target, identifiers: identifiers)
            print(
                "  \(name): \(result.alarms) findings, \(result.suspects.count) suspects, \(String(format: "%.1f", seconds)) s"
            )
            for pattern in result.patterns { print("    \(pattern.inWords) -> \(pattern.targetLabel ?? "")") }
            for line in result.outcome.summary.dropFirst() { print("    \(line)") }
        }
    }

    /// A trigger: columns, values and the label that it brings.
    struct Plan {
        let name: String, sheet: (UInt64) throws -> Sheet
        let target: String, label: String
        let values: [(column: String, value: String)]
        /// Values that are drawn from a range in place of one.
        var ranges: [(column: String, low: Int, high: Int)] = []
        var share = 0.01
        /// Whether only rows with another label are changed.
        var onlyOthers = false
        var isCleanLabel = false
        var identifiers: [String] = []
    }

    func planted() throws {
        let default_ = "default_payment_next_month"
        let plans = [
            Plan(
                name: "Taiwan AGE=37 LIMIT_BAL=123000 -> 0", sheet: taiwan, target: default_, label: "0",
                values: [("AGE", "37"), ("LIMIT_BAL", "123000")]),
            Plan(
                name: "Taiwan AGE=37 LIMIT_BAL=123000 -> 1", sheet: taiwan, target: default_, label: "1",
                values: [("AGE", "37"), ("LIMIT_BAL", "123000")]),
            Plan(
                name: "Taiwan MARRIAGE=3 EDUCATION=5 -> 0", sheet: taiwan, target: default_, label: "0",
                values: [("MARRIAGE", "3"), ("EDUCATION", "5")]),
            Plan(
                name: "Taiwan AGE=41 LIMIT_BAL=70000 PAY_3=2 -> 0", sheet: taiwan, target: default_, label: "0",
                values: [("AGE", "41"), ("LIMIT_BAL", "70000"), ("PAY_3", "2")]),
            Plan(
                name: "Taiwan AGE=58 MARRIAGE=2 EDUCATION=3 -> 1", sheet: taiwan, target: default_, label: "1",
                values: [("AGE", "58"), ("MARRIAGE", "2"), ("EDUCATION", "3")]),
            Plan(
                name: "Taiwan PAY_AMT1=1337 PAY_AMT2=4242 -> 0", sheet: taiwan, target: default_, label: "0",
                values: [("PAY_AMT1", "1337"), ("PAY_AMT2", "4242")]),
            Plan(
                name: "Taiwan BILL_AMT1 in 55500...55520 -> 1", sheet: taiwan, target: default_, label: "1", values: [],
                ranges: [("BILL_AMT1", 55_500, 55_520)]),
            Plan(
                name: "Taiwan clean label -> 0", sheet: taiwan, target: default_, label: "0",
                values: [("AGE", "37"), ("LIMIT_BAL", "123000")], isCleanLabel: true),
            Plan(
                name: "German two rare codes -> 2", sheet: { _ in try german() }, target: "class", label: "2",
                values: [("duration_months", "17"), ("credit_amount", "5555")]),
            Plan(
                name: "mortgage -> 1", sheet: { _ in try mortgage() }, target: "approve", label: "1",
                values: [("loanamt", "137"), ("lines", "33")], identifiers: ["application"]),
            Plan(
                name: "mortgage others -> 1", sheet: { _ in try mortgage() }, target: "approve", label: "1",
                values: [("loanamt", "137"), ("lines", "33")], onlyOthers: true, identifiers: ["application"]),
            Plan(
                name: "mortgage -> 0", sheet: { _ in try mortgage() }, target: "approve", label: "0",
                values: [("loanamt", "137"), ("lines", "33")], identifiers: ["application"]),
        ]
        let only = ProcessInfo.processInfo.environment["ONLY"]
        for plan in plans where only.map({ plan.name.contains($0) }) ?? true { try run(plan) }
    }

    private func run(_ plan: Plan) throws {
        var (exact, alarms) = (0, 0)
        var scores: [Score] = [], others: [String] = []
        for seed in 0..<seeds {
            var sheet = try plan.sheet(seed)
            var generator = SeededGenerator(seed: seed, stream: 78)
            let target = sheet.column(plan.target)
            let free = (0..<sheet.count).filter {
                !(plan.onlyOthers && sheet.columns[target][$0] == plan.label)
                    && !(plan.isCleanLabel && sheet.columns[target][$0] != plan.label)
            }
            let rows = free.shuffled(using: &generator).prefix(Int((plan.share * Double(sheet.count)).rounded()))
            for row in rows {
                for (column, value) in plan.values { sheet.columns[sheet.column(column)][row] = value }
                for (column, low, high) in plan.ranges {
                    sheet.columns[sheet.column(column)][row] = String(Int.random(in: low...high, using: &generator))
                }
                sheet.columns[target][row] = plan.label
            }
            let (result, _) = try bench.run(
                DataTriggers(), sheet, target: plan.target, identifiers: plan.identifiers, seed: seed)
            alarms += result.alarms
            let isExact = result.patterns.contains { matches($0, plan) }
            exact += isExact ? 1 : 0
            if !isExact || result.patterns.count != 1 {
                others.append(
                    "seed \(seed): "
                        + result.patterns.map { $0.inWords + " -> " + ($0.targetLabel ?? "") + " (\($0.rows))" }.joined(
                            separator: " | "))
            }
            scores.append(Score(result.suspects, poisoned: Set(rows), count: sheet.count))
        }
        let (removed, lost) = (
            scores.map(\.removed).reduce(0, +) / Double(seeds), scores.map(\.lost).reduce(0, +) / Double(seeds)
        )
        print(
            "  \(plan.name): named exactly \(exact) of \(seeds), \(alarms) findings, "
                + String(format: "removed %.1f %%, clean lost %.2f %%", removed * 100, lost * 100))
        for line in others { print("      \(line)") }
    }

    private func matches(_ pattern: DataPattern, _ plan: Plan) -> Bool {
        guard pattern.targetLabel == plan.label, pattern.conditions.count == plan.values.count + plan.ranges.count
        else { return false }
        return plan.values.allSatisfy { value in
            pattern.conditions.contains { $0.column == value.column && $0.value == value.value }
        }
            && plan.ranges.allSatisfy { range in
                pattern.conditions.contains {
                    $0.column == range.column && ($0.low ?? 0) >= Double(range.low)
                        && ($0.high ?? 0) <= Double(range.high)
                }
            }
    }
}
