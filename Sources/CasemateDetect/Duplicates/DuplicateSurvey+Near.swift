import CasemateCore
import CasemateData

extension DuplicateSurvey {
    /// Largest near group whose labels are compared: beyond, the rows are of one kind rather than copies.
    private static let groupLimit = 20

    /// Rows and texts that nearly repeat others.
    mutating func reportNear(_ context: RunContext) throws {
        if subject.features.count >= 4, !isCoarse { try reportNearRows(context) }
        for column in subject.texts.prefix(3) where RowSQL.canName(column) { try reportNearTexts(column, context) }
    }

    private mutating func reportNearRows(_ context: RunContext) throws {
        let (indices, matrix) = try nearSample(context)
        var seen: Set<[UInt32]> = []
        let first = (0..<matrix.count).map { row in
            seen.insert(matrix[row: row].map { $0 == 0 ? 0 : $0.bitPattern }).inserted
        }
        let search = NearRows(matrix, first: first)
        guard search.isPossible else {
            summary.append("The columns have too few values for nearly equal rows to mean anything.")
            return
        }
        let groups = try search.groups(seed: context.seed, context).filter { $0.dropFirst().contains { first[$0] } }
        report(groups.map { $0.map { indices[$0] } }, looked: indices.count, what: "row", column: nil)
    }

    /// All rows, or as many as the cells allow, evenly spread.
    private func nearSample(_ context: RunContext) throws -> (indices: [Int], matrix: FeatureMatrix) {
        let width = max(1, subject.features.count)
        let most = min(DataSubject.rowLimit, NearRows.cells / width)
        if subject.count <= most || most >= DataSubject.rowLimit {
            let rows = try subject.rows(context: context)
            return (rows.indices, rows.matrix)
        }
        let features = Array(subject.features.prefix(NearRows.cells / 1000))
        let kept = max(1000, NearRows.cells / max(1, features.count))
        let indices = (0..<min(kept, subject.count)).map {
            Int(Double($0) * Double(subject.count) / Double(min(kept, subject.count)))
        }
        guard let train = subject.train else { return ([], FeatureMatrix(features: [], values: [])) }
        return (indices, try train.matrix(features, rows: indices, isLenient: true))
    }

    private mutating func reportNearTexts(_ column: String, _ context: RunContext) throws {
        let source = equal.source
        let sql = """
            SELECT \(source.row), substr(CAST(\(quoted(column)) AS VARCHAR), 1, 20000) FROM \(source.relation) \
            WHERE \(source.sampled(check.textLimit, seed: context.seed)) ORDER BY 1
            """
        let answer = try source.table.query(sql)
        let (rows, texts) = (answer.wholes(0), answer.texts(1))
        let groups = try NearTexts().groups(texts, context: context).filter { Set($0.map { texts[$0] }).count > 1 }
        report(groups.map { $0.map { rows[$0] } }, looked: rows.count, what: "text", column: column)
        settings["near texts"] =
            "Jaccard index of 5-letter pieces at least \(NearTexts().threshold), exact; candidates by MinHash, 128 values, "
            + "standard error at most 0.044"
    }

    /// - Parameter groups: Rows of the file that are near one another; at least two of each differ.
    private mutating func report(_ groups: [[Int]], looked: Int, what: String, column: String?) {
        let near = groups.reduce(0) { $0 + $1.count }
        let place = column.map { " in \($0.clipped(to: 40))" } ?? ""
        measure("near_rows", near, of: looked, group: column.map { "column=\($0)" })
        if looked < subject.count {
            let share = Double(looked) / Double(subject.count)
            summary.append(
                "Nearly equal \(what)s were sought among \(RowWords.count(looked)) of \(RowWords.count(subject.count)) rows; "
                    + "a pair is met with a probability of \(RowWords.percent(share * share)).")
        }
        guard near > 0 else {
            summary.append("No \(what)\(place) nearly repeats another one.")
            return
        }
        summary.append(
            "\(RowWords.count(near, what))\(place) (\(RowWords.share(near, of: looked))) nearly repeat others, in "
                + "\(RowWords.count(groups.count, "group")).")
        let mixed = conflicting(groups)
        guard !mixed.groups.isEmpty else { return }
        findings.append(
            check.finding(
                "near_conflicts", mixed.isTelling ? .low : .info,
                "\(RowWords.count(mixed.groups.count, "group")) of nearly equal \(what)s\(place) "
                    + "\(mixed.groups.count == 1 ? "has" : "have") different labels",
                evidence: [.table(conflictedTable(mixed.groups))],
                remedy: "Look at the \(what)s side by side: a small change beside another label is how boundaries are "
                    + "probed and labels are poisoned.", about: subject, feature: column ?? ""))
    }

    /// Near groups with different labels; the doubtful rows become suspects, weaker than those of equal rows.
    private mutating func conflicting(_ groups: [[Int]]) -> (groups: [[Int]], isTelling: Bool) {
        guard let labels = subject.labels else { return ([], false) }
        let small = groups.filter { $0.count <= Self.groupLimit }
        func named(_ row: Int) -> String? {
            labels.values.indices.contains(row) && labels.values[row] >= 0
                ? labels.classes[Int(labels.values[row])] : nil
        }
        let mixed = small.filter { Set($0.compactMap(named)).count > 1 }
        var counts = [Int](repeating: 0, count: labels.classes.count)
        for value in labels.values where value >= 0 { counts[Int(value)] += 1 }
        let total = Double(max(1, counts.reduce(0, +)))
        let sizes = Dictionary(grouping: small, by: \.count).map { rows, groups in
            EqualRows.Size(
                rows: rows, groups: groups.count, mixed: groups.count { Set($0.compactMap(named)).count > 1 })
        }
        let conflicts = LabelConflicts(sizes, shares: counts.map { Double($0) / total })
        for group in mixed {
            let suspects = conflicts.suspects(
                EqualRows.Group(rows: group, labels: group.map(named)), favourable: favourable,
                copies: "nearly equal row")
            add(suspects.map { Suspect(row: $0.row, strength: 0.8 * $0.strength, reason: $0.reason) })
        }
        return (mixed, conflicts.isTelling)
    }

    private func conflictedTable(_ groups: [[Int]]) -> EvidenceTable {
        EvidenceTable(
            title: "Nearly equal, labelled differently", columns: ["row (from 0)"],
            rows: groups.prefix(10).map { [RowWords.rows($0, shown: 8)] }, personal: ["row (from 0)"])
    }
}
