import CasemateCore
import CasemateData
import CasemateModels

/// The rows that are searched for triggers: labelled, each once, with what the rest of a row is made of.
struct TriggerData: Sendable {
    /// Row of the file of each row here.
    let indices: [Int]
    /// Class of each row here.
    let labels: [Int32]
    /// Rows of the file that repeat a row here, by the row of the file that stands for them.
    let copies: [Int: [Int]]
    let classes: Int
    /// The columns that are searched.
    let columns: TriggerColumns
    let names: [String]
    /// The texts that are searched.
    let stores: [TextStore]
    /// What the labels are expected to be.
    let expectation: LabelExpectation
    /// What was left out, a sentence each.
    let notes: [String]
    /// Searched columns by model column, -1 for those made of texts.
    private let modelColumns: [Int]
    private let odds: TextOdds?
    /// Number of rows.
    var count: Int { indices.count }

    /// Gathers the rows.
    /// - Parameter searched: Whether columns and texts are searched; otherwise they only make expectations.
    init(
        _ subject: DataSubject, _ rows: DataRows, labels known: DataSubject.Labels, engine: LightGBM,
        settings: TriggerSettings, context: RunContext
    ) throws {
        var notes: [String] = []
        if rows.isSample { notes.append("\(rows.count) of \(rows.total) rows were looked at, drawn at random.") }
        let all = rows.labels ?? []
        var chosen = all.indices.filter { all[$0] >= 0 }
        var texts = try Self.texts(subject, rows)
        let repeats: [Int: [Int]]
        (chosen, repeats) = Self.once(chosen, rows.matrix, texts, all, &notes)
        copies = Dictionary(
            uniqueKeysWithValues: repeats.map { (rows.indices[$0.key], $0.value.map { rows.indices[$0] }) })
        let bytes = texts.reduce(0) { sum, column in
            chosen.reduce(sum) { $0 + min(TextStore.textLimit, column.values[$1]?.utf8.count ?? 0) }
        }
        if bytes > settings.textBytes {
            let part = max(1, Int(Double(chosen.count) * Double(settings.textBytes) / Double(bytes)))
            notes.append("\(part) of \(chosen.count) rows were searched, since their texts are long.")
            var generator = SeededGenerator(seed: context.seed, stream: 0x7EA7)
            chosen = chosen.shuffled(using: &generator).prefix(part).sorted()
        }
        labels = chosen.map { all[$0] }
        indices = chosen.map { rows.indices[$0] }
        classes = known.classes.count
        names = rows.matrix.features.map(\.name)
        columns = TriggerColumns(rows.matrix, rows: chosen, fewest: settings.fewest(of: chosen.count))
        texts = texts.map { text in (text.column, chosen.map { text.values[$0] }) }
        stores = texts.map { TextStore(column: $0.column, texts: $0.values) }
        let kept = Self.modelColumns(columns, labels, settings.modelColumns)
        if kept.count < columns.count {
            notes.append(
                "The model of the labels saw the \(kept.count) of \(columns.count) columns that go with the label most."
            )
        }
        odds = stores.isEmpty ? nil : TextOdds(stores, labels: labels, classes: classes, context: context)
        let made = odds?.width ?? 0
        let width = kept.count + made
        var values = [Float](repeating: 0, count: chosen.count * width)
        for row in 0..<chosen.count {
            for (place, column) in kept.enumerated() { values[row * width + place] = columns.values[column][row] }
            for place in 0..<made { values[row * width + kept.count + place] = odds?.values[row * made + place] ?? 0 }
        }
        modelColumns = kept + [Int](repeating: -1, count: made)
        let categorical = columns.categorical
        expectation = LabelExpectation(
            values: values, width: width,
            categorical: Set(kept.indices.filter { categorical.contains(kept[$0]) }), labels: labels,
            classes: classes, engine: engine, settings: settings,
            // why: columns that a trigger may stand in must not have small leaves; words have no leaves of their own.
            leafPart: columns.count == 0 ? 50 : 10, isText: columns.count == 0)
        self.notes = notes
    }

    /// Probability of a class for rows by models that saw neither them nor, in their second form, these columns.
    func expected(
        _ rows: [Int], columns: Set<Int>, target: Int, leaving others: Set<Int>, context: RunContext
    ) throws -> [Double] {
        var expectation = expectation
        if let odds {
            let made = odds.width
            let fresh = odds.without(rows, leaving: others, labels: labels, classes: classes)
            var values = expectation.values
            let first = expectation.width - made
            for (place, row) in rows.enumerated() {
                for column in 0..<made {
                    values[row * expectation.width + first + column] = fresh[place * made + column]
                }
            }
            expectation = LabelExpectation(
                values: values, width: expectation.width, categorical: expectation.categorical, labels: labels,
                classes: classes, engine: expectation.engine, settings: expectation.settings,
                leafPart: expectation.leafPart, isText: expectation.isText)
        }
        let hidden = Set(modelColumns.indices.filter { columns.contains(modelColumns[$0]) })
        return try expectation.without(rows, leaving: others, columns: hidden, target: target, context: context)
    }

    private static func texts(
        _ subject: DataSubject, _ rows: DataRows
    ) throws -> [(column: String, values: [String?])] {
        guard let train = subject.train else { return [] }
        return try subject.texts.map { column in
            let all = try train.texts(column)
            return (column, rows.indices.map { all[$0] })
        }
    }

    /// Rows without those that repeat another one with its label: copies are no witnesses of their own. Where more than
    /// a quarter of the rows are copies, that is how the data are, and all stay.
    private static func once(
        _ rows: [Int], _ matrix: FeatureMatrix, _ texts: [(column: String, values: [String?])], _ labels: [Int32],
        _ notes: inout [String]
    ) -> (rows: [Int], copies: [Int: [Int]]) {
        struct Key: Hashable {
            let bits: [UInt32], texts: [String?], label: Int32
        }
        var seen: [Key: Int] = [:]
        var kept: [Int] = []
        var copies: [Int: [Int]] = [:]
        let width = matrix.features.count
        for row in rows {
            let bits = width == 0 ? [] : matrix[row: row].map(\.bitPattern)
            let key = Key(bits: bits, texts: texts.map { $0.values[row] }, label: labels[row])
            if let first = seen[key] {
                copies[first, default: []].append(row)
            } else {
                seen[key] = row
                kept.append(row)
            }
        }
        let repeats = rows.count - kept.count
        guard repeats > 0, repeats * 4 <= rows.count else { return (rows, [:]) }
        notes.append("\(repeats) rows that repeat another one with its label count once.")
        return (kept, copies)
    }

    /// The columns that go with the label most, where there are too many: by the spread of class means over the spread
    /// of values.
    private static func modelColumns(_ columns: TriggerColumns, _ labels: [Int32], _ limit: Int) -> [Int] {
        guard columns.count > limit else { return Array(0..<columns.count) }
        let classes = Int(labels.max() ?? 0) + 1
        let strengths = (0..<columns.count).map { column -> Double in
            var sums = [Double](repeating: 0, count: classes), counts = sums
            var (all, squares, number) = (0.0, 0.0, 0.0)
            for (row, label) in labels.enumerated() where columns.values[column][row].isFinite {
                let value = Double(columns.values[column][row])
                sums[Int(label)] += value
                counts[Int(label)] += 1
                all += value
                squares += value * value
                number += 1
            }
            guard number > 1 else { return 0 }
            let spread = squares / number - (all / number) * (all / number)
            guard spread > 0 else { return 0 }
            let between = zip(sums, counts).reduce(0) { sum, pair in
                guard pair.1 > 0 else { return sum }
                let gap = pair.0 / pair.1 - all / number
                return sum + pair.1 / number * gap * gap
            }
            return between / spread
        }
        return strengths.indices.sorted { (strengths[$1], $0) < (strengths[$0], $1) }.prefix(limit).sorted()
    }
}

/// Numbers that stand for the texts of a row in a model of the labels: how its words speak, and what it looks like.
struct TextOdds: Sendable {
    /// `[rows, width]`.
    let values: [Float]
    let width: Int
    private let tokens: [TokenRows]
    private let shapes: [[[Float]]]
    private let spoken: [Int]

    /// Scores of words are out of fold.
    init(_ stores: [TextStore], labels: [Int32], classes: Int, context: RunContext) {
        tokens = stores.map { TextVocabulary($0.words, minimum: 2, limit: 200_000).rows($0.words) }
        shapes = stores.map { $0.shapes() }
        // why: of two classes, one says it all; of very many, none is asked.
        spoken = classes == 2 ? [1] : classes <= LabelExpectation.classLimit ? Array(0..<classes) : []
        width = stores.count * (5 + 2 * spoken.count)
        var generator = SeededGenerator(seed: context.seed, stream: 0x7128)
        let folds = 4
        let order = Array(labels.indices).shuffled(using: &generator)
        var fold = [Int](repeating: 0, count: labels.count)
        for (place, row) in order.enumerated() { fold[row] = place % folds }
        var result = [Float](repeating: 0, count: labels.count * width)
        for part in 0..<folds {
            let kept = labels.indices.filter { fold[$0] != part }
            let models = tokens.map { WordOdds($0, labels: labels, classes: classes, rows: kept) }
            for row in labels.indices where fold[row] == part {
                let made = Self.row(row, tokens, shapes, models, spoken)
                for (place, value) in made.enumerated() { result[row * width + place] = value }
            }
        }
        values = result
    }

    /// The numbers of some rows by words learnt from the others.
    func without(_ rows: [Int], leaving others: Set<Int>, labels: [Int32], classes: Int) -> [Float] {
        let gone = others.union(rows)
        let kept = labels.indices.filter { !gone.contains($0) }
        let models = tokens.map { WordOdds($0, labels: labels, classes: classes, rows: kept) }
        return rows.flatMap { Self.row($0, tokens, shapes, models, spoken) }
    }

    private static func row(
        _ row: Int, _ tokens: [TokenRows], _ shapes: [[[Float]]], _ models: [WordOdds], _ spoken: [Int]
    ) -> [Float] {
        var result: [Float] = []
        for (index, model) in models.enumerated() {
            result += shapes[index][row]
            for label in spoken {
                let score = model.score(tokens[index][row], label)
                result += [Float(score.sum), Float(score.mean)]
            }
        }
        return result
    }
}
