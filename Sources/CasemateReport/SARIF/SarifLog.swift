/// The members of SARIF 2.1.0 that Casemate writes; what is `nil` is left out, never written as null.
///
/// Source: OASIS, Static Analysis Results Interchange Format 2.1.0, section 3.
struct SarifLog: Encodable {
    let schema = "https://json.schemastore.org/sarif-2.1.0.json"
    let version = "2.1.0"
    let runs: [Run]

    enum CodingKeys: String, CodingKey {
        case schema = "$schema"
        case version, runs
    }

    struct Run: Encodable {
        let tool: Tool
        let automationDetails: Automation
        let invocations: [Invocation]
        let artifacts: [Artifact]
        let columnKind = "unicodeCodePoints"
        let results: [Result]
        let properties: [String: String]
    }

    struct Text: Encodable, Hashable { let text: String }

    struct Tool: Encodable { let driver: Driver }

    struct Driver: Encodable {
        let name = "Casemate"
        let semanticVersion: String
        let version: String
        let rules: [Rule]
    }

    struct Rule: Encodable {
        let id: String
        let name: String
        let shortDescription: Text
        let fullDescription: Text
        let help: Text
        let defaultConfiguration: Configuration
        let properties: RuleProperties
    }

    struct Configuration: Encodable { let level: String }

    struct RuleProperties: Encodable {
        let tags: [String]
        let precision = "high"
        let securitySeverity: String?

        enum CodingKeys: String, CodingKey {
            case tags, precision
            case securitySeverity = "security-severity"
        }
    }

    struct Automation: Encodable { let id: String }

    struct Invocation: Encodable {
        let executionSuccessful: Bool
        let exitCode: Int32
        let startTimeUtc: String?
        let toolExecutionNotifications: [Notification]
    }

    struct Notification: Encodable {
        let level: String
        let message: Text
    }

    struct Artifact: Encodable, Hashable {
        let location: ArtifactLocation
        let length: Int
        let hashes: [String: String]
        let description: Text
    }

    struct ArtifactLocation: Encodable, Hashable { let uri: String }

    struct Result: Encodable {
        let ruleId: String
        let ruleIndex: Int
        let kind: String
        let level: String
        let message: Text
        let locations: [Location]
        let partialFingerprints: [String: String]
        let suppressions: [Suppression]?
    }

    struct Suppression: Encodable {
        let kind = "external"
        let status = "accepted"
        let justification: String
    }

    struct Location: Encodable { let physicalLocation: PhysicalLocation }

    struct PhysicalLocation: Encodable {
        let artifactLocation: ArtifactLocation
        let region: Region
    }

    struct Region: Encodable {
        let startLine: Int
        let byteOffset: Int?
        let byteLength: Int?
    }
}
