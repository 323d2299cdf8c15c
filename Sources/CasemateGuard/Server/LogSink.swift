import Dispatch
import Foundation
import Synchronization

/// Takes lines from any thread and writes them on one of its own, in order. Nobody waits: when the reader of the stream
/// stands still, lines are dropped and counted.
public final class LogSink: Sendable {
    private struct State {
        var bytes: [UInt8] = []
        var isWriting = false
        var dropped = 0
    }
    private let state = Mutex(State())
    private let queue = DispatchQueue(label: "casemate.log")
    private let descriptor: Int32
    private static let mostBytes = 4 << 20

    /// Makes a sink on a descriptor, which is not closed.
    public init(descriptor: Int32) { self.descriptor = descriptor }

    /// Takes a line; the line end is added.
    public func write(_ line: [UInt8]) {
        let isFirst = state.withLock { state in
            guard state.bytes.count + line.count < Self.mostBytes else {
                state.dropped += 1
                return false
            }
            state.bytes += line
            state.bytes.append(0x0A)
            defer { state.isWriting = true }
            return !state.isWriting
        }
        if isFirst { queue.async { self.drain() } }
    }

    /// Waits until all lines are out, for a second at most: a reader that stands still must not keep the program from
    /// ending.
    public func flush(seconds: Double = 1) {
        let done = DispatchSemaphore(value: 0)
        queue.async {
            self.drain()
            done.signal()
        }
        _ = done.wait(timeout: .now() + seconds)
    }

    private func drain() {
        while true {
            let bytes = state.withLock { state -> [UInt8] in
                var bytes = state.bytes
                state.bytes = []
                if state.dropped > 0 {
                    bytes += Array("{\"level\":\"warning\",\"message\":\"log lines dropped: \(state.dropped)\"}\n".utf8)
                    state.dropped = 0
                }
                state.isWriting = !bytes.isEmpty
                return bytes
            }
            guard !bytes.isEmpty else { return }
            put(bytes)
        }
    }

    private func put(_ bytes: [UInt8]) {
        var offset = 0
        while offset < bytes.count {
            let written = bytes.withUnsafeBytes { raw in
                raw.baseAddress.map { Foundation.write(descriptor, $0 + offset, raw.count - offset) } ?? -1
            }
            if written < 0, errno == EINTR { continue }
            if written < 0, errno == EAGAIN {
                var ready = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                poll(&ready, 1, 1_000)
                continue
            }
            guard written > 0 else { return }
            offset += written
        }
    }
}
