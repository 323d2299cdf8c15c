import CasemateCore
import Foundation
import Synchronization

/// Random hexadecimal digits for identifiers, drawn from the operating system some at a time: a call of the system for
/// each would be a noticeable part of a small request.
enum RandomDigits {
    private struct Pool {
        var bytes = [UInt8](repeating: 0, count: 256)
        var used = 256
    }
    private static let pool = Mutex(Pool())

    /// Two digits for each of 1 to 32 bytes, never all zero.
    static func text(bytes count: Int) -> String {
        let count = max(1, min(32, count))
        let drawn = pool.withLock { pool -> [UInt8] in
            if pool.used + count > pool.bytes.count { fill(&pool) }
            defer { pool.used += count }
            return Array(pool.bytes[pool.used..<pool.used + count])
        }
        return drawn.contains { $0 != 0 } ? Hexadecimal.text(of: drawn) : text(bytes: count)
    }

    private static func fill(_ pool: inout Pool) {
        pool.used = 0
        let isFilled = pool.bytes.withUnsafeMutableBytes { getentropy($0.baseAddress, $0.count) == 0 }
        guard !isFilled else { return }
        var generator = SystemRandomNumberGenerator()
        for index in pool.bytes.indices { pool.bytes[index] = UInt8.random(in: 0...255, using: &generator) }
    }
}
