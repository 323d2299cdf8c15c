import ArgumentParser
import CasemateCore
import CasemateGuard
import Dispatch
import Foundation
import Logging
import Synchronization

/// `casemate serve`: the guard.
struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Serve models, or stand in front of them, and record every decision.",
        discussion: """
            casemate serve guard.yaml
            casemate serve guard.yaml --check

            Says `listening on URL` on standard error when it is ready; the log follows there, one JSON object a line. \
            SIGHUP reads configuration, models and certificates again; changed files are noticed without it. SIGTERM \
            and SIGINT end it after the requests on their way, a second one at once. Exit status: 0 ended as asked or \
            checked, 2 the configuration or the address cannot be used, 130 ended by the second signal.
            """)

    @Argument(help: "The configuration; see docs/reference/guard-yaml.md.") var file: String
    @Option(
        name: .customLong("log-level"),
        help: "Least level of the log: trace, debug, info, notice, warning, error, critical.")
    var logLevel = "info"
    @Flag(name: .long, help: "Read the configuration, open the models, and end; nothing is written.") var check = false

    func validate() throws {
        let known = Logger.Level.allCases.map(\.rawValue)
        guard known.contains(logLevel) else {
            throw ValidationError(
                "unknown level '\(logLevel)'\(Suggestion.clause(for: logLevel, among: known)); known are "
                    + known.joined(separator: ", "))
        }
    }

    func run() async throws {
        let sink = LogSink(descriptor: STDERR_FILENO)
        defer { sink.flush() }
        let level = Logger.Level(rawValue: logLevel) ?? .info
        let logger = Logger(label: "casemate.guard") { label in
            JSONLogHandler(label: label, sink: sink, level: check ? max(level, .warning) : level)
        }
        Self.raiseFileLimit()
        let context = RunContext(threads: ProcessInfo.processInfo.activeProcessorCount, logger: logger)
        let loader = GuardLoader(opener: BackendOpener(search: Engines.search), context: context, isCheck: check)
        let service = try await GuardService(configuration: file, loader: loader)
        guard !check else {
            await service.close()
            return Terminal.output(service.summary.map { $0 + "\n" }.joined() + "\(file): ready to serve\n")
        }
        let signals = ServeSignals()
        try await service.run(signals: signals.stream) { url in
            Terminal.message("listening on \(url)")
        }
        withExtendedLifetime(signals) {}
    }

    /// why: a connection is a file, and systems begin with few for programs that ask for no more.
    private static func raiseFileLimit() {
        var limit = rlimit()
        let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        guard getrlimit(resource, &limit) == 0, limit.rlim_cur < limit.rlim_max else { return }
        limit.rlim_cur = limit.rlim_max
        setrlimit(resource, &limit)
    }
}

/// Signals of the system as what is asked of the service.
private final class ServeSignals {
    let stream: AsyncStream<GuardService.Signal>
    private let sources: [any DispatchSourceSignal]

    init() {
        let (stream, continuation) = AsyncStream<GuardService.Signal>.makeStream()
        self.stream = stream
        let counter = Counter()
        sources = [SIGTERM, SIGINT, SIGHUP].map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global(qos: .userInteractive))
            source.setEventHandler {
                guard number != SIGHUP else { return _ = continuation.yield(.reload) }
                if counter.next() > 1 { _exit(130) }
                continuation.yield(.stop)
            }
            source.resume()
            return source
        }
    }
}

private final class Counter: Sendable {
    private let count: Mutex<Int>
    init() { count = Mutex(0) }
    func next() -> Int {
        count.withLock { count in
            count += 1
            return count
        }
    }
}
