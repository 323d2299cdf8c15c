public import Logging

/// What every piece of work is given: seed, threads, cancellation, progress, a logger. Nothing else is global.
public struct RunContext: Sendable {
    /// Seed of all randomness.
    public var seed: UInt64
    /// Number of threads that the work may use; results do not depend on it.
    public var threads: Int
    /// Tells the work to stop.
    public var cancellation: Cancellation
    /// When work that can stop early and keep what it has should do so; `nil` sets no time.
    public var deadline: ContinuousClock.Instant?
    /// Where long work says how far it is: a stage, done and total. Called from any thread.
    public var progress: @Sendable (_ stage: String, _ done: Int, _ total: Int) -> Void
    /// For warnings and stages; errors are thrown, not logged.
    public var logger: Logger

    /// Makes a context.
    public init(
        seed: UInt64 = 0, threads: Int = 1, cancellation: Cancellation = Cancellation(),
        deadline: ContinuousClock.Instant? = nil,
        progress: @escaping @Sendable (String, Int, Int) -> Void = { _, _, _ in },
        logger: Logger = Logger(label: "casemate", factory: { _ in SwiftLogNoOpLogHandler() })
    ) {
        (self.seed, self.threads, self.cancellation) = (seed, threads, cancellation)
        (self.deadline, self.progress, self.logger) = (deadline, progress, logger)
    }
}
