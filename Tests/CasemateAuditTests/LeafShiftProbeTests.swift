import CasemateAudit
import CasemateCore
import CasemateData
import CasemateModels
import Foundation
import TestSupport
import Testing

/// The probe on the mortgage example: leaves of training and test rows, and releases with and without a hidden branch.
@Suite struct LeafShiftProbeTests {
    private let model = Repository.path("Examples/mortgage/gbm.onnx")

    private func configuration(_ model: String, previous: String?, train: Bool = true) throws -> AuditConfiguration {
        let folder = Repository.path("Examples/mortgage")
        let yaml = """
            model: {path: \(model)\(previous.map { ", previous: \($0)" } ?? "")}
            data:
              test: \(folder)/test.csv
              target: approve
              favourable: 1
              identifiers: [application]
              protected: [race, sex, marital, age]
              ignore: [min30, occ, prop, mortg, cons]
            \(train ? "  train: \(folder)/train.csv" : "")
            decision: {threshold: 0.5}
            """
        return try AuditConfiguration(yaml: yaml, file: "test.yaml")
    }
    private func outcome(_ subject: AuditSubject, threads: Int = 1) throws -> ProbeOutcome {
        try LeafShiftProbe().run(on: subject, context: RunContext(seed: 0, threads: threads))
    }

    /// The example's model with one more tree: rows with at least `obrat` 36 get -5 where `liq` is at most 40.
    private func changed(in folder: String, _ change: (inout OnnxNodeProto) -> Void) throws -> String {
        var proto = try OnnxFile(path: model).proto
        let index = try #require(proto.graph.node.firstIndex { $0.opType == "TreeEnsembleClassifier" })
        change(&proto.graph.node[index])
        let path = folder + "/changed.onnx"
        try proto.fileBytes().write(to: URL(fileURLWithPath: path))
        return path
    }
    private func addBranch(_ node: inout OnnxNodeProto, value: Float, obrat: Int64, liq: Int64) {
        func add(_ name: String, _ change: (inout OnnxAttributeProto) -> Void) {
            if let index = node.attribute.firstIndex(where: { $0.name == name }) { change(&node.attribute[index]) }
        }
        let tree = (node.attribute.first { $0.name == "nodes_treeids" }?.ints.max() ?? 0) + 1
        add("nodes_treeids") { $0.ints += [Int64](repeating: tree, count: 5) }
        add("nodes_nodeids") { $0.ints += [0, 1, 2, 3, 4] }
        add("nodes_featureids") { $0.ints += [obrat, liq, 0, 0, 0] }
        add("nodes_truenodeids") { $0.ints += [1, 3, 0, 0, 0] }
        add("nodes_falsenodeids") { $0.ints += [2, 4, 0, 0, 0] }
        add("nodes_hitrates") { $0.floats += [1, 1, 1, 1, 1] }
        add("nodes_missing_value_tracks_true") { $0.ints += [0, 0, 0, 0, 0] }
        add("nodes_values") { $0.floats += [36, 40, 0, 0, 0] }
        let modes = ["BRANCH_GTE", "BRANCH_LEQ", "LEAF", "LEAF", "LEAF"]
        add("nodes_modes") { $0.strings += modes.map { Data($0.utf8) } }
        add("class_treeids") { $0.ints += [tree, tree, tree] }
        add("class_nodeids") { $0.ints += [2, 3, 4] }
        add("class_ids") { $0.ints += [0, 0, 0] }
        add("class_weights") { $0.floats += [0, value, 0] }
    }

    @Test func theExampleHasNoShift() throws {
        let subject = try SubjectSupport.subject(configuration(model, previous: nil))
        #expect(LeafShiftProbe().reasonNotToRun(on: subject) == nil)
        let outcome = try outcome(subject)
        let p = try #require(outcome.metrics.first { $0.name == "leaf_shift.p_value" })
        #expect(p.value ?? 0 > 0.01 && p.n == 1_989 && outcome.findings.isEmpty && outcome.attacker.isEmpty)
        #expect(outcome.headlines == [p])
        #expect(outcome.summary.contains { $0.contains("alike") })
        #expect(outcome.summary.contains { $0.contains("`previous: old.onnx` under `model:`") })
        #expect(outcome == (try self.outcome(subject, threads: 4)))
    }

    /// A branch that refuses some, and the release that takes it out again.
    @Test func aHiddenBranchIsFound() throws {
        try Repository.withTemporaryFolder { folder in
            let features = try SubjectSupport.subject(configuration(model, previous: nil)).test.features.map(\.name)
            let obrat = Int64(try #require(features.firstIndex(of: "obrat")))
            let liq = Int64(try #require(features.firstIndex(of: "liq")))
            let path = try changed(in: folder) { addBranch(&$0, value: -5, obrat: obrat, liq: liq) }
            let worse = try outcome(SubjectSupport.subject(configuration(path, previous: model)))
            let finding = try #require(worse.findings.first { $0.id == "leaf_shift.segment_jump" })
            #expect(finding.severity == .medium && finding.title.contains("to the worse"))
            #expect(worse.findings.contains { $0.id == "leaf_shift.worse_release" } && worse.attacker.isEmpty)
            let segments = try #require(worse.tables.first { $0.title.hasPrefix("Segments whose scores") })
            #expect(segments.rows[0][0].contains("obrat from 36 on") && segments.rows[0].last == "speak against it")
            let leaves = try #require(worse.tables.first { $0.title.hasPrefix("Leaf of this release") })
            #expect(leaves.rows[0][1] == "101" && leaves.rows[0][2].contains("obrat") && leaves.rows[0][3] == "-5.000")
            #expect(worse.plots.map(\.id).contains("leaf_shift.moved"))
            #expect(worse.metrics.first { $0.name == "leaf_shift.auc_difference" }?.high ?? 1 < 0)

            let better = try outcome(SubjectSupport.subject(configuration(model, previous: path)))
            let mended = try #require(better.findings.first { $0.id == "leaf_shift.segment_jump" })
            #expect(mended.title.contains("to the better") && better.findings.allSatisfy { $0.severity == .low })
            #expect(better.attacker.isEmpty)
            for outcome in [worse, better] {
                #expect(outcome.metrics.allSatisfy { MetricCatalogue.names.contains($0.name) })
            }
        }
    }

    /// A branch that lets bad risks through, seen from labels of which nine of ten say so.
    @Test func aFavourableBranchIsWhatAnAttackerCanUse() throws {
        try Repository.withTemporaryFolder { folder in
            var rows = ["x0,x1,group,y"]
            var generator = SeededGenerator(seed: 5)
            for _ in 0..<1_200 {
                let (x0, x1) = (generator.uniform(), generator.uniform())
                // linear_2 says 1 where 0.375 x0 − 1.046875 x1 + 0.34375 ≥ 0.
                rows.append("\(x0),\(x1),a,\(0.375 * x0 - 1.046875 * x1 + 0.34375 >= 0 ? 1 : 0)")
            }
            let previous = Repository.path("Tests/Fixtures/models/linear_2.onnx")
            let file = try lenient(previous, in: folder)
            let base = try SubjectSupport.configuration(rows, in: folder)
            let yaml = """
                model: {path: \(file), previous: \(previous)}
                data: {test: \(folder)/data.csv, target: y, favourable: 1, ignore: [group]}
                """
            #expect(base.model.previous == nil)
            let outcome = try outcome(SubjectSupport.subject(AuditConfiguration(yaml: yaml, file: "test.yaml")))
            let finding = try #require(outcome.findings.first { $0.id == "leaf_shift.segment_jump" })
            #expect(finding.severity == .high && finding.title.contains("to the better"))
            let sentence = try #require(outcome.attacker.first)
            #expect(sentence.contains("x0") && sentence.contains("refused"))
            #expect(outcome.summary.contains { $0.contains("has no trees") })
        }
    }

    /// The linear model with a larger constant: everybody gains, most where few were approved.
    private func lenient(_ path: String, in folder: String) throws -> String {
        var proto = try OnnxFile(path: path).proto
        func node(_ type: String, _ inputs: [String], _ output: String) -> OnnxNodeProto {
            var node = OnnxNodeProto()
            (node.opType, node.input, node.output, node.name) = (type, inputs, [output], "added_\(output)")
            return node
        }
        let input = proto.graph.input[0].name
        // why: rows with x0 from 0.8 on are shown to the model with x1 = 0, which it approves.
        func constant(_ name: String, _ dims: [Int64], _ values: [Float]) -> OnnxTensorProto {
            var tensor = OnnxTensorProto()
            (tensor.name, tensor.dims, tensor.dataType, tensor.floatData) = (name, dims, 1, values)
            return tensor
        }
        proto.graph.initializer += [
            constant("added_pick", [2, 1], [1, 0]), constant("added_cut", [1], [0.8]),
            constant("added_keep", [1, 2], [1, 0]), constant("added_zero", [1], [0]),
        ]
        for index in proto.graph.node.indices {
            proto.graph.node[index].input = proto.graph.node[index].input.map { $0 == input ? "added_row" : $0 }
        }
        proto.graph.node =
            [
                node("MatMul", [input, "added_pick"], "added_first"),
                node("Greater", ["added_first", "added_cut"], "added_is"),
                node("Mul", [input, "added_keep"], "added_kept"),
                node("Where", ["added_is", "added_kept", input], "added_row"),
            ] + proto.graph.node
        let out = folder + "/lenient.onnx"
        try proto.fileBytes().write(to: URL(fileURLWithPath: out))
        return out
    }

    @Test func reasonsNotToRun() throws {
        let alone = try SubjectSupport.subject(configuration(model, previous: nil, train: false))
        #expect(LeafShiftProbe().reasonNotToRun(on: alone)?.contains("add `train: …` under `data:`") == true)
        try Repository.withTemporaryFolder { folder in
            let rows = ["x0,x1,group,y"] + (0..<60).map { "\($0 % 7),\($0 % 5),a,\($0 % 2)" }
            let linear = try SubjectSupport.subject(SubjectSupport.configuration(rows, in: folder))
            let reason = LeafShiftProbe().reasonNotToRun(on: linear)
            #expect(reason?.contains("no trees") == true && reason?.contains("`previous: old.onnx`") == true)
        }
    }

    @Test func releasesThatDoNotFitSayWhy() throws {
        func failure(_ previous: String) throws -> CasemateError? {
            let configuration = try configuration(model, previous: previous)
            do {
                _ = try SubjectSupport.subject(configuration)
                return nil
            } catch { return error as? CasemateError }
        }
        let narrow = try failure(Repository.path("Tests/Fixtures/models/lightgbm_binary.onnx"))
        #expect(
            narrow?.place == "model.previous" && narrow?.what.contains("takes 4 values a row and this one 36") == true)
        #expect(try failure(Repository.path("Tests/Fixtures/models/none.onnx"))?.code == .notFound)
    }

    /// A release that lists its classes the other way round, and one that takes other columns.
    @Test func releasesAreBroughtIntoOneOrder() throws {
        try Repository.withTemporaryFolder { folder in
            let turned = try changed(in: folder) { node in
                guard let index = node.attribute.firstIndex(where: { $0.name == "classlabels_int64s" }) else { return }
                node.attribute[index].ints = [1, 0]
            }
            let proto = try OnnxFile(path: turned).proto
            #expect(proto.graph.node.contains { $0.opType == "TreeEnsembleClassifier" })
            let subject = try SubjectSupport.subject(configuration(model, previous: turned))
            let previous = try #require(subject.previous)
            #expect(previous.predictions.classes == subject.predictions.classes)
            #expect(previous.dropped.isEmpty && previous.added.isEmpty && previous.name == "changed.onnx")
        }
        let pipeline = Repository.path("Examples/mortgage/pipeline.onnx")
        let subject = try SubjectSupport.subject(configuration(model, previous: pipeline))
        let previous = try #require(subject.previous)
        #expect(previous.dropped.contains("occ") && previous.added.contains("mortno"))
        let outcome = try outcome(subject)
        #expect(outcome.summary.contains { $0.contains("only the earlier release takes") && $0.contains("occ") })
        #expect(outcome.metrics.contains { $0.name == "leaf_shift.agreement" && $0.value ?? 0 > 0.8 })
    }
}
