import CasemateCore
import CasemateData

extension DuplicateSurvey {
    /// Rows repeated so often that they weigh on what a model learns.
    mutating func reportFloods() throws {
        let least = max(check.floodRows, subject.count / 500)
        guard !isCoarse, let largest = sizes.first, largest.rows >= least else { return }
        for group in try equal.largest(5, least: least, limit: 200_000) {
            let isEmpty = try isWithoutValues(group.rows[0])
            let origin = isEmpty ? nil : try origin(of: group)
            let share = Double(group.rows.count) / Double(subject.count)
            let label = commonest(group.labels)
            var evidence: [Evidence] = [
                .table(
                    EvidenceTable(
                        title: "The copies", columns: ["row (from 0)"], rows: [[RowWords.rows(group.rows)]],
                        personal: ["row (from 0)"]))
            ]
            if let origin {
                evidence.append(.pattern(origin))
                let rows = Set(group.rows.dropFirst())
                add(
                    rows.sorted().map {
                        Suspect(
                            row: $0, strength: 0.5,
                            reason: "one of \(RowWords.count(group.rows.count)) copies, nearly all from one source")
                    })
            }
            let from = origin.map { ", nearly all from \($0.inWords.clipped(to: 60))" } ?? ""
            findings.append(
                check.finding(
                    isEmpty ? "empty_rows" : "flood", isEmpty ? .info : origin == nil ? .low : .medium,
                    isEmpty
                        ? "\(RowWords.count(group.rows.count, "training row")) hold no value at all"
                        : "One row occurs \(RowWords.count(group.rows.count)) times "
                            + "(\(RowWords.percent(share)) of the training data)\(from)",
                    evidence: evidence,
                    remedy: "Keep one copy unless each stands for a case of its own; ask who wrote so many, and why.",
                    about: subject, feature: "\(label ?? "")"))
        }
    }

    private func commonest(_ labels: [String?]) -> String? {
        var counts: [String: Int] = [:]
        for label in labels { if let label { counts[label, default: 0] += 1 } }
        return counts.max { ($0.value, $1.key) < ($1.value, $0.key) }?.key
    }

    /// Whether every compared cell of a row is missing.
    private func isWithoutValues(_ row: Int) throws -> Bool {
        let missing = equal.columns.map { "\(quoted($0.name)) IS NULL" }
        for first in stride(from: 0, to: missing.count, by: 200) {
            let part = missing[first..<min(first + 200, missing.count)].joined(separator: " AND ")
            let sql = "SELECT count(*) FROM \(equal.source.relation) WHERE \(equal.source.row) = \(row) AND \(part)"
            if try equal.source.table.query(sql).wholes(0).first != 1 { return false }
        }
        return true
    }

    /// The source that at least four in five copies come from although it has at most half of all rows.
    private func origin(of group: EqualRows.Group) throws -> DataPattern? {
        guard let source = subject.roles.source, RowSQL.canName(source) else { return nil }
        let column = "CAST(\(quoted(source)) AS VARCHAR)"
        // why ranges: a list of all copies would be too long for SQL; rows of a flood are met by joining on themselves.
        let key = EqualRows.key(equal.columns)
        let sql = """
            WITH k AS (SELECT \(equal.source.row) AS r, \(key) AS h, \(column) AS s FROM \(equal.source.relation)), \
            one AS (SELECT h FROM k WHERE r = \(group.rows[0])) \
            SELECT s, count(*), count(*) FILTER (WHERE k.h = one.h) FROM k, one GROUP BY s ORDER BY 3 DESC, 1 LIMIT 1
            """
        let answer = try equal.source.table.query(sql)
        guard let name = answer.texts(0).first ?? nil, let all = answer.wholes(1).first,
            let own = answer.wholes(2).first
        else { return nil }
        let (copies, rest) = (group.rows.count, subject.count - group.rows.count)
        guard Double(own) >= 0.8 * Double(copies), Double(all) <= 0.5 * Double(subject.count) else { return nil }
        let p = HypothesisTests.fisherExact(own, copies - own, all - own, rest - (all - own))
        guard p < check.alpha else { return nil }
        return DataPattern(
            .source, column: source, source: name, rows: own, share: Double(own) / Double(copies),
            expected: Double(all) / Double(subject.count), pValue: p)
    }

    /// Sources and windows of time that hold far more copies than others.
    mutating func reportSources(_ context: RunContext) throws {
        guard !isCoarse, groups > 0 else { return }
        for (column, isTime) in [(subject.roles.source, false), (subject.roles.time, true)] {
            guard let column, RowSQL.canName(column), let found = try origins(column, isTime, context) else { continue }
            report(found, column: column, isTime: isTime)
        }
    }

    /// One source, or one window of time.
    private struct Origin {
        let name: String, rows: Int, copies: Int
    }

    private func origins(_ column: String, _ isTime: Bool, _ context: RunContext) throws -> [Origin]? {
        guard let found = subject.train?.columns.first(where: { $0.name == column }) else { return nil }
        let name = quoted(column)
        var group = "CAST(\(name) AS VARCHAR)"
        if isTime {
            guard found.type != .text else { return nil }
            let number = RowSQL.number(found)
            let sample = try equal.source.table.query(
                "SELECT CAST(\(number) AS DOUBLE) FROM \(equal.source.relation) "
                    + "WHERE \(equal.source.sampled(20_000, seed: context.seed))"
            ).numbers(0).filter { !$0.isNaN }.sorted()
            guard sample.count >= 100 else { return nil }
            let ends = Set((1..<10).map { sample[$0 * sample.count / 10] }).sorted()
            let steps = ends.map { "CAST((\(number)) >= \(CanonicalText.of($0)) AS INTEGER)" }
            group = "CASE WHEN (\(number)) IS NOT NULL THEN CAST(\(steps.joined(separator: " + ")) AS VARCHAR) END"
        }
        let sql = """
            WITH k AS (SELECT \(EqualRows.key(equal.columns)) AS h, \(group) AS s, \(name) AS v \
            FROM \(equal.source.relation)), d AS (SELECT h FROM k GROUP BY h HAVING count(*) > 1) \
            SELECT s, count(*), count(d.h), CAST(min(v) AS VARCHAR), CAST(max(v) AS VARCHAR) \
            FROM k LEFT JOIN d ON k.h = d.h WHERE s IS NOT NULL GROUP BY s ORDER BY 2 DESC, 1 LIMIT 1000
            """
        let answer = try equal.source.table.query(sql)
        let (rows, copies) = (answer.wholes(1), answer.wholes(2))
        let (names, lows, highs) = (answer.texts(0), answer.texts(3), answer.texts(4))
        guard rows.count > 1 else { return nil }
        return rows.indices.map { index in
            let name = isTime ? "\(lows[index] ?? "") to \(highs[index] ?? "")" : names[index] ?? ""
            return Origin(name: name, rows: rows[index], copies: copies[index])
        }
    }

    private mutating func report(_ found: [Origin], column: String, isTime: Bool) {
        let (rows, copies) = (found.reduce(0) { $0 + $1.rows }, found.reduce(0) { $0 + $1.copies })
        let p = HypothesisTests.holm(
            found.map { origin in
                HypothesisTests.twoProportionZ(
                    successes: origin.copies, trials: origin.rows, referenceSuccesses: copies - origin.copies,
                    referenceTrials: rows - origin.rows) ?? 1
            })
        for (index, origin) in found.enumerated() where origin.rows < rows {
            let share = Double(origin.copies) / Double(origin.rows)
            let others = Double(copies - origin.copies) / Double(rows - origin.rows)
            guard origin.copies >= check.floodRows, share > 2 * others, p[index] < check.alpha else { continue }
            let group = "\(isTime ? "time" : "source")=\(origin.name.clipped(to: 60))"
            measure("source_copies", origin.copies, of: origin.rows, group: group)
            let pattern = DataPattern(
                isTime ? .segment : .source,
                conditions: isTime ? [DataPattern.Condition(column: column, value: origin.name)] : [],
                column: isTime ? nil : column, source: isTime ? nil : origin.name, rows: origin.copies, share: share,
                expected: others, pValue: p[index])
            findings.append(
                check.finding(
                    isTime ? "time_copies" : "source_copies", share >= 0.1 && share > 5 * others ? .medium : .low,
                    "\(RowWords.percent(share)) of the rows of \(column.clipped(to: 40)) \(origin.name.clipped(to: 60)) "
                        + "occur several times, \(RowWords.percent(others)) elsewhere",
                    evidence: [.pattern(pattern)],
                    remedy: "Ask why this \(isTime ? "time" : "source") delivers copies; count each case once.",
                    about: subject, feature: "\(column)=\(origin.name)"))
        }
    }
}
