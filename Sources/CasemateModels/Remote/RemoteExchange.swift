import CasemateCore
import Foundation
import NIOCore
import NIOHTTP1
import Synchronization

/// Sends requests and waits for them: concurrency, pace, tries, budget.
struct RemoteExchange: Sendable {
    /// One request: what to send, and which rows it is for.
    struct Request {
        let method: HTTPMethod
        let path: String
        let body: [UInt8]?
    }
    /// Makes the request for some rows.
    typealias Make = (Range<Int>) throws -> Request
    /// Takes the response for some rows; `number` is the request's.
    typealias Take = (_ rows: Range<Int>, _ response: RemoteClient.Response, _ number: Int, _ tries: Int) throws -> Void

    let address: RemoteAddress
    let options: RemoteOptions
    let client: RemoteClient
    let traffic: RemoteTraffic
    let failure: RemoteFailure

    init(_ address: RemoteAddress, _ options: RemoteOptions) throws(CasemateError) {
        (self.address, self.options) = (address, options)
        client = try RemoteClient(options)
        traffic = RemoteTraffic(options)
        failure = RemoteFailure(address, options)
        if options.credential != nil, !address.isEncrypted, !address.isLoopback {
            traffic.observe { $0.isSecretInClear = true }
        }
    }

    /// Asks for something that is not about rows; a status that is no failure of the server comes back as it is.
    func fetch(
        _ method: HTTPMethod, _ path: String, body: [UInt8]? = nil, cancellation: Cancellation
    ) throws -> RemoteClient.Response {
        var found: RemoteClient.Response?
        try send([0..<0], cancellation, make: { _ in Request(method: method, path: path, body: body) }) {
            _, response, _, _ in found = response
        }
        guard let found else {
            throw CasemateError(.endpointFailed, at: address.base + path, "no answer", help: "run it again")
        }
        return found
    }

    /// Asks about rows in pieces of at most `batch`; `take` gets each piece as it comes, on the calling thread.
    /// - Parameter isTrial: Whether a refusal is an answer too, so that it is not tried again.
    /// - Throws: what the endpoint did wrong; `queriesSpent` once everything allowed is answered; `Cancelled`.
    func ask(
        _ rows: RemoteRows, _ wire: some RemoteWire, batch: Int, isTrial: Bool = false, cancellation: Cancellation,
        take: (Range<Int>, RemoteOutputs) throws -> Void
    ) throws {
        let starts = stride(from: 0, to: rows.count, by: batch)
        let pieces = starts.map { $0..<min($0 + batch, rows.count) }
        try send(
            pieces, isTrial: isTrial, cancellation,
            make: { Request(method: .POST, path: wire.path, body: try wire.body(rows.rows($0))) },
            take: { range, response, number, tries in
                guard response.status == 200 else {
                    throw failure.refused(
                        response, wire.path, request: number, hiding: rows.rows(range).texts, tries: tries)
                }
                do {
                    try take(range, try wire.outputs(response.answer(), count: range.count))
                } catch let lie as RemoteLie { throw failure.lie(lie, wire.path, request: number) }
            })
    }

    private func send(
        _ pieces: [Range<Int>], isTrial: Bool = false, _ cancellation: Cancellation, make: Make, take: Take
    ) throws {
        let traffic = traffic
        try withoutActuallyEscaping(make) { make in
            try withoutActuallyEscaping(take) { take in
                var run = RemoteRun(exchange: self, pieces: pieces, isTrial: isTrial, make: make, take: take)
                defer { run.abandon() }
                try cancellation.whileRunning(onCancel: { traffic.wake() }) { try run.toTheEnd(cancellation) }
            }
        }
    }
}

extension RemoteClient.Response {
    /// The body as JSON.
    /// - Throws: `RemoteLie` for a page, another type, an encoding that was not asked for, or no JSON.
    func answer() throws(RemoteLie) -> RemoteJSON {
        if isPage { throw RemoteLie("expected JSON, got an HTML page") }
        if let coding = headers.first(name: "content-encoding")?.lowercased(), coding != "identity" {
            throw RemoteLie("expected JSON, got the encoding '\(OnnxLook.printable(coding))', which was not asked for")
        }
        guard isDeclaredJSON else {
            let type = headers.first(name: "content-type") ?? ""
            throw RemoteLie("expected JSON, got the content type '\(OnnxLook.printable(type))'")
        }
        do { return try json() } catch {
            throw RemoteLie(
                "expected JSON, got something else: \(error.what) at byte \(error.byte) of \(body.readableBytes)")
        }
    }
}

/// The pieces of one call on their way; belongs to the thread that calls.
private struct RemoteRun {
    struct Piece {
        var rows: Range<Int>
        var tries = 0
        var due: ContinuousClock.Instant?
    }
    /// Where event loops put what came back.
    final class Inbox: Sendable {
        struct Item: Sendable {
            let number: Int
            let result: Result<RemoteClient.Response, any Error>
            let seconds: Double
        }
        private let items = Mutex<[Item]>([])
        func put(_ item: Item) { items.withLock { $0.append(item) } }
        func take() -> [Item] {
            items.withLock { items in
                defer { items = [] }
                return items
            }
        }
    }
    let exchange: RemoteExchange
    var waiting: [Piece]
    var underWay: [Int: (piece: Piece, path: String, cancel: @Sendable () -> Void)] = [:]
    let make: RemoteExchange.Make
    let take: RemoteExchange.Take
    let inbox = Inbox()
    /// Statuses that may pass.
    let passing: Set<Int>
    var lastPath = ""
    var isSpent = false

    init(
        exchange: RemoteExchange, pieces: [Range<Int>], isTrial: Bool, make: @escaping RemoteExchange.Make,
        take: @escaping RemoteExchange.Take
    ) {
        (self.exchange, self.make, self.take) = (exchange, make, take)
        passing = isTrial ? [429, 503] : [408, 425, 429, 500, 502, 503, 504]
        waiting = pieces.map { Piece(rows: $0) }
    }

    /// Ends what is still under way.
    mutating func abandon() {
        for (_, request) in underWay { request.cancel() }
        underWay = [:]
    }

    mutating func toTheEnd(_ cancellation: Cancellation) throws {
        let traffic = exchange.traffic
        while true {
            // why before looking: a wake-up while looking must not be slept through.
            let events = traffic.events
            for item in inbox.take() { try handle(item) }
            try cancellation.check()
            if let deadline = exchange.options.deadline, ContinuousClock.now >= deadline {
                throw Cancelled(reason: .outOfTime)
            }
            let next = try startAll()
            if underWay.isEmpty, waiting.isEmpty {
                if isSpent { throw exchange.failure.spent(exchange.options.queries ?? 0, lastPath) }
                return
            }
            traffic.wait(after: events, until: [next, exchange.options.deadline].compactMap { $0 }.min())
        }
    }

    /// Starts all that may start; the time at which there may be more.
    private mutating func startAll() throws -> ContinuousClock.Instant? {
        let now = ContinuousClock.now
        while let index = waiting.firstIndex(where: { $0.due ?? now <= now }) {
            let piece = waiting[index]
            let (permission, number) = exchange.traffic.begin(
                rows: piece.rows.count, isAgain: piece.tries > 0, now: now)
            switch permission {
            case .wait(let time): return ([time] + waiting.map(\.due)).compactMap { $0 }.filter { $0 > now }.min()
            case .spent:
                isSpent = true
                waiting.removeAll { $0.tries == 0 }
            case .go(let allowed):
                var sent = piece
                if allowed < piece.rows.count {
                    sent.rows = piece.rows.prefix(allowed)
                    waiting[index].rows = piece.rows.dropFirst(allowed)
                } else {
                    waiting.remove(at: index)
                }
                do { try start(sent, number) } catch {
                    exchange.traffic.ended()
                    throw error
                }
            }
        }
        return waiting.compactMap(\.due).min()
    }

    private mutating func start(_ piece: Piece, _ number: Int) throws {
        let request = try make(piece.rows)
        lastPath = request.path
        let (inbox, traffic) = (inbox, exchange.traffic)
        let begun = ContinuousClock.now
        let cancel = exchange.client.start(request.method, exchange.address.url(request.path), body: request.body) {
            let seconds = (ContinuousClock.now - begun).inSeconds
            inbox.put(Inbox.Item(number: number, result: $0, seconds: seconds))
            traffic.ended()
        }
        var piece = piece
        piece.tries += 1
        underWay[number] = (piece, request.path, cancel)
    }

    private mutating func handle(_ item: Inbox.Item) throws {
        guard let request = underWay.removeValue(forKey: item.number) else { return }
        let (piece, path) = (request.piece, request.path)
        let options = exchange.options
        switch item.result {
        case .success(let response):
            let isOverloaded = response.status == 429 || response.status == 503
            if isOverloaded { exchange.traffic.observe { $0.throttles += 1 } }
            guard passing.contains(response.status), piece.tries <= options.retries else {
                exchange.traffic.observe { if response.status == 200 { $0.latencies.add(item.seconds) } }
                return try take(piece.rows, response, item.number, piece.tries)
            }
            let asked = response.retryAfter(now: Date()) ?? 0
            guard asked <= options.longestWait else {
                throw exchange.failure.tooLong(asked, path, request: item.number, most: options.longestWait)
            }
            again(piece, item.number, atLeast: asked, isOverloaded: isOverloaded)
        case .failure(let error):
            let isTimeout = RemoteFailure.isTimeout(error)
            if isTimeout { exchange.traffic.observe { $0.timeouts += 1 } }
            // why once: a server that hangs would otherwise hold up everything for many times the time-out.
            let most = isTimeout ? min(1, options.retries) : options.retries
            guard RemoteFailure.isPassing(error), piece.tries <= most else {
                throw exchange.failure.broken(
                    error, path, request: item.number, tries: piece.tries, timeout: options.timeout)
            }
            again(piece, item.number, atLeast: 0, isOverloaded: false)
        }
    }

    /// Puts a piece back, to be tried when its wait is over.
    private mutating func again(_ piece: Piece, _ number: Int, atLeast asked: Double, isOverloaded: Bool) {
        var generator = SeededGenerator(seed: exchange.options.seed, stream: UInt64(number))
        let doubled = exchange.options.firstWait * Double(1 << min(piece.tries - 1, 20))
        let jittered = min(doubled, exchange.options.longestWait) * (0.5 + 0.5 * generator.uniformDouble())
        let time = ContinuousClock.now + .seconds(max(asked, jittered))
        if isOverloaded { exchange.traffic.pause(until: time) }
        var later = piece
        later.due = time
        waiting.append(later)
    }
}
