import CasemateAudit
import CasemateCore
import Foundation
import TestSupport

/// Subjects for tests: the linear model of two features on made tables.
enum SubjectSupport {
    /// A configuration over `rows` (header first) in `folder`, for a model of the fixtures.
    static func configuration(
        _ rows: [String], model: String = "models/linear_2.onnx", in folder: String, extra: String = ""
    ) throws -> AuditConfiguration {
        try (rows.joined(separator: "\n") + "\n")
            .write(toFile: folder + "/data.csv", atomically: true, encoding: .utf8)
        let yaml = """
            model: \(Repository.path("Tests/Fixtures/" + model))
            data: {train: \(folder)/data.csv, test: \(folder)/data.csv, target: y, favourable: 1, protected: [group]}
            \(extra)
            """
        return try AuditConfiguration(yaml: yaml, file: "test.yaml")
    }

    /// Runs an audit over the configuration.
    static func audit(_ configuration: AuditConfiguration, seed: UInt64 = 0) throws -> Report {
        try configuration.validate()
        return try Audit(configuration, search: Repository.engines)
            .run(context: RunContext(seed: seed, threads: 1), command: "test", started: Date()).report
    }

    /// Loads a subject.
    static func subject(_ configuration: AuditConfiguration) throws -> AuditSubject {
        try SubjectLoader(configuration, search: Repository.engines, context: RunContext()).load().subject
    }
}
