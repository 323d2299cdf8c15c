import Foundation
import Synchronization

/// The two streams: results on standard output, everything else on standard error.
enum Terminal {
    /// When to colour.
    enum Colour: String, CaseIterable { case auto, always, never }

    /// Writes to standard output as it is.
    static func output(_ text: String) { write(Data(text.utf8), to: STDOUT_FILENO) }
    /// Writes bytes to standard output.
    static func output(_ data: Data) { write(data, to: STDOUT_FILENO) }
    /// Writes to standard error as it is.
    static func draw(_ text: String) { write(Data(text.utf8), to: STDERR_FILENO) }
    /// Writes a line to standard error.
    static func message(_ line: String) { write(Data((line + "\n").utf8), to: STDERR_FILENO) }

    private static func write(_ data: Data, to descriptor: Int32) {
        var offset = 0
        while offset < data.count {
            let written = data.withUnsafeBytes { bytes -> Int in
                guard let base = bytes.baseAddress else { return 0 }
                return Foundation.write(descriptor, base + offset, data.count - offset)
            }
            if written < 0 && errno == EINTR { continue }
            guard written > 0 else {
                // why: a reader that has seen enough is no failure; a result that was not written is one.
                if errno != EPIPE, descriptor == STDOUT_FILENO {
                    message("error: standard output: \(String(cString: strerror(errno)).lowercased()) [unwritable]")
                    exit(2)
                }
                return
            }
            offset += written
        }
    }

    /// Whether a stream is a terminal that shows colour.
    static func isColored(_ descriptor: Int32, _ colour: Colour, environment: [String: String]) -> Bool {
        switch colour {
        case .always: return true
        case .never: return false
        case .auto:
            return isatty(descriptor) == 1 && (environment["NO_COLOR"] ?? "").isEmpty && environment["TERM"] != "dumb"
        }
    }

    /// Width of the terminal in columns, 100 where there is none.
    static var width: Int {
        var size = winsize()
        guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 100 }
        return min(max(Int(size.ws_col), 60), 140)
    }
}

/// A progress line on standard error: rate and time left, only on a terminal.
final class ProgressLine: Sendable {
    private struct State {
        var stage = ""
        var began = ContinuousClock.now
        var drawn: ContinuousClock.Instant?
    }
    private let state = Mutex(State())
    private let isShown: Bool

    /// Makes a line; nothing is ever drawn when standard error is no terminal.
    init(isQuiet: Bool) { isShown = !isQuiet && isatty(STDERR_FILENO) == 1 }

    /// Says how far a stage is.
    func update(_ stage: String, _ done: Int, _ total: Int) {
        guard isShown else { return }
        state.withLock { state in
            let now = ContinuousClock.now
            if state.stage != stage { (state.stage, state.began, state.drawn) = (stage, now, nil) }
            if let drawn = state.drawn, now - drawn < .milliseconds(100), done < total { return }
            state.drawn = now
            let spent = Double((now - state.began).components.seconds)
            let left = done > 0 && total > done ? spent / Double(done) * Double(total - done) : 0
            let bar = total > 0 ? String(repeating: "█", count: min(20, 20 * done / total)) : ""
            let padded = bar + String(repeating: "░", count: 20 - bar.count)
            let time = left > 1 ? ", \(Int(left.rounded())) s left" : ""
            Terminal.draw("\r\u{1B}[K\(stage) \(padded) \(done)/\(total)\(time)")
        }
    }

    /// Removes the line.
    func clear() {
        guard isShown else { return }
        Terminal.draw("\r\u{1B}[K")
    }
}
