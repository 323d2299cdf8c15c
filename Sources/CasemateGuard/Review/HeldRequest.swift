public import Foundation

/// A request that a person is to look at, or has looked at.
public struct HeldRequest: Sendable, Hashable, Identifiable {
    /// What a person says of a request.
    public enum Decision: String, Sendable, Hashable, Codable, CaseIterable {
        /// The request was fine.
        case approve
        /// The request was an attack or a mistake.
        case deny
    }
    /// The guard's identifier of the request.
    public let id: String
    /// Number of its record in the log.
    public let number: Int64
    /// When it was decided.
    public let time: Date
    /// Who asked, as the log keeps it: the identifier, or its keyed hash. Comes from outside: escape it.
    public let client: String
    /// The model that was asked.
    public let model: String
    /// What the stages said, such as `anomaly: score`; stable words of ours.
    public let reasons: [String]
    /// Labels of the answer, as indices.
    public let labels: [Int32]
    /// Status that went out.
    public let status: Int
    /// What was decided last; `nil` while nobody has decided.
    public let decision: Decision?
    /// Note of whoever decided. Comes from outside: escape it.
    public let note: String?
    /// Who decided. Comes from outside: escape it.
    public let who: String?
    /// When it was decided.
    public let decided: Date?
}
