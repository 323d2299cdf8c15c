import CasemateCore
import Foundation

/// Notices that files changed: first by time, size and number of the file, then by SHA-256. A change counts once the file
/// has stood still from one look to the next, so that one that is being written is not taken half.
struct FileWatch: Sendable {
    /// The files that are watched.
    let paths: [String]
    private var facts: [String: FileFacts] = [:]
    private var digests: [String: String] = [:]
    private var isMoving = false

    /// Begins with the files as they are.
    init(_ paths: [String]) {
        self.paths = Set(paths).sorted()
        (facts, digests) = (Self.looked(self.paths), Self.digested(self.paths))
    }

    /// Looks at the files; true when one of them has other contents, or is gone, and none is being changed. Reads changed
    /// files whole: not for a thread that others wait for.
    mutating func hasChanged() -> Bool {
        let now = Self.looked(paths)
        if now != facts {
            (facts, isMoving) = (now, true)
            return false
        }
        guard isMoving else { return false }
        isMoving = false
        let found = Self.digested(paths)
        defer { digests = found }
        return found != digests
    }

    /// What is not there is left out.
    private static func looked(_ paths: [String]) -> [String: FileFacts] {
        paths.reduce(into: [:]) { $0[$1] = FileFacts(path: $1) }
    }
    private static func digested(_ paths: [String]) -> [String: String] {
        paths.reduce(into: [:]) { $0[$1] = try? FileDigest(of: $1).sha256 }
    }
}

/// Work that blocks, such as reading files.
enum Blocking {
    /// Runs it where nobody waits for the thread.
    static func run<Result: Sendable>(_ work: @escaping @Sendable () throws -> Result) async throws -> Result {
        try await withCheckedThrowingContinuation { continuation in
            DispatchQueue.global(qos: .utility).async {
                continuation.resume(with: Swift.Result { try work() })
            }
        }
    }
}
