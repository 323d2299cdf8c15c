import CasemateCore
import Foundation

/// One call of a face: the table of these routes requests and makes the description of the interface, so that neither
/// can say something else than the other.
package struct WireOperation: Sendable {
    /// A piece of a path.
    enum Segment: Sendable, Hashable { case word(String), model, version }
    /// What the body of a request holds.
    enum Content: Sendable, Hashable { case nothing, openInference, mlflow }
    /// What a successful response holds.
    enum Answer: String, Sendable, Hashable {
        case live, ready, server, models, model, modelReady, inference, predictions, line, exposition, document, index
    }
    /// Model and version as a path names them; empty where it names none.
    package struct Names: Sendable, Hashable {
        var model = "", version = ""
    }
    /// Does the work.
    typealias Work =
        @Sendable (WireRequest, Names, inout Exchange, GuardGeneration) async throws -> WireResponse

    /// `GET` or `POST`; whatever is got may be asked for with `HEAD` as well.
    package let method: String
    let segments: [Segment]
    /// Stable name in the description of the interface.
    package let name: String
    /// What it does, a clause.
    let summary: String
    let access: WireRoute.Access
    /// Whether it asks a model: such calls pass the stages and are recorded.
    let isCall: Bool
    let content: Content
    let answer: Answer
    /// Refusals that may come besides those of every operation of its access.
    let refusals: [GuardRefusal.Kind]
    let work: Work

    init(
        _ method: String, _ path: String, _ name: String, _ summary: String, access: WireRoute.Access,
        isCall: Bool = false, content: Content = .nothing, answer: Answer, refusals: [GuardRefusal.Kind] = [],
        work: @escaping Work
    ) {
        (self.method, self.name, self.summary, self.access) = (method, name, summary, access)
        (self.isCall, self.content, self.answer, self.refusals, self.work) = (isCall, content, answer, refusals, work)
        segments = path.split(separator: "/").map { part in
            part == "{model}" ? .model : part == "{version}" ? .version : .word(String(part))
        }
    }

    /// The path with names of its parameters in braces.
    package var path: String {
        "/"
            + segments.map { segment in
                switch segment {
                case .word(let word): word
                case .model: "{model}"
                case .version: "{version}"
                }
            }.joined(separator: "/")
    }

    /// Statuses of refusals, in order.
    package var statuses: [Int] {
        var kinds: [GuardRefusal.Kind] = [.timeout, .tooLarge, .mediaType, .malformed, .failed] + refusals
        if case .scope = access { kinds += [.unauthenticated, .forbidden, .limited, .unavailable] }
        if isCall {
            kinds += [.notFound, .unprocessable, .upstreamFailed, .upstreamTimeout, .storage]
        }
        return Set(kinds.map(\.status)).sorted()
    }

    /// What the path names; `nil` when it is not this operation's.
    private func names(_ parts: [Substring]) -> Names? {
        guard parts.count == segments.count else { return nil }
        var names = Names()
        for (part, segment) in zip(parts, segments) {
            switch segment {
            case .word(let word):
                guard part.utf8.count == word.utf8.count, part.utf8.elementsEqual(word.utf8) else { return nil }
            case .model: names.model = Self.decoded(part)
            case .version: names.version = Self.decoded(part)
            }
        }
        return names
    }

    /// A name of a path. What is no name of a model, whatever it is, becomes `?`, which no model is called.
    private static func decoded(_ part: Substring) -> String {
        let text = part.contains("%") ? part.removingPercentEncoding ?? "" : String(part)
        let isName = text.utf8.allSatisfy { byte in
            (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
                || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "-")
        }
        return isName && !text.isEmpty && text.utf8.count <= 100 ? text : "?"
    }

    /// The route of a request among operations; `nil` when none has its path.
    /// - Throws: `GuardRefusal` with `methodNotAllowed` when the path is there and the method is not.
    static func route(_ head: WireHead, among operations: [WireOperation]) throws -> WireRoute? {
        guard head.path.hasPrefix("/"), head.path.utf8.count <= 1_024 else { return nil }
        let parts = head.path.utf8.dropFirst().split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
            .map { Substring($0) }
        // why: the root is one empty part, and so is what stands behind a slash at the end, which is no address here.
        let path = parts == [""] ? [] : parts
        var allowed: [String] = []
        for operation in operations {
            guard let names = operation.names(path) else { continue }
            // why: the server does not send the body of an answer to HEAD; all else is the same.
            let method = head.method == "HEAD" ? "GET" : head.method
            if operation.method == method { return operation.route(names) }
            allowed += operation.method == "GET" ? ["GET", "HEAD"] : [operation.method]
        }
        guard !allowed.isEmpty else { return nil }
        throw GuardRefusal(.methodNotAllowed, "this address takes \(allowed.joined(separator: ", "))", allow: allowed)
    }

    private func route(_ names: Names) -> WireRoute {
        let target = isCall ? WireRoute.Target(name: names.model, version: names.version) : nil
        let isQuick = answer != .exposition && answer != .document
        return WireRoute(access: access, target: target, bodyLimit: content == .nothing ? 0 : nil, isQuick: isQuick) {
            [work] request, exchange, generation in
            try await work(request, names, &exchange, generation)
        }
    }
}

extension WireRoute {
    /// The same route with the model named, where its path leaves that to the configuration (MLflow's `/invocations`):
    /// the last model of the file.
    package func resolved(in generation: GuardGeneration) -> WireRoute {
        guard let target, target.name.isEmpty, let last = generation.models.last?.backend.description else {
            return self
        }
        return WireRoute(
            access: access, target: .init(name: last.name, version: last.version), bodyLimit: bodyLimit,
            isQuick: isQuick, handle: handle)
    }
}

/// What the faces tell of the guard itself.
package enum GuardFacts {
    /// Name of the server in the metadata of the protocols.
    package static let name = "casemate"
    /// Its version.
    package static let version = Product.version

    /// Whether requests would be answered now: the server takes new ones, decisions are being kept, and every model
    /// would answer.
    static func isReady(_ generation: GuardGeneration) -> Bool {
        !generation.memory.object(ServerState.name) { ServerState() }.isDraining && generation.log.isWriting
            && generation.models.allSatisfy { $0.backend.isReady }
    }
    /// What is answered while it is not.
    static let notReady = GuardRefusal(.unavailable, "not ready", retryAfter: 1, reason: "not_ready")

    /// The models that a client may know of, in the order of the file.
    static func models(_ generation: GuardGeneration, for client: ClientIdentity) -> [GuardGeneration.Served] {
        guard let names = client.models else { return generation.models }
        return generation.models.filter { names.contains($0.backend.description.name) }
    }
    /// The model that a path names.
    /// - Throws: `GuardRefusal` with `notFound`, also for a model that the client may not know of.
    static func model(
        _ names: WireOperation.Names, _ generation: GuardGeneration, for client: ClientIdentity
    ) throws -> GuardGeneration.Served {
        guard client.models?.contains(names.model) ?? true,
            let served = generation.model(.init(name: names.model, version: names.version))
        else { throw GuardRefusal(.notFound, "there is no such model or version", field: "model") }
        return served
    }
}
