import CasemateCore
import CasemateModels
import Foundation
import TestSupport
import Testing

/// Pace, patience and budgets.
@Suite("Remote endpoints are asked within bounds")
struct RemotePaceTests {
    @Test func retryAfterIsHonoured() throws {
        let service = try ToyService()
        let model = try service.model()
        let before = service.asked.count
        service.misbehave(.status(429, retryAfter: "1", first: 2))
        let answers = try model.predict(rows: ToyService.rows(5, from: 50), count: 5, cancellation: Cancellation())
        #expect(answers.count == 5)
        let times = service.asked.dropFirst(before).map(\.time)
        #expect(times.count == 2)
        #expect(times[1] - times[0] >= .milliseconds(990))
        #expect(model.observations.throttles == 1)
        #expect(model.observations.retries == 1)
        #expect(service.timesAsked.max() == 2)
        #expect(model.observations.rows == 9)
    }

    @Test func aWaitThatIsTooLongIsSaid() throws {
        let service = try ToyService()
        var options = service.options()
        options.longestWait = 2
        let model = try service.model(options)
        service.misbehave(.status(503, retryAfter: "3600"))
        let error = #expect(throws: CasemateError.self) {
            try model.predict(rows: ToyService.rows(5, from: 50), count: 5, cancellation: Cancellation())
        }
        #expect(error?.what == "the server asks to wait 3600 s, more than the 2 s that are waited")
    }

    @Test func waitsDoubleAndTriesAreBounded() throws {
        let service = try ToyService()
        var options = service.options()
        (options.firstWait, options.retries) = (0.05, 3)
        let model = try service.model(options)
        let before = service.asked.count
        service.misbehave(.status(500))
        let error = #expect(throws: CasemateError.self) {
            try model.predict(rows: ToyService.rows(5, from: 50), count: 5, cancellation: Cancellation())
        }
        #expect(error?.what == "status 500 after 4 tries: busy")
        let times = service.asked.dropFirst(before).map(\.time)
        #expect(times.count == 4)
        let waits = zip(times, times.dropFirst()).map { $1 - $0 }
        for (wait, least) in zip(waits, [25, 50, 100]) { #expect(wait >= .milliseconds(least)) }
    }

    @Test func theRateIsKept() throws {
        let service = try ToyService()
        var options = service.options()
        (options.rate, options.batch, options.concurrency) = (40, 1, 8)
        let model = try service.model(options)
        let before = service.asked.count
        _ = try model.predict(rows: ToyService.rows(16, from: 50), count: 16, cancellation: Cancellation())
        let times = service.asked.dropFirst(before).map(\.time)
        // why 13: 15 gaps of 25 ms, less two for the coarseness of clocks and wake-ups.
        #expect(times[15] - times[0] >= .milliseconds(13 * 25))
    }

    @Test func theRateOfRowsIsKept() throws {
        let service = try ToyService()
        var options = service.options()
        (options.rowRate, options.batch, options.concurrency) = (200, 20, 8)
        let model = try service.model(options)
        let before = service.asked.count
        _ = try model.predict(rows: ToyService.rows(80, from: 50), count: 80, cancellation: Cancellation())
        let times = service.asked.dropFirst(before).map(\.time)
        #expect(times.count == 4)
        #expect(times[3] - times[0] >= .milliseconds(270))
    }

    @Test func concurrencyIsUsedAndBounded() throws {
        let service = try ToyService()
        var options = service.options()
        (options.batch, options.concurrency) = (1, 4)
        let model = try service.model(options)
        let before = service.asked.count
        service.misbehave(.slow(0.5))
        _ = try model.predict(rows: ToyService.rows(5, from: 50), count: 5, cancellation: Cancellation())
        let times = service.asked.dropFirst(before).map(\.time)
        // why: four come before the first has its answer, the fifth only then.
        #expect(times[3] - times[0] < .milliseconds(500))
        #expect(times[4] - times[0] >= .milliseconds(490))
    }

    @Test func theBudgetOfRowsIsExactAndGoesOnLater() throws {
        try Repository.withTemporaryFolder { folder in
            let service = try ToyService()
            var options = service.options()
            (options.queries, options.batch, options.answers) = (25, 10, folder + "/answers.sqlite")
            let rows = ToyService.rows(60)
            let error = try #require(
                #expect(throws: CasemateError.self) {
                    try service.model(options).predict(rows: rows, count: 60, cancellation: Cancellation())
                })
            #expect(error.code == .queriesSpent)
            #expect(service.rows == 25)
            #expect(throws: CasemateError.self) {
                try service.model(options).predict(rows: rows, count: 60, cancellation: Cancellation())
            }
            #expect(service.rows == 50)
            let done = try service.model(options).predict(rows: rows, count: 60, cancellation: Cancellation())
            #expect(service.rows == 60)
            #expect(service.timesAsked.allSatisfy { $0 == 1 })
            let other = try ToyService()
            let whole = try other.model().predict(rows: rows, count: 60, cancellation: Cancellation())
            #expect(done == whole)
        }
    }
}
