import Synchronization

/// What is counted of every request; looked up without making texts of labels each time.
final class RequestMeters: Sendable {
    private struct Key: Hashable { let face: String, model: String, status: Int }
    private struct Meters {
        let count: MetricsRegistry.Cell, duration: MetricsRegistry.Histogram
    }
    private let registry: MetricsRegistry
    private let meters = Mutex<[Key: Meters]>([:])

    /// Makes meters of a registry.
    init(_ registry: MetricsRegistry) { self.registry = registry }

    /// Counts a request. Faces, models and statuses are words of ours, so that few are remembered.
    func count(face: String, model: String, status: Int, nanoseconds: UInt64) {
        let key = Key(face: face, model: model, status: status)
        let found = meters.withLock { meters in
            if let found = meters[key] { return found }
            let face = ("face", face.isEmpty ? "none" : face)
            let made = Meters(
                count: registry.counter(
                    "casemate_requests_total", "Requests by face, model and status.",
                    [face, ("model", model), ("status", "\(status)")]),
                duration: registry.histogram(
                    "casemate_request_duration_seconds", "Time from arrival to decision.", [face]))
            meters[key] = made
            return made
        }
        found.count.add()
        found.duration.observe(nanoseconds: nanoseconds)
    }
}
