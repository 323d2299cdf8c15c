/// Anything that stops Casemate and that a user, a file or a network caused: a stable code, where, what, how to mend it.
///
/// Printed as `place: what [code]` and one `help:` line. Never holds a data row, a secret or a prompt.
public struct CasemateError: Error, Hashable, Sendable, CustomStringConvertible {
    /// A stable kind of failure that scripts match on; new kinds may come in any release.
    public struct Code: Hashable, Sendable, RawRepresentable {
        /// The name as printed in brackets, in kebab case.
        public let rawValue: String
        /// Makes a code from its printed name.
        public init(rawValue: String) { self.rawValue = rawValue }
        /// A file, folder or engine that is named but not there.
        public static let notFound = Code(rawValue: "not-found")
        /// A file that exists and cannot be read.
        public static let unreadable = Code(rawValue: "unreadable")
        /// A file or folder that cannot be written.
        public static let unwritable = Code(rawValue: "unwritable")
        /// Content that does not follow its format.
        public static let malformed = Code(rawValue: "malformed")
        /// Content that follows its format and is not served.
        public static let unsupported = Code(rawValue: "unsupported")
        /// A setting that makes no sense, alone or beside another.
        public static let invalidSetting = Code(rawValue: "invalid-setting")
        /// A key that the grammar does not know.
        public static let unknownKey = Code(rawValue: "unknown-key")
        /// A key that the grammar fixes and that no release serves yet.
        public static let notYet = Code(rawValue: "not-yet")
        /// Data that do not fit the model or the declaration.
        public static let mismatch = Code(rawValue: "mismatch")
        /// Data that cannot carry the work, such as a constant target.
        public static let unusableData = Code(rawValue: "unusable-data")
        /// A native engine that is missing or refuses to load.
        public static let engineMissing = Code(rawValue: "engine-missing")
        /// A native engine that failed at its work.
        public static let engineFailed = Code(rawValue: "engine-failed")
        /// A bound on size, depth or time that an input exceeds.
        public static let limitExceeded = Code(rawValue: "limit-exceeded")
        /// A file refused because it could do harm.
        public static let refused = Code(rawValue: "refused")
    }
    /// What scripts match on; the other fields are for people.
    public let code: Code
    /// The place: a file with line or byte, a node, a row, an option.
    public let place: String
    /// What is wrong there, a lower-case clause without full stop.
    public let what: String
    /// How to mend it, one line; empty when there is nothing to say.
    public let help: String
    /// Makes an error from its four parts.
    public init(_ code: Code, at place: String, _ what: String, help: String) {
        (self.code, self.place, self.what, self.help) = (code, place, what, help)
    }
    /// Place, message and help, as the command line prints them.
    public var description: String {
        (place.isEmpty ? "" : "\(place): ") + "\(what) [\(code.rawValue)]" + (help.isEmpty ? "" : "\n  help: \(help)")
    }
}
