import CasemateCore
import CasemateData
import Testing

@Suite("A declared feature space meets model and data")
struct DeclarationTests {
    private let features = [
        Feature("amount"), Feature("age"), Feature("flat"), Feature("code"),
        Feature("savings", .categorical(levels: ["A61", "A62", "A63"])), Feature("own"), Feature("rent"),
        Feature("free"),
    ]
    /// Rows over the features: amount has fractions, age is whole, flat is constant, code holds 0…2.
    private var matrix: FeatureMatrix {
        FeatureMatrix(
            features: features,
            values: [
                0.5, 20, 7, 0, 0, 1, 0, 0, 8.5, 60, 7, 2, 1, 0, 1, 0, .nan, .nan, 7, 1, .nan, .nan, .nan, .nan, 2, 35,
                7, 1,
                2, 0, 0, 1,
            ])
    }
    private func declaration(_ yaml: String) throws -> FeatureSpaceDeclaration {
        let root = try SettingChecker.read(yaml, file: "c.yaml", keys: FeatureSpaceDeclaration.keys)
        var declaration = FeatureSpaceDeclaration()
        for entry in root.entries { try declaration.take(entry.key, entry.value) }
        return declaration
    }
    private func compile(_ yaml: String) throws -> FeatureSpaceDeclaration.Compiled {
        try declaration(yaml).compile(features: features, ranges: FeatureRange.ranges(of: matrix))
    }
    private func failure(_ yaml: String) -> String {
        do { _ = try compile(yaml) } catch let error as CasemateError { return error.description } catch {
            return "\(error)"
        }
        return "no error"
    }

    @Test func followsTheTrainingDataWithoutAWord() throws {
        let compiled = try FeatureSpaceDeclaration().compile(
            features: features, ranges: FeatureRange.ranges(of: matrix))
        let rules = compiled.space.rules
        #expect(rules[0] == FeatureSpace.Rule(domain: .continuous, low: 0.5, high: 8.5, scale: 8))
        #expect(rules[1] == FeatureSpace.Rule(domain: .integer, low: 20, high: 60, scale: 40))
        #expect(rules[2] == FeatureSpace.Rule(domain: .integer, low: 7, high: 7, scale: 1))
        #expect(rules[4] == FeatureSpace.Rule(domain: .categorical(levels: 3, moves: nil)))
        #expect(compiled.space.oneHotGroups.isEmpty)
        #expect(compiled.notes == ["'flat' is the same in all training rows: its changes count as they are (scale 1)."])
    }

    @Test func withoutTrainingDataNothingIsBounded() throws {
        let compiled = try FeatureSpaceDeclaration().compile(
            features: [Feature("x")], ranges: [nil])
        #expect(compiled.space.rules[0] == FeatureSpace.Rule())
        #expect(compiled.notes == ["'x' has no training values: its changes count as they are (scale 1)."])
    }

    @Test func defaultsApplyToAllFeatures() throws {
        var declaration = FeatureSpaceDeclaration()
        declaration.defaults.bounds = .none
        declaration.defaults.detectsIntegers = false
        declaration.defaults.scale = .raw
        let compiled = try declaration.compile(features: features, ranges: FeatureRange.ranges(of: matrix))
        #expect(compiled.space.rules[1] == FeatureSpace.Rule())
        #expect(compiled.notes.isEmpty)
    }

    @Test func overridesApply() throws {
        let space = try compile(
            """
            features:
              amount: {bounds: [0, 100], integer: true, direction: increase, scale: 5}
              age: {immutable: true, bounds: none, integer: false, scale: raw}
              flat: {ordinal: [1, 2.5, 7], scale: 2}
              code: {categorical: true, moves: {0: [1, 2], 2: []}}
              savings: {moves: {A61: [A62, A61], A62: [A63]}}
            one_hot:
              - {name: housing, columns: [own, rent, free]}
            """
        ).space
        #expect(
            space.rules[0] == FeatureSpace.Rule(domain: .integer, low: 0, high: 100, direction: .increase, scale: 5))
        #expect(space.rules[1] == FeatureSpace.Rule(isImmutable: true))
        #expect(space.rules[2] == FeatureSpace.Rule(domain: .ordinal([1, 2.5, 7]), low: 1, high: 7, scale: 2))
        #expect(space.rules[3].domain == .categorical(levels: 3, moves: [[1, 2], [], []]))
        #expect(space.rules[4].domain == .categorical(levels: 3, moves: [[1], [2], []]))
        #expect(space.rules[5] == FeatureSpace.Rule(domain: .integer, low: 0, high: 1))
        #expect(space.oneHotGroups == [[5, 6, 7]])
    }

    static let mistakes: [(String, String)] = [
        (
            "features: {amuont: {immutable: true}}",
            "c.yaml:1:12: the model has no feature 'amuont', did you mean 'amount'? [mismatch]\n"
                + "  help: features are amount, age, flat, code, savings, own, rent, free"
        ),
        (
            "features: {amount: {bounds: [5, 1]}}",
            "c.yaml:1:29: feature 'amount': bounds are the wrong way round [invalid-setting]\n"
                + "  help: write the smaller number first"
        ),
        (
            "features: {amount: {bounds: [1, 2, 3]}}",
            "c.yaml:1:29: feature 'amount': bounds are two numbers, found 3 [invalid-setting]\n"
                + "  help: write `bounds: [low, high]`"
        ),
        (
            "features: {amount: {bounds: [0.2, 0.8], integer: true}}",
            "c.yaml:1:12: feature 'amount': no whole number lies within its bounds [invalid-setting]\n"
                + "  help: widen 'bounds', or drop 'integer'"
        ),
        (
            "features: {age: {bounds: [20.2, 20.8]}}",
            "c.yaml:1:12: feature 'age': no whole number lies within its bounds [invalid-setting]\n"
                + "  help: widen 'bounds', or set 'integer: false'"
        ),
        (
            "features: {age: {bounds: [1, 1e300]}}",
            "c.yaml:1:12: feature 'age': bounds lie beyond float32 [invalid-setting]\n"
                + "  help: write `bounds: none` for no bounds"
        ),
        (
            "features: {age: {ordinal: [1, 3, 2]}}",
            "c.yaml:1:12: feature 'age': 'ordinal' is not ascending [invalid-setting]\n"
                + "  help: list each value once, the smallest first"
        ),
        (
            "features: {age: {ordinal: [1, 2], integer: true}}",
            "c.yaml:1:12: feature 'age': 'integer' and 'ordinal' contradict each other [invalid-setting]\n"
                + "  help: the list of values says it all"
        ),
        (
            "features: {age: {immutable: true, direction: decrease}}",
            "c.yaml:1:12: feature 'age': 'immutable' and 'direction: decrease' contradict each other [invalid-setting]\n"
                + "  help: keep one of them"
        ),
        (
            "features: {savings: {bounds: [0, 1]}}",
            "c.yaml:1:12: feature 'savings': 'bounds' does not apply to categories [mismatch]\n"
                + "  help: remove it; categories have 'moves'"
        ),
        (
            "features: {savings: {categorical: false}}",
            "c.yaml:1:12: feature 'savings': 'categorical' is false and the model takes categories [mismatch]\n"
                + "  help: remove the key"
        ),
        (
            "features: {savings: {moves: {A61: [A64]}}}",
            "c.yaml:1:12: feature 'savings': has no level 'A64', did you mean 'A61'? [mismatch]\n"
                + "  help: levels are A61, A62, A63"
        ),
        (
            "features: {amount: {categorical: true}}",
            "c.yaml:1:12: feature 'amount': 'categorical' needs training values that are codes 0, 1, … [mismatch]\n"
                + "  help: for other numbers use 'ordinal', or leave the key out"
        ),
        (
            "features: {code: {categorical: false, moves: {0: [1]}}}",
            "c.yaml:1:12: feature 'code': 'moves' needs categories, and 'categorical' is false [invalid-setting]\n"
                + "  help: remove one of them"
        ),
        (
            "features: {code: {categorical: true, scale: 2}}",
            "c.yaml:1:12: feature 'code': 'scale' does not apply to categories [invalid-setting]\n"
                + "  help: remove it; categories have 'moves'"
        ),
        (
            "one_hot: [{name: h, columns: [own, rnet]}]",
            "c.yaml:1:11: one-hot group 'h': the model has no feature 'rnet', did you mean 'rent'? [mismatch]\n"
                + "  help: features are amount, age, flat, code, savings, own, rent, free"
        ),
        (
            "one_hot: [{name: h, columns: [own, own]}]",
            "c.yaml:1:11: one-hot group 'h': 'own' is named twice [invalid-setting]\n"
                + "  help: keep each column in one place"
        ),
        (
            "one_hot: [{name: h, columns: [own, rent]}, {name: i, columns: [free, rent]}]",
            "c.yaml:1:44: one-hot group 'i': 'rent' also belongs to 'h' [invalid-setting]\n"
                + "  help: keep each column in one place"
        ),
        (
            "one_hot: [{name: h, columns: [own, savings]}]",
            "c.yaml:1:11: one-hot group 'h': 'savings' holds categories, not 0 and 1 [mismatch]\n"
                + "  help: leave it out of the group"
        ),
        (
            "{features: {own: {immutable: true}}, one_hot: [{name: h, columns: [own, rent]}]}",
            "c.yaml:1:48: one-hot group 'h': 'own' is immutable and other columns are not [invalid-setting]\n"
                + "  help: make all of its columns immutable, or none"
        ),
        (
            "{features: {own: {bounds: [0, 1]}}, one_hot: [{name: h, columns: [own, rent]}]}",
            "c.yaml:1:13: feature 'own': 'bounds' does not apply to a column of a one-hot group [invalid-setting]\n"
                + "  help: keep 'immutable' at most"
        ),
    ]
    @Test(arguments: mistakes) func refuses(yaml: String, expected: String) { #expect(failure(yaml) == expected) }

    @Test func oneHotGroupsAreCheckedAgainstTheData() throws {
        let declaration = try declaration("one_hot: [{name: h, columns: [own, rent, free]}]")
        try declaration.checkOneHot(matrix, file: "train.csv")
        var broken = matrix
        broken.values[8 * 3 + 5] = 1
        #expect(
            throws: CasemateError(
                .mismatch, at: "train.csv:row 4",
                "the columns of the one-hot group 'h' are not exactly one 1 beside zeros",
                help: "correct the row, or remove the group at c.yaml:1:11")
        ) {
            try declaration.checkOneHot(broken, file: "train.csv")
        }
    }

    @Test func trainingRowsObeyTheirOwnSpace() throws {
        let compiled = try compile("one_hot: [{name: h, columns: [own, rent, free]}]")
        for row in 0..<matrix.count {
            var candidate = Array(matrix[row: row])
            compiled.space.project(&candidate, around: matrix[row: row])
            #expect(compiled.space.violations(of: candidate, from: matrix[row: row]).isEmpty)
        }
    }
}
