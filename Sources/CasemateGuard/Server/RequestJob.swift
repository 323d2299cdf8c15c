import NIOCore

/// A request on its way through the guard.
struct RequestJob: Sendable {
    /// Its head.
    let wire: WireHead
    /// Its body where all of it was there with the head; else it is asked for.
    let whole: ByteBuffer?
    /// Who reads the body and writes the response, and where.
    let handler: NIOLoopBound<RequestHandler>
    let loop: any EventLoop
    let core: ServerCore
    /// Protocol and bytes of the body, for the log.
    let label: String, bytes: Int, hasLog: Bool

    /// Asks the guard and has the response written.
    func run() async {
        let start = NIODeadline.now()
        let response = await core.edge.respond(to: wire) { limit in try await read(limit) }
        let outgoing = Outgoing(response, isHead: wire.method == "HEAD")
        if hasLog {
            core.note(wire, response, label: label, bytes: bytes, nanoseconds: (NIODeadline.now() - start).nanoseconds)
        }
        guard !loop.inEventLoop else { return handler.value.write(outgoing) }
        loop.execute { handler.value.write(outgoing) }
    }

    private func read(_ limit: Int) async throws -> [UInt8] {
        if let whole {
            guard whole.readableBytes <= limit else { throw RequestHandler.tooLarge(limit) }
            return Array(whole.readableBytesView)
        }
        let body = try await loop.flatSubmit { handler.value.collect(limit) }.get()
        return Array(body.readableBytesView)
    }
}
