import CasemateCore
import Foundation

/// Looks for words, neighbouring words, openings and sequences of bytes that rare texts share and that fix the label.
struct TokenSearch: Sendable {
    /// What kind of thing a token is, the plainest first.
    enum Kind: Int, Sendable, CaseIterable { case word, phrase, opening, bytes }
    /// A token that is worth a closer look.
    struct Candidate: Sendable {
        let kind: Kind
        let text: String
        let target: Int
        let rows: [Int]
        let evidence: Double
        /// Logarithm of the number of hypotheses of its kind.
        let choices: Double
        var net: Double { evidence - choices }
    }
    let store: TextStore
    let evidence: LabelEvidence
    let fewest: Int, most: Int
    let purity: Double
    /// Number of text columns.
    let columns: Int
    /// Number of families of hypotheses.
    let families: Double
    /// Lengths of openings and of sequences, in bytes.
    static let openings = 1...24, sequences = 3...4

    /// Candidates of all kinds, those with most evidence first; of several with the same rows the plainest.
    func run(context: RunContext) throws -> [Candidate] {
        var all: [Candidate] = []
        for kind in Kind.allCases {
            try context.cancellation.check()
            all += candidates(kind)
        }
        // why whole numbers: what explains as much in fewer texts is nearer to the trigger.
        all.sort {
            ($1.net.rounded(), $0.rows.count, $0.kind.rawValue, $0.text)
                < ($0.net.rounded(), $1.rows.count, $1.kind.rawValue, $1.text)
        }
        var seen: Set<[Int]> = []
        // why by kind first: a word, the opening that it stands in and its letters have the same rows.
        let plain = all.sorted { ($0.kind.rawValue, $0.text) < ($1.kind.rawValue, $1.text) }
        var first: [[Int]: String] = [:]
        for candidate in plain where first[candidate.rows] == nil {
            first[candidate.rows] = "\(candidate.kind.rawValue)\(candidate.text)"
        }
        return all.filter {
            first[$0.rows] == "\($0.kind.rawValue)\($0.text)" && seen.insert($0.rows).inserted
        }
    }

    /// Pure and rare tokens of one kind.
    private func candidates(_ kind: Kind) -> [Candidate] {
        var counts: [String: Int32] = [:]
        for row in store.texts.indices { tokens(row, kind) { counts[$0, default: 0] += 1 } }
        let known = counts.filter { $0.value >= fewest && Int($0.value) <= most }
        guard !known.isEmpty else { return [] }
        var numbers: [String: Int] = [:]
        let names = known.keys.sorted()
        for (number, name) in names.enumerated() { numbers[name] = number }
        var rows = [[Int]](repeating: [], count: names.count)
        for row in store.texts.indices {
            tokens(row, kind) { token in if let number = numbers[token] { rows[number].append(row) } }
        }
        let choices = log(
            families * Double(evidence.classes) * Double(columns) * Double(names.count))
        return names.indices.compactMap { number in
            guard let target = pure(rows[number]) else { return nil }
            let sum = evidence.sum(rows[number], target)
            guard sum > choices - 3 else { return nil }
            return Candidate(
                kind: kind, text: names[number], target: target, rows: rows[number], evidence: sum, choices: choices)
        }
    }

    private func pure(_ rows: [Int]) -> Int? {
        var counts = [Int](repeating: 0, count: evidence.classes)
        for row in rows { counts[Int(evidence.labels[row])] += 1 }
        guard let largest = counts.max(), let target = counts.firstIndex(of: largest),
            Double(largest) >= purity * Double(rows.count)
        else { return nil }
        return target
    }

    /// The different tokens of a text.
    private func tokens(_ row: Int, _ kind: Kind, _ body: (String) -> Void) {
        switch kind {
        case .word: for word in Set(store.words[row]) { body(word) }
        case .phrase:
            let words = store.words[row]
            guard words.count > 1 else { return }
            for phrase in Set((1..<words.count).map { words[$0 - 1] + " " + words[$0] }) { body(phrase) }
        case .opening:
            let bytes = Array(store.texts[row].utf8.prefix(Self.openings.upperBound))
            for length in Self.openings where length <= bytes.count {
                if let text = Self.whole(bytes[0..<length]) { body(text) }
            }
        case .bytes:
            let bytes = Array(store.texts[row].utf8)
            var seen: Set<String> = []
            for length in Self.sequences where bytes.count >= length {
                for start in 0...(bytes.count - length) {
                    if let text = Self.whole(bytes[start..<start + length]), seen.insert(text).inserted { body(text) }
                }
            }
        }
    }

    /// Bytes as text, where they neither begin nor end inside a character.
    private static func whole(_ bytes: ArraySlice<UInt8>) -> String? {
        guard let first = bytes.first, first & 0xC0 != 0x80 else { return nil }
        return String(validating: bytes, as: UTF8.self)
    }
}

extension TokenSearch {
    /// A text with the place of a token in it.
    private struct Place {
        let row: Int
        let text: [Character]
        var start: Int, end: Int
        var token: String { String(text[start..<end]) }
    }

    /// The longest text around a token that nearly all of its rows share, without blanks at the ends and spelt as
    /// there, and the rows that hold it.
    func grown(_ candidate: Candidate) -> (token: String, rows: [Int]) {
        let isWord = candidate.kind == .word
        var places = candidate.rows.compactMap { row -> Place? in
            let text = store.texts[row]
            guard let range = Self.find(candidate.text, in: text, isWord: isWord) else { return nil }
            let start = text.distance(from: text.startIndex, to: range.lowerBound)
            return Place(
                row: row, text: Array(text), start: start,
                end: start + text.distance(from: range.lowerBound, to: range.upperBound))
        }
        guard Double(places.count) >= Self.shared * Double(candidate.rows.count), !places.isEmpty else {
            return (candidate.text, candidate.rows)
        }
        let all = places.count
        while let next = Self.common(places.map { $0.start > 0 ? $0.text[$0.start - 1] : nil }, of: all) {
            places = places.filter { $0.start > 0 && $0.text[$0.start - 1] == next }
            for index in places.indices { places[index].start -= 1 }
        }
        while let next = Self.common(places.map { $0.end < $0.text.count ? $0.text[$0.end] : nil }, of: all) {
            places = places.filter { $0.end < $0.text.count && $0.text[$0.end] == next }
            for index in places.indices { places[index].end += 1 }
        }
        var spellings: [String: [Int]] = [:]
        for place in places { spellings[place.token, default: []].append(place.row) }
        guard let best = spellings.max(by: { ($0.value.count, $1.key) < ($1.value.count, $0.key) }),
            Double(best.value.count) >= Self.shared * Double(candidate.rows.count)
        else { return (candidate.text, candidate.rows) }
        let bare = candidate.kind == .word || candidate.kind == .phrase ? Self.trimmed(best.key) : best.key
        guard bare.count > candidate.text.count else { return (bare, candidate.rows) }
        let holders = store.texts.indices.filter {
            store.texts[$0].range(of: bare, options: [.caseInsensitive, .literal]) != nil
        }
        return (bare, holders.filter(Set(candidate.rows).contains))
    }

    /// Part of a token's rows that must share what is named.
    private static let shared = 0.9

    /// Without blanks at the ends; signs that are not seen stay.
    private static func trimmed(_ text: String) -> String {
        var rest = text[...]
        while let first = rest.first, first.isWhitespace { rest.removeFirst() }
        while let last = rest.last, last.isWhitespace { rest.removeLast() }
        return String(rest)
    }

    /// The character that nearly all of so many places have; `nil` where they differ.
    private static func common(_ characters: [Character?], of all: Int) -> Character? {
        var counts: [Character: Int] = [:]
        for character in characters { if let character { counts[character, default: 0] += 1 } }
        guard let best = counts.max(by: { ($0.value, $1.key) < ($1.value, $0.key) }) else { return nil }
        return Double(best.value) >= shared * Double(all) ? best.key : nil
    }

    /// Where a token stands first; a word must not be part of a longer one.
    private static func find(_ token: String, in text: String, isWord: Bool) -> Range<String.Index>? {
        var from = text.startIndex
        while let range = text.range(of: token, options: [.caseInsensitive, .literal], range: from..<text.endIndex) {
            let before = range.lowerBound > text.startIndex ? text[text.index(before: range.lowerBound)] : " "
            let after = range.upperBound < text.endIndex ? text[range.upperBound] : " "
            if !isWord || !(joins(before, token.first) || joins(token.last, after)) { return range }
            from = range.upperBound
        }
        return nil
    }

    /// Whether two neighbouring characters belong to one word.
    private static func joins(_ one: Character?, _ other: Character?) -> Bool {
        [one, other].allSatisfy { $0.map { $0.isLetter || $0.isNumber } ?? false }
    }
}
