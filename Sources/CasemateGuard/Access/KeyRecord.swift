public import Foundation

/// An API key as it is kept: everything but its secret.
public struct KeyRecord: Hashable, Sendable {
    /// What a key may be used for.
    public struct Grant: Hashable, Sendable {
        /// What it may do.
        public var scopes: Set<ClientIdentity.Scope>
        /// Names of the models that it may ask; `nil` for all.
        public var models: Set<String>?
        /// Whose account it belongs to; accounts of one owner are linked.
        public var owner: String?
        /// Rows a second, instead of the configured rate.
        public var rate: Double?
        /// A note for people.
        public var note: String

        /// Makes a grant.
        public init(
            scopes: Set<ClientIdentity.Scope> = [.infer, .metadata], models: Set<String>? = nil, owner: String? = nil,
            rate: Double? = nil, note: String = ""
        ) {
            (self.scopes, self.models, self.owner, self.rate, self.note) = (scopes, models, owner, rate, note)
        }
    }
    /// How a key stands at a time.
    public enum State: String, Hashable, Sendable, CaseIterable {
        /// It may be used.
        case live
        /// It may still be used; another has taken its place.
        case ending
        /// Its time is over.
        case expired
        /// It was taken back.
        case revoked
    }
    /// Its identifier: 12 characters, the second part of the key.
    public let id: String
    /// Name of the client; two keys of a name may be live while one replaces the other.
    public let name: String
    /// What it may be used for.
    public let grant: Grant
    /// When it was made.
    public let created: Date
    /// When it ends; `nil` for never.
    public let expires: Date?
    /// When it was taken back.
    public let revoked: Date?
    /// When another key took its place.
    public let rotated: Date?

    /// How it stands.
    public func state(at now: Date) -> State {
        if revoked != nil { return .revoked }
        if let expires, expires <= now { return .expired }
        return rotated == nil ? .live : .ending
    }
}
