import CasemateCore
import CasemateModels
import Foundation
import TestSupport
import Testing

/// Endpoints that hang, lie, fail or change their answers.
@Suite("Remote endpoints that misbehave are reported")
struct RemoteFaultTests {
    private let rows = ToyService.rows(20, from: 40)

    /// Learns from a good endpoint, then asks while it misbehaves.
    private func failure(
        _ fault: ToyService.Fault, form: ToyService.Form = .labelAndScores, path: String = "/v2/models/toy",
        _ change: (inout RemoteOptions) -> Void = { _ in }
    ) throws -> CasemateError? {
        let service = try ToyService(form: form)
        var options = service.options(path)
        change(&options)
        let model = try service.model(options)
        service.misbehave(fault)
        do {
            _ = try model.predict(rows: rows, count: 20, cancellation: Cancellation())
            return nil
        } catch let error as CasemateError {
            #expect(error.place.hasPrefix(service.url + (path == "/invocations" ? path : "/v2/models/toy/infer")))
            #expect(!error.help.isEmpty)
            return error
        }
    }

    @Test(
        arguments: [
            (ToyService.Fault.tooFewRows, "has the shape [19,2] for 20 rows"), (.tooWide, "3 values a row, expected 2"),
            (.nan, "no number (NaN) for row 1 of the request"), (.infinity, "a number out of range for row 1"),
            (.texts, "is declared FP64 and holds texts"), (.truncated, "it ends early"),
            (.huge, "larger than is read"), (.html, "an HTML page"), (.plainText, "content type 'text/plain'"),
            (.gzip, "encoding 'gzip'"), (.deep, "deeper than 16 levels"),
            (.wrongShape, "40 values for its shape [20,5]"), (.missingOutput, "expected the output 'probabilities'"),
            (.trailing, "something behind the end"),
        ] as [(ToyService.Fault, String)])
    func liesNameWhatWasExpected(fault: ToyService.Fault, words: String) throws {
        let error = try #require(
            try failure(fault, form: fault == .tooFewRows ? .scores : .labelAndScores) { $0.responseLimit = 1 << 20 })
        #expect(error.code == .endpointLies)
        #expect(error.what.contains(words), "\(error)")
        #expect(error.place.contains(": request "), "\(error)")
    }

    @Test(
        arguments: [
            (ToyService.Fault.tooFewRows, "got 19 predictions for 20 rows"), (.tooWide, "3 values a row, expected 2"),
            (.nan, "no number (NaN)"), (.texts, "mixes texts and numbers"), (.truncated, "it ends early"),
        ] as [(ToyService.Fault, String)])
    func mlflowLiesToo(fault: ToyService.Fault, words: String) throws {
        let form = fault == .texts ? ToyService.Form.records : .scores
        let error = try #require(try failure(fault, form: form, path: "/invocations"))
        #expect(error.code == .endpointLies)
        #expect(error.what.contains(words) || error.what.contains("holds texts"), "\(error)")
    }

    @Test func anUnknownClassIsNamed() throws {
        let error = try #require(try failure(.unknownClass))
        #expect(error.what == "the class '5' is not among 2 known ones")
    }

    @Test func redirectsAreNotFollowed() throws {
        let error = try #require(try failure(.redirect))
        #expect(error.code == .endpointLies)
        #expect(error.what.contains("redirect to 'elsewhere.example'"))
        #expect(!"\(error)".contains("k=1"))
    }

    @Test func hangingEndsAfterTheTimeout() throws {
        let start = ContinuousClock.now
        let error = try #require(try failure(.hang()) { $0.timeout = 0.2 })
        #expect(error.what.contains("none came in 0.2 s, 2 times"), "\(error)")
        #expect(ContinuousClock.now - start < .seconds(3))
    }

    @Test func aLostConnectionIsTriedAgain() throws {
        let error = try #require(try failure(.cut))
        #expect(error.code == .endpointFailed)
        #expect(error.what.contains("4 times"), "\(error)")
    }

    @Test func nobodyThereIsSaidAtOnce() throws {
        let service = try ToyService()
        var options = service.options()
        options.retries = 0
        service.server.stop()
        let error = #expect(throws: CasemateError.self) { try RemoteEndpoint(options, cancellation: Cancellation()) }
        #expect(error?.what.contains("no connection") ?? false, "\(String(describing: error))")
    }

    @Test func serversErrorsAreShownWithoutDataAndKey() throws {
        let error = try #require(
            try failure(.echo) { $0.credential = .key("s3cret-\("x")-key-123") })
        #expect(error.what == "status 400: row # of 'pilot' with key … is bad")
        #expect(!"\(error)".contains("s3cret"))
    }

    /// Certificates are checked, unless somebody names the authority that signed them.
    @Test func onlyTrustedCertificatesAreAccepted() throws {
        let service = try ToyService(certificate: Repository.path("Tests/Fixtures/endpoints/server.pem"))
        #expect(service.url.hasPrefix("https:"))
        var options = service.options()
        let error = #expect(throws: CasemateError.self) { try service.model(options) }
        #expect(error?.what.contains("certificate was not accepted") ?? false, "\(String(describing: error))")
        #expect(service.asked.isEmpty)
        options.authorities = Repository.path("Tests/Fixtures/endpoints/authority.pem")
        #expect(try service.model(options).predict(rows: rows, count: 20, cancellation: Cancellation()).count == 20)
        options.authorities = Repository.path("README.md")
        #expect(throws: CasemateError.self) { try service.model(options) }
        let plain = try ToyService()
        var spoken = plain.options()
        spoken.address = spoken.address.replacing("http:", with: "https:")
        #expect(throws: CasemateError.self) { try plain.model(spoken) }
    }

    @Test(arguments: [401, 403, 404, 413, 422])
    func refusalsAreNotTriedAgain(status: Int) throws {
        let service = try ToyService()
        let model = try service.model()
        service.misbehave(.status(status))
        let before = service.asked.count
        let error = #expect(throws: CasemateError.self) {
            try model.predict(rows: rows, count: 20, cancellation: Cancellation())
        }
        #expect(error?.code == .endpointFailed)
        #expect(service.asked.count == before + 1)
    }

    @Test func changedAnswersAreNoticedAndTheFirstStays() throws {
        let service = try ToyService(.drift(after: 40))
        var options = service.options()
        (options.repeats, options.batch) = (20, 10)
        let model = try service.model(options)
        let all = ToyService.rows(400)
        let first = try model.predict(rows: Array(all[..<60]), count: 20, cancellation: Cancellation())
        #expect(model.observations.changed == 0)
        for start in stride(from: 0, to: 400, by: 40) {
            let part = Array(all[start * 3..<(start + 40) * 3])
            _ = try model.predict(rows: part, count: 40, cancellation: Cancellation())
        }
        let seen = model.observations
        #expect(seen.changed > 0)
        #expect(seen.repeats <= 20)
        #expect(seen.largestChange > 0.01)
        let again = try model.predict(rows: Array(all[..<60]), count: 20, cancellation: Cancellation())
        #expect(first == again)
    }

    @Test func answersOfAnotherVersionAreKeptApart() throws {
        let service = try ToyService(.version(after: 4))
        let model = try service.model()
        #expect(model.observations.versions == ["7"])
        _ = try model.predict(rows: rows, count: 20, cancellation: Cancellation())
        #expect(model.observations.versions == ["7", "8"])
        _ = try model.predict(rows: ToyService.rows(4), count: 4, cancellation: Cancellation())
        #expect(service.timesAsked.filter { $0 == 2 }.count == 4)
    }

    @Test func cancellingEndsTheWait() throws {
        let service = try ToyService()
        let cancellation = Cancellation()
        let model = try service.model(cancellation: Cancellation())
        service.misbehave(.hang())
        let start = ContinuousClock.now
        DispatchQueue.global().asyncAfter(deadline: .now() + 0.1) { cancellation.cancel(.interrupted) }
        #expect(throws: Cancelled(reason: .interrupted)) {
            try model.predict(rows: rows, count: 20, cancellation: cancellation)
        }
        #expect(ContinuousClock.now - start < .seconds(2))
    }

    @Test func aDeadlineEndsTheWait() throws {
        let service = try ToyService()
        var options = service.options()
        options.deadline = .now + .milliseconds(900)
        #expect(throws: Cancelled(reason: .outOfTime)) {
            let model = try service.model(options)
            service.misbehave(.hang())
            _ = try model.predict(rows: rows, count: 20, cancellation: Cancellation())
        }
    }

    @Test(
        arguments: [
            "", "ftp://127.0.0.1", "http://", "http://user:pw@127.0.0.1:1", "127.0.0.1:80", "http://a b",
            "http://a:99999",
        ])
    func badAddressesAreRefused(address: String) {
        let error = #expect(throws: CasemateError.self) {
            try RemoteEndpoint(RemoteOptions(address), cancellation: Cancellation())
        }
        #expect(error?.code == .invalidSetting)
        #expect(!"\(String(describing: error))".contains("pw"))
    }

    @Test func infinitiesAndWrongSizesAreTheCallersFault() throws {
        let service = try ToyService()
        let model = try service.model()
        let asked = service.asked.count
        #expect(throws: CasemateError.self) {
            try model.predict(rows: [1, .infinity, 2], count: 1, cancellation: Cancellation())
        }
        #expect(throws: CasemateError.self) { try model.predict(rows: [1, 2], count: 1, cancellation: Cancellation()) }
        #expect(try model.predict(rows: [], count: 0, cancellation: Cancellation()).count == 0)
        #expect(service.asked.count == asked)
    }
}
