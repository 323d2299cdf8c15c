import CasemateCore
import CasemateModels
import Foundation
import TestSupport
import Testing

/// The file of kept answers.
@Suite("Kept answers of endpoints")
struct RemoteAnswersTests {
    private let rows = ToyService.rows(30)

    private func ask(_ service: ToyService, _ options: RemoteOptions) throws -> Predictions {
        try service.model(options).predict(rows: rows, count: 30, cancellation: Cancellation())
    }

    @Test(arguments: ["/v2/models/toy", "/invocations"])
    func aSecondRunAsksNothing(path: String) throws {
        try Repository.withTemporaryFolder { folder in
            let service = try ToyService(form: .scores)
            var options = service.options(path)
            options.answers = folder + "/new/answers.sqlite"
            let first = try ask(service, options)
            let asked = service.asked.count
            let second = try ask(service, options)
            #expect(first == second)
            #expect(service.asked.count == asked)
            let rights = try FileManager.default.attributesOfItem(atPath: folder + "/new/answers.sqlite")
            #expect((rights[.posixPermissions] as? Int) == 0o600)
        }
    }

    @Test func rowsAndSecretsAreNotInTheFile() throws {
        try Repository.withTemporaryFolder { folder in
            let service = try ToyService(form: .scores)
            var options = service.options("/v2/models/columns?token=queryvalue")
            options.answers = folder + "/a.sqlite"
            options.credential = .bearer("tokenvalue")
            options.headers = ["x-tenant": "tenantvalue"]
            let draft = try RemoteEndpoint(options, cancellation: Cancellation()).draft(columns: ToyService.columns)
            let tensors = [
                NamedTensor("a", Tensor(shape: [1, 1], .float([0.1234567]))),
                NamedTensor("b", Tensor(shape: [1], .float([77_123]))),
                NamedTensor("c", Tensor(shape: [1, 1], .string(["Wilhelmina"]))),
            ]
            _ = try draft.predict(tensors, cancellation: Cancellation())
            #expect(service.asked.first?.headers["authorization"] == "Bearer tokenvalue")
            #expect(service.asked.first?.headers["x-tenant"] == "tenantvalue")
            #expect(service.asked.first?.path.hasSuffix("?token=queryvalue") ?? false)
            for name in try FileManager.default.contentsOfDirectory(atPath: folder) {
                let data = try Data(contentsOf: URL(fileURLWithPath: folder + "/" + name))
                for word in ["Wilhelmina", "77123", "0.1234567", "tokenvalue", "tenantvalue", "queryvalue"] {
                    #expect(data.range(of: Data(word.utf8)) == nil, "\(word) in \(name)")
                }
                let value: Float = 0.1234567
                let raw = withUnsafeBytes(of: value.bitPattern.littleEndian) { Data($0) }
                #expect(data.range(of: raw) == nil)
            }
            #expect(!"\(options)".contains("tokenvalue"))
            var dumped = ""
            dump(options, to: &dumped)
            #expect(!dumped.contains("tokenvalue"))
        }
    }

    @Test func otherVersionsModelsAndHeadersAreOtherAnswers() throws {
        try Repository.withTemporaryFolder { folder in
            let service = try ToyService(form: .scores)
            var options = service.options("/invocations")
            options.answers = folder + "/answers.sqlite"
            _ = try ask(service, options)
            for change in [
                { $0.version = "2" }, { $0.headers = ["x-tenant": "b"] },
                { $0.address = service.url + "/v2/models/toy" },
            ] as [(inout RemoteOptions) -> Void] {
                var other = options
                change(&other)
                let before = service.rows
                _ = try ask(service, other)
                #expect(service.rows == before + 30)
            }
        }
    }

    @Test func driftSinceAnEarlierRunIsSeen() throws {
        try Repository.withTemporaryFolder { folder in
            let service = try ToyService()
            var options = service.options()
            (options.answers, options.repeats) = (folder + "/answers.sqlite", 10)
            let first = try ask(service, options)
            service.misbehave(.drift(after: 0))
            let model = try service.model(options)
            #expect(model.observations.changed == 4)
            #expect(try model.predict(rows: rows, count: 30, cancellation: Cancellation()) == first)
        }
    }

    @Test func whatIsNoFileOfOursIsLeftAlone() throws {
        try Repository.withTemporaryFolder { folder in
            let service = try ToyService()
            var options = service.options()
            let path = folder + "/notes.txt"
            try "my notes, which nobody should overwrite, however long they are".write(
                toFile: path, atomically: true, encoding: .utf8)
            options.answers = path
            let error = #expect(throws: CasemateError.self) { try ask(service, options) }
            #expect(error?.code == .malformed)
            #expect(try String(contentsOfFile: path, encoding: .utf8).hasPrefix("my notes"))
            options.answers = folder
            #expect(throws: CasemateError.self) { try ask(service, options) }
        }
    }

    /// Damage at any place of the file ends in an error or in asking again, never in another answer.
    @Test func damageNeverChangesAnAnswer() throws {
        try Repository.withTemporaryFolder { folder in
            let service = try ToyService(form: .scores)
            var options = service.options()
            options.answers = folder + "/answers.sqlite"
            let good = try ask(service, options)
            let clean = try checkpointed(folder)
            var outcomes: Set<String> = []
            var generator = SeededGenerator(seed: 3)
            for round in 0..<40 {
                var bytes = clean
                if round.isMultiple(of: 4) { bytes.removeLast(Int.random(in: 1..<bytes.count, using: &generator)) }
                for _ in 0..<(1 << (round % 8)) where !bytes.isEmpty {
                    bytes[Int.random(in: 0..<bytes.count, using: &generator)] ^= UInt8.random(
                        in: 1...255, using: &generator)
                }
                let path = folder + "/damaged\(round).sqlite"
                try bytes.write(to: URL(fileURLWithPath: path))
                options.answers = path
                do {
                    let answers = try ask(service, options)
                    #expect(answers == good, "round \(round)")
                    outcomes.insert("answered")
                } catch let error as CasemateError {
                    #expect([.malformed, .refused, .unsupported, .unreadable, .unwritable].contains(error.code))
                    outcomes.insert("refused")
                }
            }
            #expect(outcomes == ["answered", "refused"])
        }
    }

    /// The bytes of the file after everything was written into it.
    private func checkpointed(_ folder: String) throws -> Data {
        let path = folder + "/answers.sqlite"
        for _ in 0..<100 {
            if !FileManager.default.fileExists(atPath: path + "-wal") { break }
            usleep(10_000)
        }
        return try Data(contentsOf: URL(fileURLWithPath: path))
    }

    @Test func theFileStaysWithinItsSize() throws {
        try Repository.withTemporaryFolder { folder in
            let service = try ToyService(form: .scores)
            var options = service.options()
            (options.answers, options.answersLimit, options.batch) = (folder + "/answers.sqlite", 100_000, 200)
            let model = try service.model(options)
            for start in 0..<12 {
                let rows = ToyService.rows(200, from: 200 * start)
                _ = try model.predict(rows: rows, count: 200, cancellation: Cancellation())
            }
            let size = try FileManager.default.attributesOfItem(atPath: folder + "/answers.sqlite")[.size] as? Int
            #expect(try #require(size) < 160_000)
            let again = ToyService.rows(200, from: 200 * 11)
            let asked = service.rows
            _ = try model.predict(rows: again, count: 200, cancellation: Cancellation())
            #expect(service.rows == asked)
        }
    }
}
