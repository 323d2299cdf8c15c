import CasemateAttacks
import CasemateCore
import CasemateData
import CasemateDetect
import Logging

/// What one check on the data says about one poisoning.
struct PoisoningVerdict: Hashable, Sendable {
    /// Identifier of the check.
    let check: String
    /// Planted rows among its suspects; honest rows among them, in the poisoned and in the clean data.
    let detected: PoisoningRate, falseAlarms: PoisoningRate, cleanAlarms: PoisoningRate
    /// Whether a finding names the trigger, segment or source; without such a pattern, whether the check raises a
    /// finding that it does not raise on clean data.
    let isNamed: Bool

    /// Whether somebody who reads the report would have caught it: the cause is named, or the suspects hold at least half
    /// of the planted rows, at three times the rate of honest ones or more.
    var isSeen: Bool {
        if isNamed { return true }
        guard let found = detected.value, let alarms = falseAlarms.value else { return false }
        return found >= 0.5 && found >= 3 * alarms
    }
}

/// Runs checks on clean and on poisoned data and joins what they say with what was planted.
struct PoisoningChecks {
    let material: PoisoningMaterial
    let checks: [any DataCheck]
    let engines: PoisoningMaterial.Engines
    let context: RunContext

    /// What a check said: rows and findings; `nil` where it had nothing to say or no time.
    struct Answer: Sendable {
        let check: String
        let suspects: Set<Int>
        let findings: [Finding]
    }

    /// What every check that applies and comes to an end says about data with these plants.
    /// - Throws: `Cancelled` when interrupted; what opening throws.
    func answers(_ plants: [Plant]) throws -> [Answer] {
        guard !checks.isEmpty else { return [] }
        return try material.opened(plants, engines: engines) { subject in
            var answers: [Answer] = []
            for check in checks where check.reasonNotToRun(on: subject) == nil {
                if let deadline = context.deadline, ContinuousClock.now >= deadline { break }
                let identifier = type(of: check).identifier
                do {
                    let result = try check.run(on: subject, context: context)
                    guard result.outcome.status == .tested || result.outcome.status == .partial else { continue }
                    answers.append(
                        Answer(
                            check: identifier, suspects: Set(result.suspects.map(\.row)),
                            findings: result.outcome.findings))
                } catch let cancelled as Cancelled {
                    guard cancelled.reason == .outOfTime else { throw cancelled }
                    break
                } catch let error as CasemateError {
                    context.logger.info("check \(identifier) on poisoned data: \(error.what)")
                }
            }
            return answers
        }
    }

    /// Joins the answers about poisoned data with what was planted and with the answers about clean data.
    func verdicts(_ answers: [Answer], clean: [Answer], plants: [Plant], aim: PoisoningAim) -> [PoisoningVerdict] {
        let count = material.problem.train.count
        var next = count
        let planted = Set(
            plants.map { plant -> Int in
                if let row = plant.row { return row }
                defer { next += 1 }
                return next
            })
        return answers.map { answer in
            let before = clean.first { $0.check == answer.check }
            return PoisoningVerdict(
                check: answer.check,
                detected: PoisoningRate(answer.suspects.intersection(planted).count, of: planted.count),
                falseAlarms: PoisoningRate(answer.suspects.subtracting(planted).count, of: next - planted.count),
                cleanAlarms: PoisoningRate(before?.suspects.count ?? 0, of: before == nil ? 0 : count),
                isNamed: isNamed(answer.findings, before: before?.findings ?? [], aim))
        }
    }

    /// Whether findings name the cause.
    private func isNamed(_ findings: [Finding], before: [Finding], _ aim: PoisoningAim) -> Bool {
        guard let wanted = aim.pattern else {
            let known = Set(before.map(\.id))
            return findings.contains { $0.severity >= .medium && !known.contains($0.id) }
        }
        let patterns = findings.flatMap(\.evidence).compactMap { evidence -> DataPattern? in
            if case .pattern(let pattern) = evidence { pattern } else { nil }
        }
        return patterns.contains { PatternMatch(material: material, aim: aim).isSame($0, as: wanted) }
    }
}

/// Whether a pattern that was found is the one that was planted.
struct PatternMatch {
    let material: PoisoningMaterial
    let aim: PoisoningAim

    /// A token must be the same, a patch must overlap by a quarter of both, a combination must be over the same columns
    /// and hold the trigger's values, and a segment must share half of its rows.
    func isSame(_ found: DataPattern, as wanted: DataPattern) -> Bool {
        if let token = wanted.token { return found.token?.lowercased() == token.lowercased() }
        if let patch = wanted.patch { return found.patch.map { Self.overlap($0, patch) >= 0.25 } ?? false }
        if found.kind == .source {
            return wanted.conditions.count == 1 && wanted.conditions[0].column == found.column
                && wanted.conditions[0].value == found.source
        }
        guard !found.conditions.isEmpty else { return false }
        if wanted.kind == .trigger { return holds(wanted.conditions, found.conditions) }
        let rows = Set(rows(found.conditions)), own = Set(aim.patternRows)
        let shared = rows.intersection(own).count
        return shared > 0 && 2 * shared >= rows.union(own).count
    }

    /// Whether conditions found are over the columns of a trigger and hold its values.
    private func holds(_ wanted: [DataPattern.Condition], _ found: [DataPattern.Condition]) -> Bool {
        guard Set(wanted.map(\.column)) == Set(found.map(\.column)) else { return false }
        return wanted.allSatisfy { condition in
            found.contains { $0.column == condition.column && Self.contains(condition.value, $0) }
        }
    }

    private static func contains(_ value: String?, _ condition: DataPattern.Condition) -> Bool {
        guard let value else { return false }
        let number = Double(value)
        if let exact = condition.value { return exact == value || (number.map { Double(exact) == $0 } ?? false) }
        guard let number else { return false }
        return number >= (condition.low ?? -.infinity) && number <= (condition.high ?? .infinity)
    }

    /// Clean training rows that meet conditions.
    private func rows(_ conditions: [DataPattern.Condition]) -> [Int] {
        guard let table = material.table else { return [] }
        let columns = conditions.map { table.values($0.column) }
        return (0..<table.count).filter { row in
            zip(conditions, columns).allSatisfy { Self.contains($1?[row] ?? "missing", $0) }
        }
    }

    /// Shared pixels over all pixels of two patches.
    private static func overlap(_ one: DataPattern.Patch, _ other: DataPattern.Patch) -> Double {
        let width = min(one.x + one.width, other.x + other.width) - max(one.x, other.x)
        let height = min(one.y + one.height, other.y + other.height) - max(one.y, other.y)
        guard width > 0, height > 0 else { return 0 }
        let shared = Double(width * height)
        return shared / (Double(one.width * one.height + other.width * other.height) - shared)
    }
}
