import CasemateAudit
import CasemateCore
import CasemateData
import Foundation
import TestSupport
import Testing

@Suite struct CertifyJobTests {
    private func certify(_ changes: (inout AuditConfiguration) throws -> Void, plan: CertifyPlan = CertifyPlan()) throws
        -> CertifyJob.Result
    {
        var configuration = AuditConfiguration()
        try changes(&configuration)
        return try CertifyJob(configuration, plan: plan, search: Repository.engines).run(
            context: RunContext(threads: 2), command: "casemate certify", started: Date(timeIntervalSince1970: 0))
    }

    private func set(_ configuration: inout AuditConfiguration, _ key: String, _ value: String) throws {
        try configuration.set(key, value, origin: .option("test"))
    }

    @Test(.enabled(if: Repository.shared != nil), arguments: ["breast_cancer_rf4.xgb.json", "breast_cancer_rf4.onnx"])
    func sharedPointsHaveThePublishedDistances(model: String) throws {
        let folder = (Repository.shared ?? "") + "/data/trees/"
        var plan = CertifyPlan()
        plan.epsilons = [0.3]
        let result = try certify(
            {
                try set(&$0, "model.path", folder + model)
                try set(&$0, "data.test", folder + "breast_cancer_rf4.points.csv")
            }, plan: plan)
        let text = try String(contentsOfFile: folder + "breast_cancer_rf4.rstar.csv", encoding: .utf8)
        let known = text.split(whereSeparator: \.isNewline).dropFirst().map {
            $0.split(separator: ",").compactMap { Double($0) }
        }
        #expect(result.rows.count == known.count)
        for (row, line) in zip(result.rows, known) {
            #expect(row.row == Int(line[0]))
            #expect(row.label?.text == "\(Int(line[1]))" && row.predicted.text == "\(Int(line[2]))")
            #expect(agree(row.lower, line[4], tolerance: 1e-6) && agree(row.upper, line[5], tolerance: 1e-6))
            #expect(row.exact && row.witness?.count == 11 && row.witnessLabel != row.predicted)
            #expect(row.certified["0.3"] == .some((row.lower ?? 0) >= 0.3))
        }
        let robust = result.report.metrics.first { $0.name == "exact_trees.robust_accuracy@0.3" }
        #expect(agree(robust?.value, 0.68, tolerance: 1e-9))
    }

    @Test func aConfigurationBringsItsFeatureSpace() throws {
        var plan = CertifyPlan()
        plan.samples = 20
        let path = Repository.path("Examples/mortgage/casemate.yaml")
        let configuration = try AuditConfiguration(contentsOf: path)
        let result = try CertifyJob(configuration, plan: plan, search: Repository.engines).run(
            context: RunContext(threads: 2), command: "casemate certify", started: Date(timeIntervalSince1970: 0))
        #expect(result.rows.count == 20)
        for row in result.rows { #expect((row.lower ?? .infinity) <= (row.upper ?? .infinity)) }
        #expect(result.rows.contains { $0.exact && $0.witness != nil })
        let json = try result.json(norm: "linf")
        let members = try #require(try JSONSerialization.jsonObject(with: json) as? [String: Any])
        #expect((members["rows"] as? [[String: Any]])?.count == 20 && members["norm"] as? String == "linf")
    }

    @Test func redactionHidesRowsAndWitnesses() throws {
        var plan = CertifyPlan()
        plan.samples = 5
        var configuration = try AuditConfiguration(contentsOf: Repository.path("Examples/mortgage/casemate.yaml"))
        try set(&configuration, "report.redact", "true")
        let result = try CertifyJob(configuration, plan: plan, search: Repository.engines).run(
            context: RunContext(), command: "casemate certify", started: Date(timeIntervalSince1970: 0))
        #expect(result.rows.allSatisfy { $0.row == 0 && $0.witness == nil })
    }

    @Test func whatIsNoTreeIsRefused() throws {
        #expect {
            try certify {
                try set(&$0, "model.path", Repository.path("Examples/digits/cnn.onnx"))
                try set(&$0, "data.test", Repository.path("Examples/digits/test.csv"))
                try set(&$0, "data.target", "label")
            }
        } throws: { ($0 as? CasemateError)?.what.contains("no tree ensemble") ?? false }
        #expect {
            try certify { try set(&$0, "model.path", Repository.path("Examples/mortgage/gbm.onnx")) }
        } throws: { ($0 as? CasemateError)?.help.contains("--data") ?? false }
    }

    @Test func statementsAreReadAndMisspeltOnesRefused() throws {
        #expect(try CertifyPlan.monotone("income:decrease") == .monotone(feature: "income", isIncreasing: false))
        #expect(try CertifyPlan.monotone("income") == .monotone(feature: "income", isIncreasing: true))
        #expect(try CertifyPlan.output("0:0.9") == .output(0...0.9))
        #expect(throws: CasemateError.self) { try CertifyPlan.monotone("income:up") }
        #expect(throws: CasemateError.self) { try CertifyPlan.output("1:0") }
    }
}
