import Foundation
import Synchronization

/// A server of bytes on 127.0.0.1, for what no HTTP server would do: resets, half answers, noise.
final class RawServer: Sendable {
    let port: Int
    var url: String { "http://127.0.0.1:\(port)" }
    private let listener: Int32
    private let served = Atomic<Int>(0)
    /// Connections that were taken.
    var connections: Int { served.load(ordering: .relaxed) }

    /// Starts; `talk` is called on a thread for each connection and closes nothing: that is done behind it, with a reset
    /// where it says so.
    init(_ talk: @escaping @Sendable (_ connection: Connection) -> Bool) throws {
        listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let number = withUnsafeMutablePointer(to: &address) { [listener] pointer -> Int in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                guard bind(listener, address, size) == 0, listen(listener, 128) == 0,
                    getsockname(listener, address, &size) == 0
                else { return -1 }
                return 0
            }
        }
        guard number == 0 else { throw CocoaError(.fileReadUnknown) }
        port = Int(UInt16(bigEndian: address.sin_port))
        Thread.detachNewThread { [listener, weak self] in
            while true {
                let descriptor = accept(listener, nil, nil)
                guard descriptor >= 0 else { return }
                self?.served.wrappingAdd(1, ordering: .relaxed)
                Thread.detachNewThread {
                    if talk(Connection(descriptor: descriptor)) {
                        var now = linger(l_onoff: 1, l_linger: 0)
                        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &now, socklen_t(MemoryLayout<linger>.size))
                    }
                    close(descriptor)
                }
            }
        }
    }

    deinit {
        shutdown(listener, Int32(SHUT_RDWR))
        close(listener)
    }

    /// One connection.
    struct Connection: Sendable {
        let descriptor: Int32

        /// Reads a request's head and body, as far as the head tells its length; `nil` when the client hung up.
        func request() -> String? {
            var bytes: [UInt8] = []
            while true {
                if let end = Self.end(of: bytes) {
                    let head = String(decoding: bytes[..<end], as: UTF8.self)
                    let lines = head.lowercased().split(separator: "\r\n")
                    let length = lines.first { $0.hasPrefix("content-length:") }.flatMap {
                        Int($0.dropFirst(15).trimmingCharacters(in: .whitespaces))
                    }
                    if bytes.count >= end + 4 + (length ?? 0) { return head }
                }
                var block = [UInt8](repeating: 0, count: 65_536)
                let got = recv(descriptor, &block, block.count, 0)
                guard got > 0 else { return nil }
                bytes += block[..<got]
            }
        }
        /// Reads only the head.
        func head() {
            var block = [UInt8](repeating: 0, count: 1_024)
            _ = recv(descriptor, &block, block.count, 0)
        }
        private static func end(of bytes: [UInt8]) -> Int? {
            guard bytes.count >= 4 else { return nil }
            return (0...bytes.count - 4).first { bytes[$0..<$0 + 4].elementsEqual([13, 10, 13, 10]) }
        }
        /// Writes; whether all of it went.
        @discardableResult
        func send(_ text: String) -> Bool { send(Array(text.utf8)) }
        @discardableResult
        func send(_ bytes: [UInt8]) -> Bool {
            var sent = 0
            while sent < bytes.count {
                let count = bytes.withUnsafeBytes { raw in
                    Foundation.send(
                        descriptor, raw.baseAddress.map { $0 + sent }, bytes.count - sent, Int32(MSG_NOSIGNAL))
                }
                guard count > 0 else { return false }
                sent += count
            }
            return true
        }
        /// Waits until the client hangs up; whether it did within so many seconds.
        func waitForEnd(seconds: Int) -> Bool {
            var time = timeval(tv_sec: seconds, tv_usec: 0)
            setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &time, socklen_t(MemoryLayout<timeval>.size))
            var block = [UInt8](repeating: 0, count: 1_024)
            while true {
                let got = recv(descriptor, &block, block.count, 0)
                if got == 0 { return true }
                if got < 0 { return errno != EAGAIN && errno != EWOULDBLOCK }
            }
        }
    }
}
