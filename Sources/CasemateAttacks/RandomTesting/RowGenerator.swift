import CasemateCore
import CasemateData
import CasemateModels

/// Makes rows of every kind from real ones.
struct RowGenerator {
    let features: [Feature]
    let encoder: RowEncoder
    /// Real rows to start from, and ranges of the training data.
    let real: FeatureMatrix
    let ranges: [FeatureRange?]
    let oneHotGroups: [[Int]]
    /// Whether numbers beyond 10⁹ are left out.
    let isTame: Bool
    let seed: UInt64

    typealias Cell = GeneratedRow.Cell
    typealias Kind = GeneratedRow.Kind

    /// Values of one or more features that replace those of a real row.
    struct Edit {
        let kind: Kind
        let values: [Int: Cell]
    }

    /// `count` rows: three fifths are edits of real rows, shared evenly among their kinds, the rest shuffled and
    /// uniform rows in equal parts.
    func rows(_ count: Int) -> [GeneratedRow] {
        var generator = SeededGenerator(seed: seed, stream: 0x5241_4E44)
        var rows = constants()
        let edits = Dictionary(grouping: self.edits(&generator), by: \.kind)
        let kinds = Kind.allCases.filter { edits[$0] != nil }
        let quota = max(1, (count * 3 / 5) / max(1, kinds.count))
        for kind in kinds {
            let some = (edits[kind] ?? []).shuffled(using: &generator).prefix(quota)
            rows += some.map { edited($0, &generator) }
        }
        rows = Array(rows.prefix(count * 4 / 5))
        while rows.count < count {
            rows.append(rows.count.isMultiple(of: 2) ? shuffled(&generator) : uniform(&generator))
        }
        return rows
    }

    /// The median or most frequent value of each feature of the real rows, which faults are reduced to.
    func typical() -> [Cell] {
        let width = features.count
        // why a part: the middle of a few thousand rows is as typical.
        let count = min(real.count, 2_000)
        return features.indices.map { index in
            let values = (0..<count).map { real.values[$0 * width + index] }.filter { !$0.isNaN }.sorted()
            guard !values.isEmpty else { return cell(.nan, index) }
            if features[index].levels == nil { return cell(values[values.count / 2], index) }
            var counts: [Float: Int] = [:]
            for value in values { counts[value, default: 0] += 1 }
            let most = counts.max { ($0.value, $1.key) < ($1.value, $0.key) }
            return cell(most?.key ?? values[0], index)
        }
    }

    /// A value of a matrix as a cell.
    func cell(_ value: Float, _ feature: Int) -> Cell {
        guard let levels = features[feature].levels else { return .number(Double(value)) }
        guard let index = Int(exactly: value), levels.indices.contains(index) else { return .text("") }
        return .text(levels[index])
    }

    private func real(_ row: Int) -> [Cell] {
        features.indices.map { cell(real.values[row * features.count + $0], $0) }
    }

    /// Whether a value of the data may be named: not one of many texts, which can be anything about anybody.
    private func isNameable(_ feature: Int) -> Bool { features[feature].levels.map { $0.count <= 100 } ?? true }

    private func made(_ kind: Kind, _ cells: [Cell], invented: [Int]) -> GeneratedRow {
        GeneratedRow(kind, cells, invented: invented, limit: encoder.ordinary)
    }

    private func edited(_ edit: Edit, _ generator: inout SeededGenerator) -> GeneratedRow {
        var cells = real(Int.random(in: 0..<real.count, using: &generator))
        for (feature, value) in edit.values { cells[feature] = value }
        return made(edit.kind, cells, invented: edit.values.keys.sorted())
    }

    // MARK: Whole rows

    private func shuffled(_ generator: inout SeededGenerator) -> GeneratedRow {
        let cells = features.indices.map { index in
            cell(real.values[Int.random(in: 0..<real.count, using: &generator) * features.count + index], index)
        }
        return made(.shuffled, cells, invented: [])
    }

    private func uniform(_ generator: inout SeededGenerator) -> GeneratedRow {
        let cells = features.indices.map { index -> Cell in
            if let levels = features[index].levels {
                return .text(levels.randomElement(using: &generator) ?? "")
            }
            guard let range = ranges[index] else { return .number(0) }
            let value = Double(range.low) + (Double(range.high) - Double(range.low)) * generator.uniformDouble()
            // why: whole numbers and truth values are drawn as such, the wrong form is tested elsewhere.
            let drawn = Cell.number(range.isWhole ? value.rounded() : Double(Float(value)))
            return encoder.canHold(drawn, feature: index) ? drawn : .number(Double(range.low))
        }
        return made(.uniform, cells, invented: features.indices.filter(isNameable))
    }

    private func constants() -> [GeneratedRow] {
        guard features.contains(where: { $0.levels == nil }) else { return [] }
        let typical = self.typical()
        return [0, 1, -1, 0.5, 255, 1e6, -1e6].compactMap { number -> GeneratedRow? in
            whole(.constant, typical) { features[$0].levels == nil ? .number(number) : nil }
        }
    }

    /// A row in which every feature that `value` gives something for holds it; `nil` when none can.
    private func whole(_ kind: Kind, _ base: [Cell], _ value: (Int) -> Cell?) -> GeneratedRow? {
        var cells = base
        var invented: [Int] = []
        for index in features.indices {
            guard let new = value(index), encoder.canHold(new, feature: index) else { continue }
            cells[index] = new
            invented.append(index)
        }
        return invented.isEmpty ? nil : made(kind, cells, invented: invented)
    }

    // MARK: Edits

    private func edits(_ generator: inout SeededGenerator) -> [Edit] {
        // why: of an image's thousands of pixels a few hundred show what any of them does.
        let chosen = features.indices.shuffled(using: &generator).prefix(300).sorted()
        var edits: [Edit] = []
        for index in chosen {
            let all = features[index].levels.map { texts($0, isNameable(index)) } ?? numbers(index)
            edits += all.filter { encoder.canHold($0.1, feature: index) }.map {
                Edit(kind: $0.0, values: [index: $0.1])
            }
        }
        for group in oneHotGroups {
            edits.append(
                Edit(kind: .malformed, values: Dictionary(uniqueKeysWithValues: group.map { ($0, .number(0)) })))
            edits.append(
                Edit(kind: .malformed, values: Dictionary(uniqueKeysWithValues: group.map { ($0, .number(1)) })))
        }
        let wholes: [(Kind, Double)] = [
            (.missing, .nan), (.infinite, .infinity), (.infinite, -.infinity), (.extreme, Self.largest),
            (.extreme, -Self.largest), (.extreme, 1e30),
        ]
        for (kind, number) in wholes where !isTame || number.isNaN {
            var values: [Int: Cell] = [:]
            for index in features.indices {
                let value = features[index].levels == nil ? Cell.number(number) : .text("")
                guard kind == .missing || features[index].levels == nil else { continue }
                if encoder.canHold(value, feature: index) { values[index] = value }
            }
            if !values.isEmpty { edits.append(Edit(kind: kind, values: values)) }
        }
        return edits
    }

    private static let largest = Double(Float.greatestFiniteMagnitude)

    private func numbers(_ index: Int) -> [(Kind, Cell)] {
        let range = ranges[index] ?? FeatureRange(low: 0, high: 1, isWhole: false)
        let (low, high) = (Double(range.low), Double(range.high))
        let span = high > low ? high - low : max(1, abs(high))
        var all: [(Kind, Double)] = [(.missing, .nan)]
        let outside = [low - span, high + span, low - 100 * span, high + 100 * span, 0, -1, -high]
        for value in outside.map({ range.isWhole ? $0.rounded() : Double(Float($0)) })
        where (value < low || value > high) && abs(value) <= encoder.ordinary { all.append((.beyond, value)) }
        if range.isWhole { all.append((.malformed, low + 0.5)) }
        all += [(.extreme, -0.0), (.extreme, Double(Float.leastNonzeroMagnitude)), (.extreme, 1e9), (.extreme, 65_504)]
        if !isTame {
            all += [(.infinite, .infinity), (.infinite, -.infinity)]
            // The last three are days and seconds as numbers: 99991231, and the end of the year 9999.
            all += [
                Self.largest, -Self.largest, 1e30, -1e30, 2_147_483_648, 9_007_199_254_740_992,
                -9_223_372_036_854_775_808, 99_991_231, 253_402_300_799, -62_135_596_800,
            ].map { (.extreme, $0) }
            if encoder.types[index] == .double { all += [(.extreme, 1e300), (.extreme, .greatestFiniteMagnitude)] }
        }
        return all.map { ($0, .number($1)) }
    }

    private func texts(_ levels: [String], _ isNameable: Bool) -> [(Kind, Cell)] {
        let known = Set(levels)
        var all: [(Kind, String)] = [(.missing, ""), (.unseen, "never seen before"), (.unseen, "zzz"), (.unseen, "0")]
        if isNameable, let level = levels.first(where: { !$0.isEmpty }) {
            all += [(.unseen, level + level), (.malformed, level.uppercased()), (.malformed, " \(level) ")]
        }
        all += [
            (.malformed, String(repeating: "a", count: 20_000)), (.malformed, "\u{1}\u{7}\u{1B}[31m\u{8}"),
            (.malformed, "naïve 日本語 🙂 \u{202E}txet"), (.malformed, "e\u{301}\u{301}\u{301}"),
            (.malformed, "NaN"), (.malformed, "null"), (.malformed, "1e999"), (.malformed, "-1"),
            (.malformed, "'; DROP TABLE --"), (.malformed, "\r\n\t"), (.malformed, "\u{FEFF}\u{200B}"),
        ]
        return all.filter { !known.contains($0.1) }.map { ($0, .text($1)) }
    }
}
