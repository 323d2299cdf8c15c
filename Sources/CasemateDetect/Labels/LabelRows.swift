import CasemateCore
import CasemateData
import CasemateModels

/// The rows whose labels are examined, as learners take them.
struct LabelRows: Sendable {
    /// Row of the file of each row here.
    let indices: [Int]
    /// Features, then one column of 0 and 1 for each of the commonest words of the texts.
    let matrix: FeatureMatrix
    /// All words of the texts, where there are texts.
    let words: TokenRows?
    /// Class of each row, from 0 without gaps, and the class of the data that each stands for.
    let labels: [Int32], classes: [Int]
    /// The first row that equals each one in every feature and word.
    let groups: [Int]
    /// Rows of the file without a label, of a class too rare to learn, or left out by sampling.
    let unlabelled: Int, rare: Int, unread: Int
    var count: Int { indices.count }

    /// Fewest rows of a class, most classes, and most words that become columns.
    static let fewest = 10, classLimit = 50, wordLimit = 200

    /// Reads the rows; `nil` where fewer than two classes have enough of them.
    init?(_ subject: DataSubject, context: RunContext) throws {
        guard let given = subject.labels else { return nil }
        let rows = try subject.rows(context: context)
        let all = rows.labels ?? []
        var counts = [Int](repeating: 0, count: given.classes.count)
        for label in all where label >= 0 { counts[Int(label)] += 1 }
        classes = counts.indices.filter { counts[$0] >= Self.fewest }
        guard classes.count > 1, classes.count <= Self.classLimit else { return nil }
        var codes = [Int32](repeating: -1, count: counts.count)
        for (code, index) in classes.enumerated() { codes[index] = Int32(code) }
        let kept = all.indices.filter { all[$0] >= 0 && codes[Int(all[$0])] >= 0 }
        labels = kept.map { codes[Int(all[$0])] }
        indices = kept.map { rows.indices[$0] }
        unlabelled = all.count { $0 < 0 }
        rare = all.count - kept.count - unlabelled
        unread = rows.total - rows.count
        let base = subject.features.isEmpty ? nil : kept.count == all.count ? rows.matrix : rows.matrix.rows(kept)
        words = try Self.words(subject, indices, context)
        matrix = Self.joined(base, words, count: kept.count)
        groups = Self.groups(matrix, words)
    }

    private static func words(_ subject: DataSubject, _ rows: [Int], _ context: RunContext) throws -> TokenRows? {
        guard let table = subject.train, !subject.texts.isEmpty else { return nil }
        var tokens = [[String]](repeating: [], count: rows.count)
        for column in subject.texts {
            let texts = try table.texts(column)
            for (place, row) in rows.enumerated() {
                if place.isMultiple(of: 1024) { try context.cancellation.check() }
                if let text = texts[row] { tokens[place] += TextTokens.words(String(text.prefix(20_000))) }
            }
        }
        return TextVocabulary(tokens, minimum: 2, limit: 50_000).rows(tokens)
    }

    /// Features beside columns of the commonest words; words are numbered by how many texts hold them.
    private static func joined(_ base: FeatureMatrix?, _ words: TokenRows?, count: Int) -> FeatureMatrix {
        guard let words else { return base ?? FeatureMatrix(features: [], values: []) }
        let added = min(wordLimit, words.width)
        let own = base?.features.count ?? 0
        let width = own + added
        var values = [Float](repeating: 0, count: count * width)
        for row in 0..<count {
            for column in 0..<own { values[row * width + column] = base?.values[row * own + column] ?? .nan }
            for token in words[row] where Int(token) < added { values[row * width + own + Int(token)] = 1 }
        }
        let features = (base?.features ?? []) + (0..<added).map { Feature("word \($0)") }
        return FeatureMatrix(features: features, values: values)
    }

    private static func groups(_ matrix: FeatureMatrix, _ words: TokenRows?) -> [Int] {
        let count = words?.count ?? matrix.count
        var known: [[UInt32]: Int] = [:]
        return (0..<count).map { row in
            var key = matrix.features.isEmpty ? [] : matrix[row: row].map(\.bitPattern)
            if let words { key += words[row].map { UInt32(bitPattern: $0) } }
            if let first = known[key] { return first }
            known[key] = row
            return row
        }
    }

    /// Fold of each row: the groups of each class are dealt out evenly in an order that the seed shuffles.
    func folds(_ folds: Int, seed: UInt64) -> [Int] {
        var generator = SeededGenerator(seed: seed, stream: 0xF01D5)
        var result = [Int](repeating: 0, count: count)
        var next = 0
        for label in classes.indices {
            let firsts = labels.indices.filter { labels[$0] == Int32(label) && groups[$0] == $0 }
            for row in firsts.shuffled(using: &generator) {
                result[row] = next % folds
                next += 1
            }
        }
        for row in result.indices { result[row] = result[groups[row]] }
        return result
    }
}
