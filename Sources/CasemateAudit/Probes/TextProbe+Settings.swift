import CasemateAttacks
import CasemateCore

extension TextProbe {
    /// Keys under `probes.text`.
    public static let settings: [Setting<TextProbe>] = [
        .integer("samples", \.samples, 1...1_000_000, "test texts attacked of each right decision"),
        .integer(
            "edits", \.attack.edits, 1...100_000, "most characters of a text that are inserted, deleted or replaced"),
        .integer("words", \.attack.words, 1...10_000, "most words of a text that are inserted, deleted or changed"),
        .integer("queries", \.attack.queries, 1...10_000_000, "most queries a text and operator"),
        .choice("access", \.attack.access, "what the attacker sees of an answer"),
        Setting(
            "operators", .list(.choice(TextOperator.allCases.map(\.rawValue))), "ways of changing a text",
            apply: { probe, node in
                probe.attack.operators = TextOperator.allCases.filter { node.texts.contains($0.rawValue) }
            }, show: { .list($0.attack.operators.map { .text($0.rawValue) }) }),
        Setting(
            "neighbours", .path, "a file of `word,neighbour,similarity` for synonyms",
            apply: { $0.neighboursPath = $1.text },
            // why the digest: kept results hang on what the file holds, not on what it is called.
            show: { probe in
                probe.neighboursPath.map { path in
                    .text(path + (probe.neighbours.map { " (SHA-256 \($0.digest))" } ?? ""))
                }
            }),
        .number("similarity", \.similarity, .number(0...1), "least similarity of a neighbour"),
        .integer("dictionary", \.attack.dictionary, 1...1_000_000, "words tested for the list of good words"),
        .integer("carriers", \.attack.carriers, 1...10_000, "texts of the attacker on which they are tested"),
    ]
}
