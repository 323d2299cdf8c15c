import CasemateCore
import Foundation
import Logging

/// One request on its way through the edge.
struct Passage: ~Copyable {
    let head: WireHead
    let generation: GuardGeneration
    private var exchange: Exchange
    private var face: (any WireFace)?
    private var route: WireRoute?
    private var served: GuardGeneration.Served?
    private var pipeline: GuardPipeline?
    private var refusal: GuardRefusal?
    private var isGone = false

    init(head: WireHead, generation: GuardGeneration) {
        (self.head, self.generation) = (head, generation)
        let now = generation.clock.monotonic
        exchange = Exchange(
            id: Exchange.newIdentifier(), trace: TraceContext(traceparent: head["traceparent"]),
            client: ClientIdentity(id: "", method: .anonymous, scopes: []), face: "", model: "", version: "",
            arrival: now, deadline: now &+ UInt64(generation.server.requestTimeout * 1e9),
            announcedBytes: head.contentLength)
    }

    /// Finds the face, who asks and what, reads the body and lets the face work.
    mutating func answer(
        faces: [any WireFace], readBody: (Int) async throws -> [UInt8]
    ) async throws -> WireResponse {
        let route: WireRoute
        do { route = try self.route(among: faces) } catch {
            try await admitStranger()
            throw error
        }
        let client = try await client(for: route)
        exchange.client = client
        let pipeline = served?.pipeline ?? generation.edge
        if route.access != .open {
            self.pipeline = pipeline
            try await pipeline.admit(&exchange)
        }
        try authorise(client, route)
        if route.target != nil, served == nil {
            throw GuardRefusal(.notFound, "there is no such model or version", field: "model")
        }
        let limit = min(route.bodyLimit ?? Int.max, generation.server.maximumBody)
        if let announced = head.contentLength, announced > limit { throw Self.tooLarge(limit) }
        let packed = try await readBody(limit)
        guard packed.count <= limit else { throw Self.tooLarge(limit) }
        let encoding = head["content-encoding"]
        if route.isQuick, packed.count <= Self.smallBody, encoding == nil {
            return try await route.handle(WireRequest(head: head, body: packed), &exchange, generation)
        }
        return try await withTaskExecutorPreference(globalConcurrentExecutor) {
            let body = try BodyDecoding.decoded(packed, encoding: encoding, limit: limit)
            return try await route.handle(WireRequest(head: head, body: body), &exchange, generation)
        }
    }

    /// Bytes of a body that is read within some microseconds.
    private static let smallBody = 16_384

    private static func tooLarge(_ limit: Int) -> GuardRefusal {
        GuardRefusal(.tooLarge, "the body may have at most \(limit) bytes")
    }

    private mutating func route(among faces: [any WireFace]) throws -> WireRoute {
        for face in faces {
            do {
                guard let found = try face.route(head)?.resolved(in: generation) else { continue }
                (self.face, route) = (face, found)
                served = found.target.flatMap { generation.model($0) }
                exchange.face = type(of: face).identifier
                (exchange.model, exchange.version) = (found.target?.name ?? "", found.target?.version ?? "")
            } catch {
                self.face = face
                throw error
            }
            break
        }
        guard let route else { throw GuardRefusal(.notFound, "there is nothing at this address") }
        return route
    }

    /// Shows a request that leads nowhere to the stages at the edge, by its address, so that who tries addresses meets
    /// limits too.
    /// - Throws: `GuardRefusal` of the first enforced stage that refuses.
    private mutating func admitStranger() async throws {
        let address = NetworkAddress(Credentials(head, trusting: generation.server).address)
        let client = ClientIdentity(
            id: "anonymous:\(address.host)", method: .anonymous, scopes: [], network: address.network)
        exchange.client = client
        pipeline = generation.edge
        try await generation.edge.admit(&exchange)
    }

    private func client(for route: WireRoute) async throws -> ClientIdentity {
        let credentials = Credentials(head, trusting: generation.server)
        switch route.access {
        case .open, .own:
            return ClientIdentity(id: credentials.address, method: .anonymous, scopes: [], network: credentials.address)
        case .scope: return try await generation.authenticator.authenticate(credentials)
        }
    }

    private func authorise(_ client: ClientIdentity, _ route: WireRoute) throws {
        guard case .scope(let scope) = route.access else { return }
        let isAllowed =
            scope == .infer && route.target != nil
            ? client.mayAsk(route.target?.name ?? "") : client.scopes.contains(scope)
        guard isAllowed else { throw GuardRefusal(.forbidden, "these credentials do not allow that") }
    }

    /// The response to whatever was thrown.
    mutating func response(to error: any Error, logger: Logger) -> WireResponse {
        let refusal: GuardRefusal
        switch error {
        case let known as GuardRefusal: refusal = known
        case is CancellationError, is Cancelled:
            isGone = true
            refusal = GuardRefusal(.timeout, "the request was given up")
        default:
            // why: what failed inside is for the log of the server; a caller learns nothing of it.
            logger.error("a request failed", metadata: ["request": "\(exchange.id)", "error": "\(error)"])
            refusal = GuardRefusal(.failed, "the server failed; the request was recorded")
        }
        return response(to: refusal)
    }

    private mutating func response(to refusal: GuardRefusal) -> WireResponse {
        self.refusal = refusal
        return face?.render(refusal, id: exchange.id) ?? Problem.response(refusal, id: exchange.id)
    }

    /// Keeps the record of a decision about a model before the response goes out; a record that cannot be kept changes
    /// the response where the log fails closed.
    mutating func recorded(_ response: WireResponse) async -> WireResponse {
        guard route?.target != nil else { return count(response) }
        let event = event(response.status)
        do { try await generation.log.append(event) } catch {
            let refusal =
                error as? GuardRefusal ?? GuardRefusal(.storage, "the decision cannot be recorded", retryAfter: 5)
            let changed = self.response(to: refusal)
            for observer in generation.observers { observer.observe(self.event(changed.status)) }
            return count(changed)
        }
        for observer in generation.observers { observer.observe(event) }
        return count(response)
    }

    private func event(_ status: Int) -> DecisionEvent {
        let description = served?.backend.description
        let outcome: DecisionEvent.Outcome =
            isGone
            ? .gone : refusal == nil ? .answered : status >= 500 && refusal?.reason != "overloaded" ? .failed : .refused
        return DecisionEvent(
            id: exchange.id, time: generation.clock.wall, trace: exchange.trace.traceID, client: exchange.client,
            face: exchange.face, model: description?.name ?? "", version: description?.version ?? "",
            modelHash: description?.sha256 ?? "", policy: generation.configuration.policy, rows: exchange.rows,
            inputHash: exchange.inputHash, labels: refusal == nil ? exchange.labels : [],
            verdicts: exchange.verdicts, outcome: exchange.isWithheld && !isGone ? .refused : outcome, status: status,
            reason: refusal?.reason ?? "", nanoseconds: generation.clock.monotonic &- exchange.arrival,
            modelNanoseconds: exchange.modelNanoseconds, isHeld: exchange.isHeld)
    }

    private func count(_ response: WireResponse) -> WireResponse {
        generation.meters.count(
            face: exchange.face, model: served?.name ?? "", status: response.status,
            nanoseconds: generation.clock.monotonic &- exchange.arrival)
        return response
    }

    /// Adds the headers, waits as decided, and tells the stages that all is over.
    mutating func settle(_ response: inout WireResponse) async {
        response.headers += exchange.headers
        response.headers.append(.init("x-request-id", exchange.id))
        if let route, route.target != nil {
            response.headers.append(.init("traceparent", exchange.trace.traceparent))
        }
        if exchange.sizeQuantum > 1, response.isPaddable {
            let rest = response.body.count % exchange.sizeQuantum
            if rest > 0 {
                response.body += [UInt8](repeating: UInt8(ascii: " "), count: exchange.sizeQuantum - rest)
            }
        }
        let now = generation.clock.monotonic
        var target = now
        if exchange.delay > 0 { target = max(target, exchange.arrival &+ UInt64(exchange.delay * 1e9)) }
        if exchange.timeQuantum > 0 {
            let elapsed = target &- exchange.arrival
            target = exchange.arrival &+ (elapsed / exchange.timeQuantum + 1) &* exchange.timeQuantum
        }
        if target > now { try? await Task.sleep(nanoseconds: target &- now) }
        if let pipeline { await pipeline.finish(exchange) }
    }
}
