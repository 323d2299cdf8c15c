import Foundation
import TestSupport
import Testing

/// Pseudo-terminals for tests.
private enum TestTerminal {
    /// The two ends of a pseudo-terminal, as Linux makes them; `nil` where there are none.
    ///
    /// why by hand: the C library's `posix_openpt` is not visible from Swift.
    static func open() -> (master: Int32, slave: Int32)? {
        let (unlock, number) = (UInt(0x4004_5431), UInt(0x8004_5430))  // TIOCSPTLCK and TIOCGPTN
        let master = Foundation.open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC)
        guard master >= 0 else { return nil }
        var (isLocked, name): (Int32, UInt32) = (0, 0)
        guard ioctl(master, unlock, &isLocked) == 0, ioctl(master, number, &name) == 0 else {
            close(master)
            return nil
        }
        let slave = Foundation.open("/dev/pts/\(name)", O_RDWR | O_NOCTTY | O_CLOEXEC)
        guard slave >= 0 else {
            close(master)
            return nil
        }
        return (master, slave)
    }
    /// Whether there are any.
    static let isThere: Bool = {
        guard let (master, slave) = open() else { return false }
        close(master)
        close(slave)
        return true
    }()
}

/// `casemate review` on a terminal of 80 x 24: keys, colours, and the terminal as it was afterwards.
@Suite(.serialized, .enabled(if: TestTerminal.isThere)) struct ReviewTerminalTests {
    /// What a terminal saw.
    private struct Outcome {
        let status: Int32, text: String, before: termios, after: termios
        let isSignal: Bool
        /// Whether keys and echo are as they were, and the list's own screen was left.
        var isRestored: Bool {
            before.c_lflag == after.c_lflag && before.c_iflag == after.c_iflag
                && text.components(separatedBy: "\u{1b}[?1049h").count
                    == text.components(separatedBy: "\u{1b}[?1049l").count
        }
    }
    private enum Step {
        case keys(String)
        case signal(Int32)
    }

    /// Runs the program on a pseudo-terminal; each step is done once the screen has been drawn since the last.
    private static func run(
        _ steps: [Step], in folder: String, environment: [String: String] = ["TERM": "xterm", "NO_COLOR": ""]
    ) throws -> Outcome {
        let (master, slave) = try #require(TestTerminal.open())
        defer {
            close(slave)
            close(master)
        }
        var size = winsize(ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0)
        try #require(ioctl(master, UInt(TIOCSWINSZ), &size) == 0)
        var before = termios(), after = termios()
        tcgetattr(slave, &before)
        let process = Process()
        process.executableURL = URL(fileURLWithPath: Program.casemate)
        process.arguments = ["review", "suspects.csv", "--data", "train.csv", "--who", "anna", "--quiet"]
        process.currentDirectoryURL = URL(fileURLWithPath: folder)
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        let terminal = FileHandle(fileDescriptor: slave, closeOnDealloc: false)
        (process.standardInput, process.standardOutput) = (terminal, terminal)
        process.standardError = FileHandle.nullDevice
        try process.run()
        var bytes: [UInt8] = []
        for step in steps {
            read(master, into: &bytes, process)
            switch step {
            case .keys(let keys): _ = keys.withCString { write(master, $0, strlen($0)) }
            case .signal(let number): kill(process.processIdentifier, number)
            }
        }
        repeat { read(master, into: &bytes, process) } while process.isRunning
        process.waitUntilExit()
        read(master, into: &bytes, process)
        tcgetattr(slave, &after)
        return Outcome(
            status: process.terminationStatus, text: String(decoding: bytes, as: UTF8.self), before: before,
            after: after, isSignal: process.terminationReason == .uncaughtSignal)
    }

    /// Reads until nothing came for a while after something did, or the program has ended.
    private static func read(_ master: Int32, into bytes: inout [UInt8], _ process: Process) {
        let start = bytes.count
        var quiet = 0
        for _ in 0..<600 {
            var request = pollfd(fd: master, events: Int16(POLLIN), revents: 0)
            if poll(&request, 1, 50) > 0, request.revents & Int16(POLLIN) != 0 {
                var block = [UInt8](repeating: 0, count: 65_536)
                let count = Foundation.read(master, &block, block.count)
                if count > 0 { bytes += block.prefix(count) }
                quiet = 0
            } else {
                quiet += 1
                if !process.isRunning || bytes.count > start && quiet >= 3 { return }
            }
        }
    }

    @Test func keysDecideAndTheTerminalComesBack() throws {
        try Repository.withTemporaryFolder { folder in
            try ReviewCommandTests.write(in: folder)
            let run = try Self.run(
                [.keys("p"), .keys("\u{1b}[B"), .keys("nseen\r"), .keys("f"), .keys("q")], in: folder)
            #expect(run.status == 0 && !run.isSignal && run.isRestored)
            #expect(run.text.contains("\u{1b}[?1049h") && run.text.contains("\u{1b}[7m"))
            #expect(run.text.contains("> 0            1.000") && run.text.contains("label=0"))
            // Nothing of the data steers: not the cell of row 2, not its reason.
            #expect(
                !run.text.contains("\u{1b}]") && !run.text.contains("\u{202e}") && !run.text.contains("\u{1b}[2Jodd"))
            let listed = try Program.run(
                [
                    "review", "suspects.csv", "--data", "train.csv", "--list", "--filter", "decided", "--sort", "row",
                    "--quiet",
                ],
                folder: folder)
            let lines = listed.output.split(separator: "\n").map(String.init)
            #expect(lines.count == 3, "\(listed.output)")
            #expect(lines.dropFirst().first?.hasPrefix("0\t1.000\tpoison\tanna") == true)
            #expect(lines.last?.hasPrefix("4\t0.960\tfine\tanna") == true && lines.last?.hasSuffix("\tseen") == true)
        }
    }

    @Test(arguments: [SIGINT, SIGTERM]) func anInterruptionBringsTheTerminalBack(number: Int32) throws {
        try Repository.withTemporaryFolder { folder in
            try ReviewCommandTests.write(in: folder)
            let run = try Self.run([.keys("p"), .signal(number)], in: folder)
            #expect(run.status == 130 && !run.isSignal && run.isRestored)
            let listed = try Program.run(
                ["review", "suspects.csv", "--data", "train.csv", "--list", "--filter", "decided", "--quiet"],
                folder: folder)
            #expect(listed.output.split(separator: "\n").count == 2, "what was decided is kept")
        }
    }

    @Test func aCrashBringsTheTerminalBack() throws {
        try Repository.withTemporaryFolder { folder in
            try ReviewCommandTests.write(in: folder)
            let run = try Self.run([.signal(SIGSEGV)], in: folder)
            #expect(run.isSignal && run.status == SIGSEGV && run.isRestored)
        }
    }

    @Test func aStopBringsTheTerminalBackAndGoesOn() throws {
        try Repository.withTemporaryFolder { folder in
            try ReviewCommandTests.write(in: folder)
            let run = try Self.run([.signal(SIGTSTP), .signal(SIGCONT), .keys("q")], in: folder)
            #expect(run.status == 0 && run.isRestored)
            #expect(run.text.components(separatedBy: "\u{1b}[?1049h").count == 3, "the screen was taken twice")
        }
    }

    @Test func coloursAreLeftOutWhenAskedFor() throws {
        try Repository.withTemporaryFolder { folder in
            try ReviewCommandTests.write(in: folder)
            let plain = try Self.run([.keys("q")], in: folder, environment: ["TERM": "xterm", "NO_COLOR": "1"])
            #expect(plain.status == 0 && plain.text.contains("\u{1b}[?1049h"))
            #expect(!plain.text.contains("\u{1b}[7m") && !plain.text.contains("\u{1b}[1m"))
            let dumb = try Self.run([], in: folder, environment: ["TERM": "dumb"])
            #expect(dumb.status == 0 && !dumb.text.contains("\u{1b}") && dumb.text.contains("odd 38"))
        }
    }
}
