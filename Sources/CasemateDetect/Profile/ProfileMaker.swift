import CasemateCore
import CasemateData

/// Makes a profile: one pass for figures and samples, one for the bins of columns with many values, SQL for the rest.
struct ProfileMaker {
    let table: DataTable, roles: DataSubject.Roles, context: RunContext

    private struct Work {
        let column: Column, expression: String
        var figures: NumberAccumulator
        var distribution: NumberDistribution?
    }

    func measured() throws -> MeasuredTable {
        let scan = ProfileScan(table: table, context: context)
        let rows = scan.sampleRows(columns: table.columns.count)
        var columns = try described(scan, rows)
        try spread(&columns, scan, isWhole: rows.count == table.count)
        let distinct = try distinctCounts(columns)
        let categories = try categories(distinct)
        let profiles = columns.map { self.profile($0, distinct, categories[$0.column.name]) }
        let numeric = columns.filter { $0.column.type != .text }
        let samples = Dictionary(
            numeric.map { ($0.column.name, $0.figures.sample) }, uniquingKeysWith: { first, _ in first })
        let lengths = Dictionary(
            columns.filter { $0.column.type == .text }.map { ($0.column.name, $0.figures.sample) },
            uniquingKeysWith: { first, _ in first })
        let label = try label()
        let groups = ProfileGroups(table: table, label: label, context: context)
        let sources = try roles.source.flatMap { try groups.sources($0) }
        let windows = try roles.time.flatMap { try groups.windows($0, sample: samples[$0] ?? []) }
        let profile = DataProfile(
            name: String(table.path.split(separator: "/").last ?? "data"), rows: table.count, sampledRows: rows.count,
            seed: context.seed, columns: profiles, unsupported: table.unsupported, label: label,
            correlations: correlations(profiles, samples, rows: rows.count), sources: sources, windows: windows)
        return MeasuredTable(
            table: table, profile: profile, rows: rows, samples: samples, lengths: lengths,
            sources: try sources.map { try groups.codes(of: $0, rows: rows) },
            windows: try windows.map { try groups.codes(of: $0, rows: rows) })
    }

    // MARK: Numbers

    private func described(_ scan: ProfileScan, _ rows: [Int]) throws -> [Work] {
        let expressions = try table.columns.map { column throws(CasemateError) in
            try MeasuredTable.expression(column)
        }
        let figures = try scan.accumulate(expressions, rows: rows)
        return zip(zip(table.columns, expressions), figures).map { pair, figures in
            Work(column: pair.0, expression: pair.1, figures: figures)
        }
    }

    /// Bins of columns whose values are too many to list.
    private func spread(_ columns: inout [Work], _ scan: ProfileScan, isWhole: Bool) throws {
        // why fewer for many columns: a profile stays a file that one can read.
        let bins = max(16, min(512, 500_000 / max(1, columns.count)))
        var asked: [Int] = [], items: [(expression: String, edges: [Double])] = []
        for index in columns.indices {
            if let known = columns[index].figures.known {
                columns[index].distribution = NumberDistribution(
                    isExact: true, points: known.map(\.value), counts: known.map(\.count))
                continue
            }
            let sample = columns[index].figures.sample.filter(\.isFinite).sorted()
            asked.append(index)
            items.append((columns[index].expression, NumberDistribution.edges(ofSorted: sample, bins: bins)))
        }
        let counts: [[Int]]
        if isWhole {
            counts = zip(asked, items).map { index, item in
                var counts = [Int](repeating: 0, count: item.edges.count + 1)
                columns[index].figures.sample.withUnsafeBufferPointer { ProfileScan.tally($0, item.edges, &counts) }
                return counts
            }
        } else {
            counts = try scan.count(items)
        }
        for (index, found) in zip(asked, zip(items, counts)) {
            columns[index].distribution = NumberDistribution(isExact: false, points: found.0.edges, counts: found.1)
        }
    }

    private func numbers(_ column: Work, missing: Int) -> NumberProfile {
        let figures = column.figures
        let spread = column.distribution ?? NumberDistribution(isExact: true, points: [], counts: [])
        let isEmpty = figures.count == 0
        return NumberProfile(
            count: figures.count, notFinite: max(0, figures.infinite + figures.absent - missing),
            low: isEmpty ? nil : figures.low, high: isEmpty ? nil : figures.high,
            mean: isEmpty || !figures.mean.isFinite ? nil : figures.mean, deviation: figures.deviation,
            quantiles: isEmpty ? [] : NumberProfile.levels.map { spread.quantile($0, high: figures.high) },
            distribution: spread)
    }

    // MARK: Counts in SQL

    /// Different values by column, with whether they were counted.
    private typealias Distinct = [String: (count: Int, isExact: Bool)]

    private func distinctCounts(_ columns: [Work]) throws -> Distinct {
        var found: Distinct = [:]
        for column in columns where column.column.type != .text {
            if let known = column.figures.known { found[column.column.name] = (known.count, true) }
        }
        let open = columns.map(\.column.name).filter { found[$0] == nil }
        for start in stride(from: 0, to: open.count, by: 32) {
            try context.cancellation.check()
            let block = open[start..<min(start + 32, open.count)]
            // why exact for few rows: the estimate is off by some per cent.
            let isExact = table.count <= ProfileScan.rowLimit
            let function = isExact ? "count(DISTINCT " : "approx_count_distinct("
            let sql = block.map { "\(function)\(quoted($0)))" }.joined(separator: ", ")
            let answer = try table.query("SELECT \(sql) FROM {table}")
            for (name, values) in zip(block, answer.columns) {
                found[name] = (Int(values.numbers?.first ?? 0), isExact)
            }
        }
        return found
    }

    /// Values of the text columns that are categories.
    private func categories(_ distinct: Distinct) throws -> [String: CategoryProfile] {
        var found: [String: CategoryProfile] = [:]
        let hidden = Set(roles.identifiers + roles.ignored)
        for column in table.columns where column.type == .text && !hidden.contains(column.name) {
            let count = distinct[column.name]?.count ?? 0
            let present = table.count - column.missing
            // why: nearly as many values as rows are names or free text, which a profile must not keep.
            guard count > 0, count <= 10 * CategoryProfile.limit, count <= 20 || count * 2 <= present else { continue }
            guard present >= 2 * count else { continue }
            try context.cancellation.check()
            let listed = try table.distinct(column.name, limit: CategoryProfile.limit)
            found[column.name] = CategoryProfile(
                values: listed.map { $0.value.clipped(to: 200) }, counts: listed.map(\.count),
                others: present - listed.reduce(0) { $0 + $1.count })
        }
        return found
    }

    private func label() throws -> LabelProfile? {
        guard let target = roles.target, let column = table.columns.first(where: { $0.name == target }) else {
            return nil
        }
        let found = try table.distinct(target, limit: LabelColumn.classLimit + 1)
        guard found.count <= (column.type == .number ? 50 : LabelColumn.classLimit) else { return nil }
        let sorted = found.sorted { one, other in
            if let left = Double(one.value), let right = Double(other.value) { return left < right }
            return one.value < other.value
        }
        return LabelProfile(
            column: target, classes: sorted.map { $0.value.clipped(to: 200) }, counts: sorted.map(\.count),
            missing: column.missing)
    }

    // MARK: Together

    private func profile(_ column: Work, _ distinct: Distinct, _ categories: CategoryProfile?) -> ColumnProfile {
        let (name, type, missing) = (column.column.name, column.column.type, column.column.missing)
        let (count, isExact) = distinct[name] ?? (0, false)
        let isHidden = (roles.identifiers + roles.ignored).contains(name)
        let numbers = numbers(column, missing: missing)
        let span = (numbers.high ?? 0) - (numbers.low ?? 0)
        let isNearlyAll = abs(Double(count - table.count)) <= 0.1 * Double(table.count)
        let isRowNumber =
            type == .integer && missing == 0 && table.count > 20 && isNearlyAll && span == Double(table.count - 1)
        return ColumnProfile(
            name: name, type: type, missing: missing, distinct: count, isDistinctExact: isExact,
            isRowNumber: isRowNumber, numbers: type == .text || isHidden ? nil : numbers, categories: categories,
            lengths: type == .text && !isHidden ? numbers : nil)
    }

    private func correlations(
        _ profiles: [ColumnProfile], _ samples: [String: [Double]], rows: Int
    ) -> CorrelationMatrix? {
        let outside = Set([roles.time, roles.source].compactMap(\.self))
        let chosen = profiles.filter { profile in
            !profile.isRowNumber && profile.distinct > 1 && !outside.contains(profile.name)
                && (profile.numbers?.count ?? 0) > 1
        }.map(\.name).prefix(CorrelationMatrix.limit)
        guard chosen.count > 1, rows > 3 else { return nil }
        return RankCorrelation(threads: context.threads).matrix(
            chosen.map { ($0, samples[$0] ?? []) })
    }
}
