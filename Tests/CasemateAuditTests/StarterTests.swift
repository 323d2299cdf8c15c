import CasemateAudit
import CasemateCore
import CasemateData
import CasemateModels
import Foundation
import TestSupport
import Testing

/// `casemate init` writes files that load, run, and say what they rest on.
struct StarterTests {
    /// Makes a draft; data are written to `folder` where rows are given.
    static func draft(
        model: String, rows: [String], in folder: String, train: [String]? = nil, target: String? = nil
    ) throws -> ConfigurationStarter.Draft {
        func write(_ rows: [String], _ name: String) throws -> String {
            try (rows.joined(separator: "\n") + "\n").write(
                toFile: folder + "/" + name, atomically: true, encoding: .utf8)
            return folder + "/" + name
        }
        let model = model.hasPrefix("/") ? model : Repository.path("Tests/Fixtures/models/\(model)")
        return try ConfigurationStarter(
            model: model, test: write(rows, "test.csv"), train: train.map { try write($0, "train.csv") },
            target: target,
            file: folder + "/casemate.yaml"
        ).draft(search: Repository.engines, context: RunContext())
    }

    /// Reads a draft as the file that it will be.
    static func configuration(_ text: String, in folder: String) throws -> AuditConfiguration {
        try text.write(toFile: folder + "/casemate.yaml", atomically: true, encoding: .utf8)
        let configuration = try AuditConfiguration(contentsOf: folder + "/casemate.yaml")
        try configuration.validate()
        return configuration
    }

    /// Runs the gate, the performance and the fairness probe over a draft.
    static func audit(_ text: String, in folder: String) throws -> Report {
        var configuration = try configuration(text, in: folder)
        let quick: Set<String> = ["file", "performance", "fairness"]
        configuration.probes.disabled = Set(builtInProbes.map { $0.identifier }).subtracting(quick)
        return try Audit(configuration, search: Repository.engines)
            .run(context: RunContext(threads: 2), command: "test", started: Date()).report
    }

    /// Rows of the linear model `linear_2`, with a label that follows a threshold, and columns beside.
    static func rows(_ count: Int = 120, extra: (Int) -> String = { _ in "" }, header: String = "") -> [String] {
        var generator = SeededGenerator(seed: 5, stream: 1)
        let lines = (0..<count).map { row -> String in
            let (a, b) = (Double.random(in: -2...2, using: &generator), Double.random(in: -2...2, using: &generator))
            return "\(a),\(b),\(0.375 * a - 1.046875 * b + 0.34375 > 0 ? 1 : 0)" + extra(row)
        }
        return ["a,b,y" + header] + lines
    }

    // MARK: Mortgage

    static let mortgage = Result {
        try ConfigurationStarter(
            model: Repository.path("Examples/mortgage/gbm.onnx"), test: Repository.path("Examples/mortgage/test.csv"),
            train: Repository.path("Examples/mortgage/train.csv"),
            file: Repository.path("Examples/mortgage/starter.yaml")
        ).draft(search: Repository.engines, context: RunContext())
    }

    @Test func mortgageIsFoundOut() throws {
        let draft = try Self.mortgage.get()
        #expect(draft.target == "approve" && draft.favourable == "1")
        #expect(draft.features.count == 36 && draft.features.first == "loanamt" && draft.features.last == "chist")
        #expect(draft.identifiers == ["application"])
        #expect(draft.protected == ["race", "sex", "marital", "age"])
        #expect(draft.ignored == ["occ", "prop", "mortg", "cons", "min30"])
        #expect(draft.text.contains("columns: [mortno, mortperf, mortlat1, mortlat2]"))
        #expect(draft.text.contains("path: gbm.onnx\n") && draft.text.contains("train: train.csv\n"))
        #expect(draft.text.contains("#   - performance.auc >= 0."))
        for probe in builtInProbes { #expect(draft.text.contains("#   \(probe.identifier):")) }
        let width = draft.text.split(separator: "\n").map(\.count).max() ?? 0
        #expect(width <= 110, "a line of \(width)")
    }

    @Test func mortgageRunsAsItIs() throws {
        try Repository.withTemporaryFolder { folder in
            for name in ["gbm.onnx", "train.csv", "test.csv"] {
                try FileManager.default.copyItem(
                    atPath: Repository.path("Examples/mortgage/\(name)"), toPath: folder + "/" + name)
            }
            let report = try Self.audit(Self.mortgage.get().text, in: folder)
            let tested = report.coverage.filter { $0.status == .tested }.map(\.probe)
            #expect(tested == ["file", "performance", "fairness"])
            #expect(report.metrics.contains { $0.name == "fairness.air" && $0.value != nil })
        }
    }

    /// Whatever was left as a comment is a setting that holds, once the sign before it is gone.
    @Test func everyLineThatIsOffCanBeTurnedOn() throws {
        try Repository.withTemporaryFolder { folder in
            for name in ["gbm.onnx", "train.csv", "test.csv"] {
                try FileManager.default.copyItem(
                    atPath: Repository.path("Examples/mortgage/\(name)"), toPath: folder + "/" + name)
            }
            let draft = try Self.mortgage.get()
            let keys = Set(
                draft.features + builtInProbes.map { $0.identifier }
                    + ["features", "constraints", "probes", "rules", "positive"])
            let off = draft.text.split(separator: "\n", omittingEmptySubsequences: false).map { line -> Substring in
                let bare = line.drop { $0 == " " }
                guard bare.hasPrefix("# ") else { return line }
                let rest = bare.dropFirst(2), word = rest.drop { $0 == " " }
                let isKey = keys.contains(String(word.prefix { $0 != ":" })) && word.contains(":")
                let isInner = rest.hasPrefix("  ") && !word.hasPrefix("#")
                return isKey || isInner ? line.prefix(line.count - bare.count) + rest : line
            }
            let configuration = try Self.configuration(off.joined(separator: "\n"), in: folder)
            #expect(configuration.featureSpace.features.count == 36)
            #expect(configuration.constraints.count >= 1)
            #expect(configuration.policy.rules.count >= 3)
            #expect(configuration.origins["probes.evasion.samples"] != nil)
        }
    }

    // MARK: Other forms

    @Test func columnsByNameAndTexts() throws {
        try Repository.withTemporaryFolder { folder in
            let report = try Self.fromFixture("sk_columns_logistic", in: folder)
            #expect(report.coverage.contains { $0.probe == "performance" && $0.status == .tested })
        }
    }

    @Test(arguments: [
        "sk_random_forest_multiclass", "sk_hist_gradient_regressor", "sk_label_only_string", "torch_single_raw",
    ])
    func otherTasks(model: String) throws {
        try Repository.withTemporaryFolder { folder in
            let report = try Self.fromFixture(model, in: folder)
            #expect(report.coverage.contains { $0.probe == "performance" && $0.status == .tested })
        }
    }

    /// A draft for a fixture on rows that are made from its own, with its answers as the target.
    static func fromFixture(_ name: String, in folder: String) throws -> Report {
        let index = try JSONSerialization.jsonObject(with: Repository.fixture("models/index.json")) as? [String: Any]
        let models = index?["models"] as? [[String: Any]] ?? []
        let entry = try #require(models.first { $0["file"] as? String == name + ".onnx" })
        let rows = try StarterFixture(entry).rows
        let draft = try Self.draft(model: name + ".onnx", rows: rows, in: folder)
        #expect(draft.target == "target")
        return try audit(draft.text, in: folder)
    }

    @Test func oneFileSaysWhatTrainingDataWouldAdd() throws {
        try Repository.withTemporaryFolder { folder in
            let draft = try Self.draft(model: "linear_2.onnx", rows: Self.rows(), in: folder)
            #expect(draft.text.contains("# train: train.csv") && draft.text.contains("With the training data"))
            #expect(draft.target == "y" && draft.favourable == nil && draft.features == ["a", "b"])
            #expect(draft.text.contains("# favourable: 0  # ") && draft.text.contains("# favourable: 1  # "))
            #expect(!draft.text.contains("\n  favourable"))
            #expect(try Self.audit(draft.text, in: folder).coverage.contains { $0.probe == "performance" })
        }
    }

    @Test func columnsBesideGetRoles() throws {
        try Repository.withTemporaryFolder { folder in
            let header = ",customer_id,Geschlecht,age,loan_age,sample_weight,created,branch,note"
            let rows = Self.rows(
                extra: { row in
                    ",C\(row),\(["m", "w"][row % 2]),\(18 + row % 60),\(row % 7),1.5,2024-01-\(10 + row % 20),"
                        + "\(["north", "south"][row % 2]),text \(row % 3)"
                }, header: header)
            let draft = try Self.draft(model: "linear_2.onnx", rows: rows, in: folder)
            #expect(draft.features == ["a", "b"])
            #expect(draft.identifiers == ["customer_id"])
            #expect(draft.protected == ["Geschlecht", "age"])
            #expect(draft.ignored == ["loan_age", "sample_weight", "note"])
            #expect(draft.text.contains("{column: age, buckets: [25, 40, 60]}"))
            #expect(draft.text.contains("  time: created\n") && draft.text.contains("  source: branch\n"))
            #expect(draft.text.contains("# weights: sample_weight"))
            let configuration = try Self.configuration(draft.text, in: folder)
            #expect(configuration.data.protected.map(\.buckets) == [[], [25, 40, 60]])
        }
    }

    @Test func markersBetweenNumbersAreMissingValues() throws {
        try Repository.withTemporaryFolder { folder in
            let rows = Self.rows(extra: { $0 % 9 == 0 ? ",?" : ",\($0 % 5)" }, header: ",age")
            let draft = try Self.draft(model: "linear_2.onnx", rows: rows, in: folder)
            #expect(draft.text.contains("missing: [\"?\"]") && draft.protected == ["age"])
            #expect(try Self.configuration(draft.text, in: folder).data.missing == ["?"])
        }
    }

    /// Names that would end a value, start a comment, name an anchor or hide in the terminal.
    @Test func hostileNamesStayNames() throws {
        let names = [
            "a: b", "x # y", "\"quoted\"", "it's", "- dash", "{brace}", "[list], more", "*alias", "&alias", "? key",
            "@at",
            "100", "true", "null", "tab\there", "line\nbreak", "\u{202E}evil", "e\u{301}", "back\\slash", "~", "größe",
            "ノート", "👩‍🔬", "sex: 'f'", "  spaced ", "%", "!tag", "|", ">", "`tick`",
        ]
        try Repository.withTemporaryFolder { folder in
            let quoted = names.map { "\"" + $0.replacing("\"", with: "\"\"") + "\"" }
            let rows = Self.rows(
                extra: { row in "," + names.map { _ in ["u", "v"][row % 2] }.joined(separator: ",") },
                header: "," + quoted.joined(separator: ","))
            let draft = try Self.draft(model: "linear_2.onnx", rows: rows, in: folder, target: "y")
            let configuration = try Self.configuration(draft.text, in: folder)
            let roles = configuration.data.ignore + configuration.data.protected.map(\.column)
            #expect(Set(roles) == Set(names))
            #expect(try Self.audit(draft.text, in: folder).coverage.contains { $0.probe == "performance" })
            for scalar in draft.text.unicodeScalars where scalar != "\n" {
                #expect(scalar.value >= 0x20 && scalar.value != 0x202E)
            }
        }
    }

    /// The same as features, which become keys of the feature space and columns of rules.
    @Test func hostileFeaturesStayKeys() throws {
        try Repository.withTemporaryFolder { folder in
            var rows = Self.rows(
                150, extra: { row in ",\(row)" }, header: ",id")
            rows[0] = "\"sex: #1\",\"&b \"\"x\"\" {\",y,id"
            let draft = try Self.draft(model: "linear_2.onnx", rows: rows, in: folder)
            #expect(draft.features == ["sex: #1", "&b \"x\" {"])
            let configuration = try Self.configuration(draft.text, in: folder)
            #expect(configuration.featureSpace.features.keys.sorted() == ["sex: #1"])
            #expect(configuration.model.features == draft.features)
        }
    }

    /// All but a byte order mark in front, which the YAML library drops.
    @Test func anyNameReadsBackTheSame() throws {
        var generator = SeededGenerator(seed: 11, stream: 0)
        let alphabet = Array(
            "ab1 :#-,[]{}\"'&*!|>%@`\\\t\n\r\u{85}\u{A0}\u{200D}\u{202E}\u{2028}é\u{301}ß😀~?=.+_/\u{7}\u{1B}"
                .unicodeScalars)
        for _ in 0..<400 {
            let count = Int.random(in: 1...12, using: &generator)
            let name = (0..<count).map { _ in
                String(alphabet[Int.random(in: 0..<alphabet.count, using: &generator)])
            }.joined()
            let text = StarterYaml.scalar(name)
            let yaml =
                "data: {ignore: [\(text), other], target: \(text)}\nfeature_space: {features: {\(text): {immutable: true}}}"
            let read = try AuditConfiguration(yaml: yaml, file: "t.yaml")
            #expect(read.data.ignore.first == name && read.data.target == name, "\(text)")
            #expect(read.featureSpace.features.keys.first == name, "\(text)")
        }
    }

    // MARK: Rules

    @Test func onlyOrderingsThatMeanSomethingAreSuggested() throws {
        try Repository.withTemporaryFolder { folder in
            var generator = SeededGenerator(seed: 2, stream: 0)
            let extra = (0..<200).map { _ -> String in
                let low = Double.random(in: 0...100, using: &generator)
                let high = low + Double.random(in: 0...50, using: &generator)
                let almost = Double.random(in: 0...1, using: &generator) < 0.99 ? high + 1 : low - 1
                return ",\(low),\(high),\(almost),\(1000 + low)"
            }
            let rows = Self.rows(200, extra: { extra[$0] }, header: ",low,high,almost,far")
            let text = try Self.draft(model: "linear_2.onnx", rows: rows, in: folder, target: "y").text
            #expect(text.contains("#   - row.low <= row.high"))
            #expect(!text.contains("row.almost") && !text.contains("<= row.far"))
            #expect(text.contains("#   # holds in all 200 rows"))
            let few = Array(rows.prefix(60))
            let short = try Self.draft(model: "linear_2.onnx", rows: few, in: folder, target: "y").text
            #expect(!short.contains("row.low <= row.high"))
        }
    }

    // MARK: What cannot be done

    @Test func severalTargetsAreNamed() throws {
        try Repository.withTemporaryFolder { folder in
            var rows = Self.rows(extra: { ",\($0 % 2)" }, header: ",flag")
            rows[0] = "a,b,result,outcome"
            let error = #expect(throws: CasemateError.self) {
                try Self.draft(model: "linear_2.onnx", rows: rows, in: folder)
            }
            #expect(error?.what == "several columns could be what the model predicts: 'result', 'outcome'")
            #expect(error?.help.contains("--target") == true)
            let named = try Self.draft(model: "linear_2.onnx", rows: rows, in: folder, target: "outcome")
            #expect(named.target == "outcome")
        }
    }

    @Test func errorsSayWhatIsMissing() throws {
        try Repository.withTemporaryFolder { folder in
            func code(_ model: String, _ rows: [String], target: String? = nil) -> CasemateError.Code? {
                do {
                    _ = try Self.draft(model: model, rows: rows, in: folder, target: target)
                    return nil
                } catch { return (error as? CasemateError)?.code }
            }
            #expect(code("no_such_model.onnx", Self.rows()) == .notFound)
            #expect(code("linear_2.onnx", ["a,b", "1,2.5", "2,1", "3,4"]) == .mismatch)
            #expect(code("linear_2.onnx", Self.rows(), target: "z") == .notFound)
            #expect(code("linear_2.onnx", ["a,y", "1,0", "2,1", "3,0", "4,1"]) == .mismatch)
            let missing = ConfigurationStarter(
                model: Repository.path("Tests/Fixtures/models/linear_2.onnx"), test: folder + "/none.csv")
            #expect(throws: CasemateError.self) {
                try missing.draft(search: Repository.engines, context: RunContext())
            }
        }
    }
}

/// Tables made from the input rows of a model of the fixtures.
struct StarterFixture {
    let rows: [String]

    init(_ entry: [String: Any]) throws {
        let inputs = entry["inputs"] as? [[String: Any]] ?? []
        func flat(_ value: Any?) -> [String] {
            guard let list = value as? [Any] else { return value.map { ["\($0)"] } ?? [] }
            return list.flatMap { flat($0) }
        }
        var columns: [(name: String, cells: [String])] = []
        for input in inputs {
            let cells = flat(input["values"] ?? input["data"])
            let count = (entry["rows"] as? Int) ?? 8
            let width = max(1, cells.count / count)
            for place in 0..<width {
                let name = width == 1 && inputs.count > 1 ? "\(input["name"] ?? "")" : "x\(place)"
                columns.append((name, (0..<count).map { cells[$0 * width + place] }))
            }
        }
        let labels = flat(entry["labels"]), values = flat(entry["values"])
        columns.append(("target", labels.isEmpty ? values : labels))
        let count = columns.last?.cells.count ?? 0
        rows =
            [columns.map(\.name).joined(separator: ",")]
            + (0..<count).map { row in columns.map { $0.cells[row] }.joined(separator: ",") }
    }
}
