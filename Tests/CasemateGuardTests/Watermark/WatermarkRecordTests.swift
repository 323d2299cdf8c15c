import CasemateCore
import CasemateGuard
import Foundation
import TestSupport
import Testing

/// The record is bounded, belongs to one key, and is believed in nothing.
@Suite struct WatermarkRecordTests {
    private func code(_ body: () throws -> Void) -> CasemateError.Code? {
        do { try body() } catch let error as CasemateError { return error.code } catch { return nil }
        return nil
    }
    private func recorded(_ folder: String, rows: Int, yaml: String = "", clients: [String] = ["a"]) async throws {
        let stage = try WatermarkFixture.stage(yaml, folder: folder)
        for (number, client) in clients.enumerated() {
            let asked = WatermarkFixture.rows(rows, seed: UInt64(20 + number))
            _ = try await WatermarkFixture.ask(stage, asked, WatermarkFixture.scores(asked), client: client)
        }
        stage.flush()
    }
    private func reading(_ folder: String) throws -> WatermarkRecord.Reading {
        try WatermarkRecord("\(folder)/watermark.sqlite", fingerprint: nil, isMade: false).reading()
    }

    @Test func rowsOfACallerAreBounded() async throws {
        try await WatermarkFixture.asyncFolder { folder in
            try await recorded(
                folder, rows: 800, yaml: "record: watermark.sqlite\nrecord_rows: 500", clients: ["a", "b"])
            let reading = try reading(folder)
            #expect(reading.sample.count == 1_000)
            #expect(reading.byCaller.map(\.count) == [500, 500])
            #expect(reading.unreadable == 0)
            let attributes = try FileManager.default.attributesOfItem(atPath: "\(folder)/watermark.sqlite")
            #expect(attributes[.posixPermissions] as? Int == 0o600)
        }
    }

    @Test func repeatsAreKeptOnceAndACallerCanBeForgotten() async throws {
        try await WatermarkFixture.asyncFolder { folder in
            for _ in 0..<2 { try await recorded(folder, rows: 200, clients: ["a", "b\u{1B}[31m"]) }
            #expect(try reading(folder).sample.count == 400)
            try WatermarkRecord("\(folder)/watermark.sqlite", fingerprint: nil, isMade: false).forget(caller: "a")
            #expect(try reading(folder).sample.callers == ["b\u{1B}[31m"])
        }
    }

    @Test func anotherSecretIsNoticed() async throws {
        try await WatermarkFixture.asyncFolder { folder in
            try await recorded(folder, rows: 10)
            #expect(code { _ = try WatermarkFixture.stage("", folder: folder, secret: 2) } == .mismatch)
        }
    }

    @Test func anObservedStageRecordsNothing() async throws {
        try await WatermarkFixture.asyncFolder { folder in
            let keys = WatermarkStage.keys + [SettingKey("mode", .text, "")]
            let settings = try SettingChecker.read("mode: observe", file: "t", keys: keys)
            _ = try WatermarkStage(settings, setup: AnswerFixture.setup(WatermarkFixture.model, folder: folder))
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder).isEmpty)
        }
    }

    @Test func hostileBytesAreRefused() async throws {
        try await WatermarkFixture.asyncFolder { folder in
            try await recorded(folder, rows: 300)
            let path = "\(folder)/watermark.sqlite", other = "\(folder)/other.sqlite"
            // why: a copy of the file alone must hold everything.
            try WatermarkRecord.execute("PRAGMA wal_checkpoint(TRUNCATE)", at: path)
            let good = try Data(contentsOf: URL(fileURLWithPath: path))
            var generator = SeededGenerator(seed: 3)
            for round in 0..<40 {
                var bytes = [UInt8](good)
                if round % 4 == 0 {
                    bytes = (0..<Int(generator.next() % 4_096)).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
                } else if round % 4 == 1 {
                    bytes.removeLast(Int(generator.next() % UInt64(bytes.count - 1)))
                } else {
                    for _ in 0..<(1 << (round / 4)) {
                        bytes[Int(generator.next() % UInt64(bytes.count))] = UInt8(truncatingIfNeeded: generator.next())
                    }
                }
                try Data(bytes).write(to: URL(fileURLWithPath: other))
                do {
                    let found = try WatermarkRecord(other, fingerprint: nil, isMade: false).reading()
                    #expect(found.sample.count <= WatermarkVerifier.mostRows)
                } catch is CasemateError {}
                for suffix in ["", "-wal", "-shm", "-journal"] {
                    try? FileManager.default.removeItem(atPath: other + suffix)
                }
            }
            #expect(code { _ = try WatermarkRecord("\(folder)/none", fingerprint: nil, isMade: false) } == .notFound)
            #expect(code { _ = try WatermarkRecord(folder, fingerprint: nil, isMade: false) } == .refused)
        }
    }

    @Test func rowsThatMakeNoSenseAreCountedAndLeftOut() async throws {
        try await WatermarkFixture.asyncFolder { folder in
            try await recorded(folder, rows: 100)
            let changes = [
                "input = X'00'", "input = 'text'", "low = 99", "low = 'x'", "position = 9e99", "position = 'nan'",
                "chance = 2", "chance = -1", "high = -5",
            ]
            for (number, change) in changes.enumerated() {
                let chosen = "(SELECT rank FROM answers ORDER BY rank LIMIT 1 OFFSET \(number))"
                try WatermarkRecord.execute(
                    "UPDATE answers SET \(change) WHERE rank = \(chosen)", at: "\(folder)/watermark.sqlite")
            }
            let reading = try reading(folder)
            #expect(reading.unreadable == 9)
            #expect(reading.sample.count == 91)
            try WatermarkRecord.execute(
                "UPDATE models SET features = '[{\"name\":1}]'", at: "\(folder)/watermark.sqlite")
            #expect(code { _ = try self.reading(folder) } == .malformed)
        }
    }

    @Test func anSQLiteFileOfSomethingElseIsLeftAlone() throws {
        try Repository.withTemporaryFolder { folder in
            let path = "\(folder)/x.sqlite"
            try WatermarkRecord.execute("CREATE TABLE mine (a)", at: path)
            #expect(code { _ = try WatermarkRecord(path, fingerprint: "k", isMade: true) } == .refused)
        }
    }

    @Test func aSecretIsMadeOnceForItsOwnerAlone() throws {
        try Repository.withTemporaryFolder { folder in
            let path = "\(folder)/guard.secret"
            #expect(code { _ = try GuardSecret(contentsOf: path) } == .notFound)
            let made = try GuardSecret.opened(at: path)
            let attributes = try FileManager.default.attributesOfItem(atPath: path)
            #expect(attributes[.posixPermissions] as? Int == 0o600)
            let again = try GuardSecret.opened(at: path)
            #expect(WatermarkKey(made).fingerprint == WatermarkKey(again).fingerprint)
            #expect(code { _ = try GuardSecret.create(at: path) } == .refused)
            try FileManager.default.setAttributes([.posixPermissions: 0o640], ofItemAtPath: path)
            #expect(code { _ = try GuardSecret(contentsOf: path) } == .refused)
            for (number, text) in ["", "abc", String(repeating: "g", count: 64), String(repeating: "a", count: 66)]
                .enumerated()
            {
                let bad = "\(folder)/bad\(number)"
                #expect(
                    FileManager.default.createFile(
                        atPath: bad, contents: Data(text.utf8), attributes: [.posixPermissions: 0o600]))
                #expect(code { _ = try GuardSecret(contentsOf: bad) } == .malformed)
            }
            #expect(code { _ = try GuardSecret(contentsOf: folder) } != nil)
            // What is there is not to be made: only rights help.
            let link = "\(folder)/link"
            try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: link)
            let unreadable = #expect(throws: CasemateError.self) { try GuardSecret(contentsOf: link) }
            #expect(unreadable?.code == .unreadable && unreadable?.help.contains("keygen") == false)
        }
    }
}
