import CasemateCore
import Crypto
import Foundation
import Synchronization

/// Sign-ins to the pages: a random cookie for each, kept in memory, at most 100 of them, eight hours long.
public final class AdminSessions: Sendable {
    /// One sign-in.
    public struct Session: Sendable, Hashable {
        /// Who signed in.
        public let client: String
        /// Must come back in every form, so that another site cannot post in the person's name.
        public let formToken: String
        let end: UInt64
    }
    /// Name of the cookie.
    public static let cookie = "casemate_session"
    private static let most = 100, lifetime: UInt64 = 8 * 3_600 * 1_000_000_000
    private let sessions = Mutex<[String: Session]>([:])
    private let clock: any GuardClock

    /// Makes an empty table.
    public init(clock: any GuardClock) { self.clock = clock }

    /// Begins a session; gives the value of its cookie.
    public func begin(for client: String) -> String {
        let (cookie, form) = (Self.random(), Self.random())
        let now = clock.monotonic
        sessions.withLock { sessions in
            sessions = sessions.filter { $0.value.end > now }
            if sessions.count >= Self.most, let oldest = sessions.min(by: { $0.value.end < $1.value.end }) {
                sessions[oldest.key] = nil
            }
            sessions[Self.stored(cookie)] = Session(client: client, formToken: form, end: now &+ Self.lifetime)
        }
        return cookie
    }
    /// The session of a cookie; `nil` where there is none or it has ended.
    public func session(_ cookie: String?) -> Session? {
        guard let cookie, cookie.utf8.count == 64 else { return nil }
        let now = clock.monotonic
        return sessions.withLock { sessions in sessions[Self.stored(cookie)].flatMap { $0.end > now ? $0 : nil } }
    }
    /// Ends a session.
    public func end(_ cookie: String?) {
        guard let cookie else { return }
        sessions.withLock { $0[Self.stored(cookie)] = nil }
    }

    /// The hash that is looked up, so that the time of the look-up tells nothing of a cookie.
    private static func stored(_ cookie: String) -> String {
        Hexadecimal.text(of: SHA256.hash(data: Data(cookie.utf8)))
    }
    private static func random() -> String {
        var generator = SystemRandomNumberGenerator()
        return Hexadecimal.text(of: (0..<32).map { _ in UInt8.random(in: 0...255, using: &generator) })
    }
}
