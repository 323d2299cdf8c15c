import CasemateCore
import Dispatch
import Foundation

/// Turns SIGINT and SIGTERM into a cancellation, and ends the process with status 130 if work does not stop by itself.
final class Interrupt {
    private let sources: [any DispatchSourceSignal]

    /// Watches until it is released.
    init(_ cancellation: Cancellation) {
        sources = [SIGINT, SIGTERM].map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global(qos: .userInteractive))
            source.setEventHandler {
                cancellation.cancel(.interrupted)
                // why: an engine may be inside a call that cannot be stopped; nothing is half-written at any moment,
                // because files appear by rename, so leaving is safe.
                DispatchQueue.global(qos: .userInteractive).asyncAfter(deadline: .now() + .milliseconds(700)) {
                    Terminal.message("interrupted")
                    _exit(130)
                }
            }
            source.resume()
            return source
        }
    }

    deinit { for source in sources { source.cancel() } }
}
