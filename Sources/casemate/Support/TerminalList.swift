import CasemateAudit
import CasemateCore
import Foundation

/// Shows a review on the terminal: raw keys in, whole screens out, and the terminal as it was in the end, however that
/// comes.
enum TerminalList {
    /// Whether both streams are a terminal that can move its cursor.
    static var isPossible: Bool {
        let kind = ProcessInfo.processInfo.environment["TERM"] ?? ""
        return isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1 && !kind.isEmpty && kind != "dumb"
    }

    /// Runs until the reviewer leaves.
    /// - Returns: the list with all decisions.
    static func run(
        _ list: ReviewList, filter: ReviewFilter, order: ReviewOrder, who: String, isColoured: Bool
    ) throws -> ReviewList {
        var session = ReviewSession(list, filter: filter, order: order, who: who)
        var reader = ReviewKeyReader()
        guard RawTerminal.enter() else {
            throw CasemateError(
                .unreadable, at: "terminal", "cannot be switched to single keys", help: "use --list and --mark")
        }
        defer { RawTerminal.leave() }
        var drawn: [String] = []
        var idle = 0
        while !session.isOver {
            let size = RawTerminal.size
            if RawTerminal.wasStopped() { drawn = [] }
            let screen = ReviewScreen(width: size.width, height: size.height, isColoured: isColoured)
            let lines = screen.lines(&session)
            if lines != drawn { draw(lines) }
            drawn = lines
            guard let bytes = RawTerminal.read(milliseconds: 100) else { break }
            idle = bytes.isEmpty ? idle + 1 : 0
            for key in reader.take(bytes, isIdle: bytes.isEmpty) where !session.isOver {
                try session.take(key, now: Date())
            }
            if idle % 10 == 9 { try session.refresh() }
        }
        return session.list
    }

    /// Draws every line in its place, so that nothing flickers and nothing of an older screen stays.
    private static func draw(_ lines: [String]) {
        let text = lines.enumerated().map { "\u{1B}[\($0 + 1);1H\($1)\u{1B}[K" }.joined()
        Terminal.output(text + "\u{1B}[J")
    }
}

/// The terminal in raw mode.
///
/// why a global: signal handlers can reach nothing else, and there is one terminal a process. It is written before the
/// handlers are set and only read by them.
private nonisolated(unsafe) var saved = termios()
private nonisolated(unsafe) var isRaw: sig_atomic_t = 0
private nonisolated(unsafe) var hasContinued: sig_atomic_t = 0

private enum RawTerminal {
    /// Signals that end the process, and those that a crash raises.
    private static let ending = [SIGINT, SIGTERM, SIGHUP, SIGQUIT]
    private static let crashing = [SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGFPE, SIGABRT]

    /// Switches to single keys on a screen of its own; false when the terminal refuses.
    static func enter() -> Bool {
        guard tcgetattr(STDIN_FILENO, &saved) == 0 else { return false }
        // why: what watched these signals before may have kept them from handlers.
        var all = sigset_t()
        sigemptyset(&all)
        for number in ending + crashing + [SIGTSTP] { sigaddset(&all, number) }
        pthread_sigmask(SIG_UNBLOCK, &all, nil)
        for number in ending {
            signal(number) { number in
                restore()
                // why no cleaning up: every decision is on the disk already.
                _exit(number == SIGINT || number == SIGTERM ? 130 : 128 + number)
            }
        }
        for number in crashing {
            signal(number) { number in
                restore()
                signal(number, SIG_DFL)
                raise(number)
            }
        }
        signal(SIGTSTP) { _ in
            restore()
            kill(getpid(), SIGSTOP)
            // Here it goes on, after SIGCONT.
            if switchOn() { hasContinued = 1 }
        }
        return switchOn()
    }

    /// Gives the terminal back and lets signals be again.
    static func leave() {
        restore()
        for number in ending + crashing + [SIGTSTP] { signal(number, SIG_DFL) }
    }

    /// Whether the process was stopped and goes on, so that the screen must be drawn anew; asked once for each time.
    static func wasStopped() -> Bool {
        defer { hasContinued = 0 }
        return hasContinued != 0
    }

    /// Columns and lines.
    static var size: (width: Int, height: Int) {
        var size = winsize()
        guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0 else {
            return (80, 24)
        }
        return (min(Int(size.ws_col), 500), min(Int(size.ws_row), 300))
    }

    /// Bytes of keys; empty when none came in time, `nil` when the terminal is gone.
    static func read(milliseconds: Int32) -> [UInt8]? {
        var request = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
        let ready = poll(&request, 1, milliseconds)
        if ready < 0 { return errno == EINTR ? [] : nil }
        guard ready > 0 else { return [] }
        var bytes = [UInt8](repeating: 0, count: 256)
        let count = bytes.withUnsafeMutableBytes { Foundation.read(STDIN_FILENO, $0.baseAddress, $0.count) }
        if count < 0 { return errno == EINTR || errno == EAGAIN ? [] : nil }
        return count == 0 ? nil : Array(bytes.prefix(count))
    }
}

/// Only calls that are allowed in signal handlers.
private func switchOn() -> Bool {
    var raw = saved
    // Keys come one by one and are not shown; signals of the keyboard stay.
    raw.c_lflag &= ~tcflag_t(ICANON | ECHO)
    raw.c_iflag &= ~tcflag_t(IXON)
    guard tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) == 0 else { return false }
    isRaw = 1
    return emit("\u{1B}[?1049h\u{1B}[?25l\u{1B}[2J")
}

private func restore() {
    guard isRaw != 0 else { return }
    isRaw = 0
    _ = emit("\u{1B}[0m\u{1B}[?25h\u{1B}[?1049l")
    tcsetattr(STDIN_FILENO, TCSADRAIN, &saved)
}

@discardableResult
private func emit(_ text: StaticString) -> Bool {
    write(STDOUT_FILENO, text.utf8Start, text.utf8CodeUnitCount) == text.utf8CodeUnitCount
}
