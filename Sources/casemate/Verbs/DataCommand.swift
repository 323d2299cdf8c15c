import ArgumentParser

/// `casemate data`: everything about training data.
struct DataCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "data",
        abstract: "Audit training data, keep a profile, take poison out, prove where data came from.",
        discussion: """
            casemate data audit train.csv --reference last-quarter.parquet --target default
            casemate data sanitize train.csv --suspects suspects.csv --output clean/
            casemate data register train.csv --source crm --key me.pem
            """,
        subcommands: [
            DataAuditCommand.self, DataProfileCommand.self, DataSanitizeCommand.self, DataRegisterCommand.self,
            DataVerifyCommand.self,
            DataLineageCommand.self,
        ])
}
