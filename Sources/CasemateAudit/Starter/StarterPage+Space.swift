import CasemateCore
import CasemateData
import CasemateModels

extension StarterPage {
    /// The most features that are listed one by one.
    private static let listed = 200

    /// What an attacker can really do to a row.
    func spaceSection(_ yaml: inout StarterYaml) {
        yaml.gap()
        yaml.comment(
            "What an attacker can really do to a row. Left alone, numbers keep to the range seen in the data, and "
                + "whole ones stay whole. Say what nobody can change (`immutable: true`), what moves one way only "
                + "(`direction: increase`), and wider or narrower `bounds`. Page: docs/reference/feature-space.md")
        yaml.line("feature_space:")
        yaml.line("defaults: {bounds: train, integer: train, scale: train}", indent: 2)
        if facts.signature.layout == .image || facts.signature.layout == .text {
            let what = facts.signature.layout == .image ? "pixels share one range" : "one text has no range"
            yaml.comment("\(Words.count(facts.features.count, "feature")), not listed: \(what).", indent: 2)
        } else {
            features(&yaml)
        }
        oneHot(&yaml)
    }

    private func features(_ yaml: inout StarterYaml) {
        let frozen = self.frozen
        let place = data.train == nil ? "test data" : "training data"
        yaml.comment("Ranges and levels as the \(place) have them.", indent: 2)
        let members = Set(patterns.oneHot.flatMap(\.columns))
        yaml.line("features:", indent: 2, isOff: frozen.isEmpty)
        for feature in facts.features.prefix(Self.listed) {
            let key = StarterYaml.scalar(feature.name)
            guard key.utf8.count <= StarterYaml.longestKey else {
                yaml.comment("\(StarterYaml.shown(feature.name)): its name is too long for a key.", indent: 4)
                continue
            }
            let isFrozen = frozen.contains(feature.name)
            let (pairs, note) = described(feature, isMember: members.contains(feature.name), isFrozen: isFrozen)
            if pairs.isEmpty {
                yaml.comment("\(key): \(note)", indent: 4)
            } else {
                yaml.mapping(key, pairs, indent: 4, isOff: !isFrozen, note: note)
            }
        }
        let rest = facts.features.count - Self.listed
        if rest > 0 { yaml.comment("… and \(Words.count(rest, "feature")) more.", indent: 4) }
    }

    /// Features that nobody can change, by their names; one-hot groups with a member among them as a whole.
    private var frozen: Set<String> {
        let shown = facts.features.prefix(Self.listed).map(\.name)
        var frozen = Set(shown.filter { StarterWords.isProtected($0) })
        for group in patterns.oneHot where group.columns.contains(where: { frozen.contains($0) }) {
            let fits = group.columns.allSatisfy {
                shown.contains($0) && StarterYaml.scalar($0).utf8.count <= StarterYaml.longestKey
            }
            if fits { frozen.formUnion(group.columns) } else { frozen.subtract(group.columns) }
        }
        return frozen.filter { StarterYaml.scalar($0).utf8.count <= StarterYaml.longestKey }
    }

    /// What may be said about a feature, and what was seen.
    private func described(_ feature: Feature, isMember: Bool, isFrozen: Bool) -> (pairs: [String], note: String) {
        let immutable = isFrozen ? "immutable: true" : nil
        if let levels = feature.levels {
            let names = levels.prefix(6).map { StarterYaml.shown($0) }.joined(separator: ", ")
            let more = levels.count > 6 ? ", …" : ""
            return ([immutable ?? "immutable: false"], "\(Words.count(levels.count, "level")): \(names)\(more)")
        }
        guard let column = data.leading[feature.name] else { return ([], "not seen") }
        if isMember { return ([immutable ?? "immutable: false"], "0 or 1, in a one-hot group") }
        guard let bounds = column.bounds, let low = column.low, let high = column.high else { return ([], "no value") }
        let gaps = column.column.missing > 0 ? "\(column.column.missing) missing" : ""
        if isFrozen { return (["immutable: true"], [bounds, gaps].filter { !$0.isEmpty }.joined(separator: ", ")) }
        guard low < high else { return (["bounds: \(bounds)"], "the same in every row") }
        guard abs(low) < 1e30, abs(high) < 1e30 else { return ([], "from \(low) to \(high)") }
        return (["bounds: \(bounds)"] + (column.isWhole ? ["integer: true"] : []), gaps)
    }

    private func oneHot(_ yaml: inout StarterYaml) {
        guard !patterns.oneHot.isEmpty else {
            guard facts.signature.layout != .image, facts.signature.layout != .text else { return }
            yaml.comment("No 0/1 columns of which exactly one is 1 in every row were found. Form:", indent: 2)
            yaml.line("one_hot: [{name: purpose, columns: [purpose_car, purpose_home]}]", indent: 2, isOff: true)
            return
        }
        yaml.comment("In all \(Words.count(data.rows, "row")) exactly one of these columns is 1:", indent: 2)
        yaml.line("one_hot:", indent: 2)
        for group in patterns.oneHot {
            yaml.line("- name: \(StarterYaml.scalar(group.name))", indent: 4)
            yaml.list("columns", group.columns.map { StarterYaml.scalar($0) }, indent: 6)
        }
    }
}
