import CasemateCore
public import Logging
import Synchronization

/// Takes a request from the server to its face, through authentication, stages and the record, and always has an answer.
public final class GuardEdge: Sendable {
    private let current: Mutex<GuardGeneration>
    private let faces: [any WireFace]
    private let logger: Logger

    /// Makes an edge.
    public init(_ generation: GuardGeneration, faces: [any WireFace], logger: Logger) {
        current = Mutex(generation)
        (self.faces, self.logger) = (faces, logger)
    }

    /// The configuration in force.
    public var generation: GuardGeneration { current.withLock { $0 } }
    /// Puts another configuration in force; gives back the one before, for requests that are on their way.
    public func replace(with generation: GuardGeneration) -> GuardGeneration {
        current.withLock { current in
            defer { current = generation }
            return current
        }
    }

    /// Answers a request; whatever goes wrong becomes a response.
    /// - Parameters:
    ///   - head: Its head.
    ///   - readBody: Reads the body up to a limit in bytes; throws `GuardRefusal` with `tooLarge` or `timeout`.
    public func respond(
        to head: WireHead, readBody: (_ limit: Int) async throws -> [UInt8]
    ) async -> WireResponse {
        let generation = generation
        var passage = Passage(head: head, generation: generation)
        var response: WireResponse
        do { response = try await passage.answer(faces: faces, readBody: readBody) } catch {
            response = passage.response(to: error, logger: logger)
        }
        response = await passage.recorded(response)
        await passage.settle(&response)
        return response
    }
}
