import Foundation

/// A client that sends bytes as they are given, well-formed or not. Blocking; used inside `offThread`.
final class RawClient {
    private let descriptor: Int32

    init(port: Int) {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        _ = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }
    deinit { close(descriptor) }

    /// Sends everything; false when the server does not take it any more.
    @discardableResult func send(_ bytes: [UInt8], seconds: Double = 20) -> Bool {
        var offset = 0
        let end = Date(timeIntervalSinceNow: seconds)
        while offset < bytes.count, Date() < end {
            let sent = bytes.withUnsafeBytes { raw in
                raw.baseAddress.map {
                    Foundation.send(
                        descriptor, $0 + offset, raw.count - offset, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
                } ?? -1
            }
            if sent > 0 { offset += sent } else if errno == EAGAIN { usleep(2_000) } else { return false }
        }
        return offset == bytes.count
    }
    @discardableResult func send(_ text: String) -> Bool { send(Array(text.utf8)) }
    /// Says that nothing more is sent.
    func finish() { shutdown(descriptor, Int32(SHUT_WR)) }
    /// Ends the connection with a reset.
    func reset() {
        var linger = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout.size(ofValue: linger)))
        shutdown(descriptor, Int32(SHUT_RDWR))
    }

    /// What came.
    struct Reply: Sendable {
        var bytes: [UInt8] = []
        var isClosed = false
        var seconds = 0.0
        var text: String { String(decoding: bytes, as: UTF8.self) }
        /// Statuses of all responses.
        var statuses: [Int] {
            text.components(separatedBy: "HTTP/1.1 ").dropFirst().compactMap { Int($0.prefix(3)) }
        }
        func has(_ text: String) -> Bool { self.text.range(of: text, options: .caseInsensitive) != nil }
    }
    /// Reads until the server closes, `isEnough` says so, or the time is over.
    func receive(seconds: Double = 20, until isEnough: (Reply) -> Bool = { _ in false }) -> Reply {
        var reply = Reply()
        let start = Date()
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while !isEnough(reply) {
            reply.seconds = Date().timeIntervalSince(start)
            let left = seconds - reply.seconds
            guard left > 0 else { break }
            var ready = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            guard poll(&ready, 1, Int32(left * 1_000) + 1) > 0 else { continue }
            let count = buffer.withUnsafeMutableBytes { recv(descriptor, $0.baseAddress, $0.count, 0) }
            guard count > 0 else {
                reply.isClosed = true
                break
            }
            reply.bytes += buffer.prefix(count)
        }
        reply.seconds = Date().timeIntervalSince(start)
        return reply
    }

    /// Sends a text and reads until the server closes.
    static func ask(_ port: Int, _ text: String, seconds: Double = 20) async -> Reply {
        await ask(port, Array(text.utf8), seconds: seconds)
    }
    static func ask(_ port: Int, _ bytes: [UInt8], seconds: Double = 20) async -> Reply {
        await offThread {
            let client = RawClient(port: port)
            client.send(bytes)
            return client.receive(seconds: seconds)
        }
    }
}

/// Runs blocking work away from the threads that tests and server share.
func offThread<Result: Sendable>(_ work: @escaping @Sendable () -> Result) async -> Result {
    await withCheckedContinuation { continuation in
        Thread.detachNewThread { continuation.resume(returning: work()) }
    }
}
