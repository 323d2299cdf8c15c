import CasemateCore
import CasemateGuard
import Foundation
import GRDB
import TestSupport
import Testing

@Suite struct KeyStoreTests {
    private static let now = Date(timeIntervalSince1970: 1_700_000_000)

    @Test func keysAreAddedRotatedRevokedAndNeverShownAgain() throws {
        try Repository.withTemporaryFolder { folder in
            let path = folder + "/keys.sqlite"
            let store = try KeyStore(path)
            let grant = KeyRecord.Grant(
                scopes: [.infer, .metrics], models: ["fraud", "churn"], owner: "finance", rate: 5, note: "it's \"ours\""
            )
            let (text, made) = try store.add(
                "billing", grant, expires: Self.now.addingTimeInterval(10 * 86_400), now: Self.now)
            #expect(made.grant == grant && made.state(at: Self.now) == .live && text.contains(made.id))
            #expect(throws: CasemateError.self) { try store.add("billing", now: Self.now) }
            let (second, fresh, old) = try store.rotate("billing", now: Self.now.addingTimeInterval(86_400))
            #expect(second != text && fresh.grant == grant)
            #expect(fresh.expires == Self.now.addingTimeInterval(11 * 86_400), "as long as the first was given")
            #expect(old.expires == Self.now.addingTimeInterval(2 * 86_400) && old.state(at: Self.now) == .ending)
            #expect(throws: CasemateError.self, "two are live") {
                try store.rotate("billing", now: Self.now.addingTimeInterval(86_500))
            }
            let later = Self.now.addingTimeInterval(3 * 86_400)
            #expect(try store.keys().map { $0.state(at: later) } == [.expired, .live])
            _ = try store.rotate("billing", overlap: 0, now: later)
            #expect(try store.keys().map { $0.state(at: later) } == [.expired, .expired, .live])
            #expect(try store.revoke(fresh.id, now: later).map(\.id) == [fresh.id])
            #expect(try store.revoke("billing", now: later).count == 2)
            #expect(try store.revoke("billing", now: later).isEmpty)
            #expect(try store.keys().allSatisfy { $0.state(at: later) == .revoked })
            #expect(throws: CasemateError.self) { try store.revoke("biling", now: later) }
            #expect(throws: CasemateError.self) { try store.rotate("billing", now: later) }
            let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
            for secret in [text, second].map({ $0.split(separator: "_")[2] }) {
                #expect(bytes.range(of: Data(secret.utf8)) == nil, "no secret is in the file")
            }
        }
    }

    @Test func theFileIsItsOwnersAndNobodyElses() throws {
        try Repository.withTemporaryFolder { folder in
            let path = folder + "/keys.sqlite"
            _ = try KeyStore(path).add("a", now: Self.now)
            let attributes = try FileManager.default.attributesOfItem(atPath: path)
            #expect(attributes[.posixPermissions] as? Int == 0o600)
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["keys.sqlite"], "one file is all")
            let link = folder + "/link.sqlite"
            try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: path)
            let foreign = folder + "/foreign.sqlite"
            try DatabaseQueue(path: foreign).write { try $0.execute(sql: "CREATE TABLE t (x)") }
            let text = folder + "/text.sqlite"
            try Data(repeating: 65, count: 5_000).write(to: URL(fileURLWithPath: text))
            let newer = folder + "/newer.sqlite"
            _ = try KeyStore(newer)
            try DatabaseQueue(path: newer).write {
                try $0.execute(sql: "INSERT INTO grdb_migrations VALUES ('9: later')")
            }
            let open = folder + "/open.sqlite"
            _ = try KeyStore(open)
            try FileManager.default.setAttributes([.posixPermissions: 0o666], ofItemAtPath: open)
            let cases: [(String, CasemateError.Code)] = [
                (link, .refused), (foreign, .refused), (text, .malformed), (newer, .unsupported), (open, .refused),
                (folder, .refused), ("/dev/null", .refused), (folder + "/missing/keys.sqlite", .unwritable),
            ]
            for (file, code) in cases {
                let error = #expect(throws: CasemateError.self, "\(file)") { try KeyStore(file) }
                #expect(error?.code == code, "\(file): \(error?.description ?? "")")
            }
            let missing = #expect(throws: CasemateError.self) { try KeyStore(folder + "/none", isMade: false) }
            #expect(missing?.code == .notFound && !FileManager.default.fileExists(atPath: folder + "/none"))
        }
    }

    @Test(.enabled(if: geteuid() != 0, "for the superuser every file can be read"))
    func aFileWithoutRightsIsNotSaidToBeUnkeepable() throws {
        try Repository.withTemporaryFolder { folder in
            let path = folder + "/keys.sqlite"
            _ = try KeyStore(path)
            for (mode, code, what) in [
                (0o200, CasemateError.Code.unreadable, "cannot be read"), (0o400, .unwritable, "cannot be written"),
            ] {
                try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
                let error = #expect(throws: CasemateError.self) {
                    try KeyStore(path, isMade: false).add("a", now: Self.now)
                }
                #expect(error?.code == code && error?.what.contains(what) == true, "\(error?.description ?? "")")
            }
        }
    }

    /// Not even somebody who writes to the file brings a revoked key back or changes the secret of one.
    @Test func revokedKeysStayRevoked() throws {
        try Repository.withTemporaryFolder { folder in
            let store = try KeyStore(folder + "/keys.sqlite")
            let (_, record) = try store.add("a", now: Self.now)
            _ = try store.add("b", now: Self.now)
            _ = try store.revoke("a", now: Self.now)
            let queue = try DatabaseQueue(path: folder + "/keys.sqlite")
            for sql in [
                "UPDATE keys SET revoked = NULL", "UPDATE keys SET hash = zeroblob(32) WHERE name = 'b'",
                "UPDATE keys SET name = 'c'", "UPDATE keys SET rate = -1 WHERE name = 'b'",
            ] {
                #expect(throws: DatabaseError.self, "\(sql)") { try queue.write { try $0.execute(sql: sql) } }
            }
            #expect(try store.keys().first { $0.id == record.id }?.state(at: Self.now) == .revoked)
        }
    }

    @Test(
        arguments: [
            ("", KeyRecord.Grant(), nil), ("a b", .init(), nil), ("ключ", .init(), nil),
            (String(repeating: "a", count: 101), .init(), nil), ("0123456789ab", .init(), nil),
            ("a", .init(scopes: []), nil), ("a", .init(models: []), nil), ("a", .init(models: ["m n"]), nil),
            ("a", .init(owner: "a\nb"), nil), ("a", .init(note: String(repeating: "x", count: 1_001)), nil),
            ("a", .init(rate: -1), nil), ("a", .init(rate: .nan), nil), ("a", .init(), now),
        ] as [(String, KeyRecord.Grant, Date?)])
    func whatCannotBeKeptIsRefused(name: String, grant: KeyRecord.Grant, expires: Date?) throws {
        try Repository.withTemporaryFolder { folder in
            let store = try KeyStore(folder + "/keys.sqlite")
            let error = #expect(throws: CasemateError.self) {
                try store.add(name, grant, expires: expires, now: Self.now)
            }
            #expect(error?.code == .invalidSetting)
            #expect(try store.keys().isEmpty)
        }
    }
}
