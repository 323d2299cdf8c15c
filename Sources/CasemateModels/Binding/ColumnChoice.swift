import CasemateCore
import CasemateData

/// Chooses the columns that a model's inputs take.
struct ColumnChoice {
    /// A column, and whether its values go in as text.
    struct Pick: Hashable {
        let column: String
        let isText: Bool
    }
    let signature: ModelSignature
    let columns: [Column]
    let declared: [String]?
    let excluded: Set<String>
    /// What the model itself calls the values of a row, where it says.
    var names: [String]?
    /// Whether the model encodes the values of a column itself, so that texts may go in; empty for none.
    var isEncoded: [Bool] = []

    /// The columns in the model's order; `width` is how many values a row of one tensor takes, where that is fixed.
    func run(width: Int?) throws(CasemateError) -> [Pick] {
        let offered = try self.offered()
        switch signature.layout {
        case .matrix, .image: return try matrix(offered, width: width ?? fixedWidth)
        case .columns: return try byName(offered)
        case .text: return try text(offered)
        }
    }

    private var fixedWidth: Int? {
        guard let shape = signature.inputs.first?.shape, !shape.isEmpty else { return nil }
        let axes = shape.dropFirst()
        return axes.allSatisfy { $0 != nil } ? axes.compactMap { $0 }.reduce(1, *) : nil
    }

    /// The declared columns, else all that are not excluded.
    private func offered() throws(CasemateError) -> [Column] {
        guard let declared else { return columns.filter { !excluded.contains($0.name) } }
        let known = Dictionary(columns.map { ($0.name, $0) }) { first, _ in first }
        var result: [Column] = []
        for name in declared {
            guard let column = known[name] else {
                throw CasemateError(
                    .unknownKey, at: "model.features",
                    "the table has no column '\(shown(name))'\(Suggestion.clause(for: name, among: known.keys))",
                    help: "its columns are \(list(columns.map(\.name)))")
            }
            guard !result.contains(column) else {
                throw CasemateError(
                    .invalidSetting, at: "model.features", "'\(shown(name))' is there twice", help: "name it once")
            }
            result.append(column)
        }
        return result
    }

    private func matrix(_ offered: [Column], width: Int?) throws(CasemateError) -> [Pick] {
        let isText = signature.inputs.first?.type == .string
        let offered = try named(offered) ?? offered
        if let width, offered.count != width { throw mismatch(offered, width: width) }
        let odd = offered.enumerated().first { index, column in
            !column.type.isNumeric && !(isEncoded.indices.contains(index) && isEncoded[index])
        }
        if !isText, let odd = odd?.element {
            throw CasemateError(
                .mismatch, at: "column '\(shown(odd.name))'",
                "holds \(odd.type.rawValue), the model takes one tensor of numbers",
                help: "exclude the column, encode it as the training did, or export the whole pipeline with its encoder"
            )
        }
        return offered.map { Pick(column: $0.name, isText: isText) }
    }

    /// The columns that a model names itself, in its order; `nil` where the table has none of its names.
    func named(_ offered: [Column]) throws(CasemateError) -> [Column]? {
        guard let names else { return nil }
        // why: the model itself says which columns it takes, so one that is excluded by role is still found.
        let candidates = declared == nil ? columns : offered
        var (found, missing): ([Column], [String]) = ([], [])
        for name in names {
            if let column = try find(name, candidates) {
                guard !found.contains(column) else {
                    throw CasemateError(
                        .mismatch, at: "model.features", "two of the model's names mean '\(shown(column.name))'",
                        help: "name the columns as the model does: \(list(names))")
                }
                found.append(column)
            } else {
                missing.append("'\(shown(name))'\(Suggestion.clause(for: name, among: candidates.map(\.name)))")
            }
        }
        if found.isEmpty { return nil }
        guard missing.isEmpty else {
            throw CasemateError(
                .mismatch, at: "model.features",
                "no column for the model's \(missing.prefix(20).joined(separator: " and "))",
                help: "the table's columns are \(list(candidates.map(\.name)))")
        }
        return found
    }

    /// Says which columns are probably too many, or how many are missing.
    private func mismatch(_ offered: [Column], width: Int) -> CasemateError {
        let names = offered.map(\.name)
        var what = "the model takes \(width) values a row, the table offers \(offered.count): \(list(names))"
        if offered.count > width {
            let odd = offered.filter { !$0.type.isNumeric || looksLikeNoFeature($0.name) }.map(\.name)
            if !odd.isEmpty { what += "; probably no features: \(list(odd))" }
        } else if declared == nil {
            let left = columns.map(\.name).filter { excluded.contains($0) }
            if !left.isEmpty { what += "; left out so far: \(list(left))" }
        }
        return CasemateError(
            .mismatch, at: "model.features", what,
            help: "name the model's columns in its order (--features, model.features), or the others (--ignore, "
                + "data.ignore)")
    }

    private func looksLikeNoFeature(_ name: String) -> Bool {
        let plain = Self.plain(name)
        return ["id", "index", "row", "rowid", "unnamed0", "target", "label", "class", "y", "weight"].contains(plain)
            || plain.hasSuffix("id") && plain.count < 16
    }

    private func byName(_ offered: [Column]) throws(CasemateError) -> [Pick] {
        var missing: [String] = []
        var picks: [Pick] = []
        // why: the graph itself says which columns it takes, so one that is excluded by role is still found.
        let candidates = declared == nil ? columns : offered
        for input in signature.inputs {
            guard let column = try find(input.name, candidates) else {
                missing.append(
                    "'\(shown(input.name))'\(Suggestion.clause(for: input.name, among: candidates.map(\.name)))")
                continue
            }
            if input.type != .string, !column.type.isNumeric {
                throw CasemateError(
                    .mismatch, at: "column '\(shown(column.name))'",
                    "holds \(column.type.rawValue), the model's input takes \(input.type.rawValue)",
                    help: "correct the column's type, or the cells that are no numbers")
            }
            picks.append(Pick(column: column.name, isText: input.type == .string))
        }
        guard missing.isEmpty else {
            throw CasemateError(
                .mismatch, at: "model.features",
                "no column for the model's input \(missing.joined(separator: " and "))",
                help: "the table's columns are \(list(candidates.map(\.name)))")
        }
        return picks
    }

    /// The column of an input: the same name, else the only one that differs in case, spaces and underscores alone.
    private func find(_ name: String, _ candidates: [Column]) throws(CasemateError) -> Column? {
        if let same = candidates.first(where: { $0.name == name }) { return same }
        let plain = Self.plain(name)
        let alike = candidates.filter { Self.plain($0.name) == plain }
        guard alike.count <= 1 else {
            throw CasemateError(
                .mismatch, at: "model.features", "input '\(shown(name))' could be \(list(alike.map(\.name)))",
                help: "rename the column that is meant to '\(shown(name))'")
        }
        return alike.first
    }

    private func text(_ offered: [Column]) throws(CasemateError) -> [Pick] {
        let texts = offered.filter { $0.type == .text }
        let chosen = declared == nil ? texts : offered
        guard chosen.count == 1 else {
            throw CasemateError(
                .mismatch, at: "model.features",
                "the model takes one text, the table offers \(list(chosen.map(\.name)))",
                help: "name the column (--features, model.features)")
        }
        return [Pick(column: chosen[0].name, isText: true)]
    }

    private static func plain(_ name: String) -> String {
        String(
            name.lowercased().unicodeScalars.filter { $0.properties.isAlphabetic || $0.properties.numericType != nil })
    }
    private func shown(_ name: String) -> String { OnnxLook.printable(name) }
    private func list(_ names: [String]) -> String {
        if names.isEmpty { return "none" }
        let first = names.prefix(20).map { "'\(shown($0))'" }.joined(separator: ", ")
        return names.count > 20 ? first + " and \(names.count - 20) more" : first
    }
}
