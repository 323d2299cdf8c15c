/// The names under which archives and folders usually keep samples and their labels.
enum SampleNames {
    /// Names of samples, the likeliest first, in lower case without the mark of a part such as `test`.
    static let samples = ["x", "images", "image", "imgs", "data", "inputs", "input", "samples", "features", "arr_x"]
    /// Names of labels.
    static let labels = ["y", "labels", "label", "targets", "target", "classes", "class", "outputs", "output", "arr_y"]
    /// Marks of a part of a data set, the ones on which a model is tested first.
    static let parts = ["", "test", "val", "valid", "validation", "eval", "train"]

    /// The mark of the part and the rest of a name: `X_test` and `test_x` give `test` and `x`.
    static func split(_ name: String) -> (part: String, stem: String) {
        let words = name.lowercased().split { $0 == "_" || $0 == "-" || $0 == "." }.map(String.init)
        for part in parts.dropFirst() where words.contains(part) {
            return (part, words.filter { $0 != part }.joined(separator: "_"))
        }
        return ("", name.lowercased())
    }

    /// The likeliest of `names` among `known`, of one part if `part` names it.
    static func find(_ names: [String], known: [String], part: String? = nil) -> String? {
        for mark in part.map({ [$0] }) ?? parts {
            for wanted in known {
                if let name = names.first(where: { split($0) == (mark, wanted) }) { return name }
            }
        }
        return nil
    }

    /// The names that a file of labels has beside the file of samples `name`; the extension is kept.
    static func labelFiles(beside name: String) -> [String] {
        let stem = name.prefix { $0 != "." }, rest = name.dropFirst(stem.count)
        var words = stem.split(separator: "_", omittingEmptySubsequences: false).map(String.init)
        guard let place = words.lastIndex(where: { samples.contains($0.lowercased()) }) else { return [] }
        let pairs = ["x": ["y"], "images": ["labels"], "image": ["label", "labels"], "inputs": ["targets", "labels"]]
        return (pairs[words[place].lowercased()] ?? ["labels", "targets", "y"]).map { label in
            words[place] = label
            return words.joined(separator: "_") + rest
        }
    }
}
