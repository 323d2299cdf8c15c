import CasemateCore
import CasemateModels
import Foundation
import TestSupport
import Testing

/// Damaged and hostile tree files: a clear error or a model that works, never a crash, never much memory.
@Suite struct TreeFileHostileTests {
    static let files = [
        "xgboost-forest-multi.json", "xgboost-categorical.json", "xgboost-categorical.ubj", "xgboost-vector.ubj",
        "xgboost-dart.ubj", "lightgbm-categorical.txt", "lightgbm-missing-zero.txt",
    ]

    private func data(_ file: String) throws -> Data {
        try Data(contentsOf: URL(fileURLWithPath: Repository.path("Tests/Fixtures/trees/\(file)")))
    }
    private func text(_ file: String) throws -> String { String(decoding: try data(file), as: UTF8.self) }

    /// The error of a changed file; its message names the place.
    private func refusal(_ text: String) -> CasemateError? {
        failure { _ = try TreeFile(Data(text.utf8), path: "bad.model") }
    }

    @Test(arguments: files) func truncatedFilesAreRefused(file: String) throws {
        let whole = try data(file)
        let end = file.hasSuffix(".txt") ? whole.range(of: Data("end of trees".utf8))?.upperBound ?? 0 : whole.count
        for length in stride(from: 0, to: end - 1, by: max(1, end / 400)) {
            #expect(throws: CasemateError.self, "\(length) bytes") {
                _ = try TreeFile(whole.prefix(length), path: file)
            }
        }
    }

    /// Random changes of a few bytes: what still loads also scores.
    @Test(arguments: files) func changedBytesNeverCrash(file: String) throws {
        let whole = try data(file)
        var generator = SeededGenerator(seed: 11)
        var (loaded, refused) = (0, 0)
        for _ in 0..<500 {
            var bytes = [UInt8](whole)
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                let at = Int.random(in: 0..<bytes.count, using: &generator)
                switch Int.random(in: 0..<4, using: &generator) {
                case 0: bytes[at] = UInt8.random(in: 0...255, using: &generator)
                case 1: bytes[at] = UInt8(ascii: "9")
                case 2: bytes[at] = UInt8(ascii: "-")
                default: bytes.removeSubrange(at..<min(bytes.count, at + 3))
                }
            }
            do {
                let model = try TreeFileModel(TreeFile(Data(bytes), path: file))
                let width = model.file.width
                let rows = (0..<9 * width).map { _ in Float.random(in: -50...50, using: &generator) }
                let answers = try model.predict(rows: rows, count: 9, cancellation: Cancellation())
                #expect(answers.count == 9)
                loaded += 1
            } catch let error as CasemateError {
                #expect(error.place.contains(file) && !error.what.isEmpty)
                refused += 1
            }
        }
        #expect(loaded > 0 && refused > 0, "\(loaded) loaded, \(refused) refused")
    }

    @Test func circlesAreRefused() throws {
        let xgboost = try text("xgboost-best.json")
        for bad in ["[0,3,5", "[1,0,5", "[1,1,5", "[1,2000000,5", "[1,2147483647,5"] {
            #expect(refusal(xgboost.replacing("\"left_children\":[1,3,5", with: "\"left_children\":" + bad)) != nil)
        }
        let lightGBM = try text("lightgbm-binary.txt")
        for bad in ["0 2", "1 0", "4 2", "5000 2", "-2147483648 2"] {
            let changed = lightGBM.replacing("left_child=1 2", with: "left_child=" + bad)
            #expect(changed != lightGBM && refusal(changed)?.code == .malformed, "\(bad)")
        }
    }

    @Test func thresholdsAndLeavesMustBeNumbers() throws {
        let xgboost = try text("xgboost-best.json")
        let start = try #require(xgboost.range(of: "\"split_conditions\":["))
        let comma = try #require(xgboost[start.upperBound...].firstIndex(of: ","))
        let changed = xgboost.replacingCharacters(in: start.upperBound..<comma, with: "NaN")
        #expect(refusal(changed)?.what.contains("no number") == true)
        let lightGBM = try text("lightgbm-binary.txt")
        #expect(refusal(lightGBM.replacing("threshold=0", with: "threshold=nan"))?.code == .malformed)
        #expect(refusal(lightGBM.replacing("leaf_value=-0", with: "leaf_value=inf 0"))?.code == .malformed)
        #expect(refusal(lightGBM.replacing("leaf_value=-0.", with: "leaf_value=1e999."))?.code == .malformed)
    }

    @Test func countsThatLieAreRefused() throws {
        let xgboost = try text("xgboost-forest-multi.json")
        let lies = [
            ("\"num_feature\":\"5\",\"num_target", "\"num_feature\":\"2147483647\",\"num_target"),
            ("\"num_feature\":\"5\",\"num_target", "\"num_feature\":\"1\",\"num_target"),
            ("\"num_class\":\"3\",\"num_feature", "\"num_class\":\"2000000000\",\"num_feature"),
            ("\"num_class\":\"3\",\"num_feature", "\"num_class\":\"-3\",\"num_feature"),
            ("\"tree_info\":[0", "\"tree_info\":[7"), ("\"tree_info\":[0", "\"tree_info\":[0,0"),
            ("\"size_leaf_vector\":\"1\"", "\"size_leaf_vector\":\"2000000000\""),
            ("\"base_score\":\"", "\"base_score\":\"[1,2]"), ("\"base_score\":\"", "\"base_score\":\"x"),
        ]
        for (old, new) in lies {
            let changed = xgboost.replacing(old, with: new)
            #expect(changed != xgboost && refusal(changed) != nil, "\(new)")
        }
        let lightGBM = try text("lightgbm-categorical.txt")
        let more = [
            ("num_leaves=7", "num_leaves=2147483647"), ("num_leaves=7", "num_leaves=-1"),
            ("num_leaves=7", "num_leaves=99999999999"), ("max_feature_idx=4", "max_feature_idx=2147483647"),
            ("num_tree_per_iteration=1", "num_tree_per_iteration=1000000000"), ("num_cat=", "num_cat=20000"),
            ("cat_boundaries=0 ", "cat_boundaries=0 2147483647 "), ("cat_boundaries=0 ", "cat_boundaries=5 "),
            ("tree_sizes=", "tree_sizes=1 2 3 "), ("sigmoid:1", "sigmoid:-1"),
        ]
        for (old, new) in more {
            let changed = lightGBM.replacing(old, with: new)
            #expect(changed != lightGBM && refusal(changed) != nil, "\(new)")
        }
    }

    /// Lists in UBJSON that state more values than the file has.
    @Test func binaryListsThatLieAreRefused() throws {
        let name: [UInt8] = [0x4C, 0, 0, 0, 0, 0, 0, 0, 1, 0x61]
        for list: [UInt8] in [
            [0x5B, 0x24, 0x64, 0x23, 0x4C, 0x3F, 0, 0, 0, 0, 0, 0, 0],
            [0x5B, 0x24, 0x64, 0x23, 0x4C, 0xFF, 0, 0, 0, 0, 0, 0, 0], [0x5B, 0x23, 0x4C, 0x3F, 0, 0, 0, 0, 0, 0, 0],
            [0x53, 0x4C, 0x7F, 0, 0, 0, 0, 0, 0, 0], [0x5B, 0x24, 0x5B, 0x23, 0x69, 1], [0x78],
        ] {
            let file = Data([0x7B] + name + list + [UInt8](repeating: 0, count: 40))
            #expect(failure { _ = try TreeFile(file, path: "lie.ubj") }?.code == .malformed)
        }
    }

    @Test func nestingHasALimit() {
        for open in ["[", "{\"a\":"] {
            let text = String(repeating: open, count: 1_000_000)
            #expect(refusal(text.hasPrefix("{") ? text : "{\"learner\":" + text)?.code == .limitExceeded)
        }
        let deep = Data([0x7B, 0x69, 1, 0x61] + [UInt8](repeating: 0x5B, count: 1_000_000))
        #expect(failure { _ = try TreeFile(deep, path: "deep.ubj") }?.code == .limitExceeded)
        let wide = "{\"learner\":[" + String(repeating: "{},", count: 4_000_000) + "{}]}"
        #expect(refusal(wide)?.code == .limitExceeded)
    }

    /// A tree as deep as a list: read and walked without recursion.
    @Test func aMillionLevels() throws {
        let depth = 1_000_000
        func line(_ name: String, _ count: Int, _ value: (Int) -> String) -> String {
            name + "=" + (0..<count).map(value).joined(separator: " ") + "\n"
        }
        let tree =
            "Tree=0\nnum_leaves=\(depth + 1)\nnum_cat=0\n" + line("split_feature", depth) { _ in "0" }
            + line("threshold", depth) { "\($0)" } + line("decision_type", depth) { _ in "0" }
            + line("left_child", depth) { "\(-$0 - 1)" }
            + line("right_child", depth) { $0 + 1 < depth ? "\($0 + 1)" : "\(-depth - 1)" }
            + line("leaf_value", depth + 1) { "\($0)" }
        let head =
            "tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\nmax_feature_idx=0\nobjective=regression\n\n"
        let model = try TreeFileModel(TreeFile(Data((head + tree + "\nend of trees\n").utf8), path: "deep.txt"))
        let answers = try model.predict(rows: [0, 5.5, 2e6, .nan], count: 4, cancellation: Cancellation())
        #expect(answers.scores == [0, 6, 1_000_000, 0])
    }
}
