import CasemateCore
import CasemateData
import CasemateDetect
import Foundation
import TestSupport
import Testing

/// Opens made and real tables for tests of profiles.
enum ProfileSupport {
    static func engine(threads: Int = 2) throws -> DataEngine { try DataEngine(Repository.engines, threads: threads) }

    /// Tables made by SQL and opened as Parquet; the first is the training data.
    static func tables(_ queries: [(name: String, sql: String)], threads: Int = 2) throws -> [DataTable] {
        try withTables(queries, storage: .memory, threads: threads) { $0 }
    }

    /// The same while the files are there, for tables that are read where they lie.
    static func withTables<Value>(
        _ queries: [(name: String, sql: String)], storage: DataStorage = .scan, threads: Int = 2,
        _ body: ([DataTable]) throws -> Value
    ) throws -> Value {
        try Repository.withTemporaryFolder { folder in
            let database = try DuckDatabase(Repository.engines)
            for query in queries {
                try database.execute(
                    "COPY (\(query.sql)) TO '\(folder)/\(query.name).parquet' (FORMAT parquet)", for: query.name)
            }
            return try body(
                try engine(threads: threads).open(
                    queries.map { DataSource(path: "\(folder)/\($0.name).parquet", name: $0.name) }, storage: storage))
        }
    }

    /// Runs the check on training data beside a reference.
    static func check(
        _ train: DataTable, _ reference: DataTable? = nil, roles: DataSubject.Roles = DataSubject.Roles(),
        rules: [String] = [], profile: DataProfile? = nil, context: RunContext = RunContext(seed: 1, threads: 2)
    ) throws -> DataCheckResult {
        var opening = DataOpening(train: train, reference: reference)
        opening.roles = roles
        opening.constraints = try rules.map { try ConstraintRule($0, columns: train.columns, at: "test") }
        var check = DataProfileCheck()
        check.profile = profile
        return try check.run(on: try opening.subject(name: "test"), context: context)
    }

    /// Rules of the findings, with what they are about.
    static func rules(_ result: DataCheckResult, from severity: Severity = .low) -> [String] {
        result.outcome.findings.filter { $0.severity >= severity }.map {
            $0.id.replacing("data_profile.", with: "")
        }
    }

    /// The real data sets, each with its target.
    static let real: [(name: String, path: String, target: String)] = [
        ("taiwan", "tabular/taiwan_credit_default.csv.gz", "default_payment_next_month"),
        ("german", "tabular/german_credit.csv", "class"),
        ("spambase", "tabular/spambase.csv.gz", "spam"), ("sms", "text/sms_spam_collection.tsv.gz", "label"),
        ("mortgage", "", "approve"),
    ]
}
