import CasemateCore
import Foundation
import Synchronization

/// Keeps calls from a server that fails: closed while it works, open while it does not, half open while few calls find
/// out. Uses the monotonic clock alone.
package final class CircuitBreaker: Sendable {
    /// When it opens and closes.
    package struct Settings: Sendable, Hashable {
        /// Share of failures at which it opens, and the number of calls before that counts.
        package var failures = 0.5, calls = 20
        /// Seconds over which calls are counted.
        package var window = 10.0
        /// Seconds that it stays open at first and at most; doubled at each failed attempt, 20 % more or less.
        package var pause = 30.0, longestPause = 480.0
        /// Calls at a time that find out whether the server works again; as many must succeed.
        package var probes = 3
        /// The settings that hold by default.
        package init() {}
    }
    /// Where it stands; the number is that of the gauge.
    package enum Phase: Int, Sendable { case closed = 0, halfOpen = 1, open = 2 }
    /// How a call ended, as far as that says something about the server.
    package enum Outcome: Sendable { case success, failure, neither }
    /// The right to make a call; to be reported.
    package struct Permit: Sendable {
        fileprivate let generation: UInt64
    }
    private struct Slot {
        var number: UInt64 = 0
        var calls = 0, failures = 0
    }
    private struct State {
        var phase = Phase.closed
        /// Counts changes of phase: reports from before are no news.
        var generation: UInt64 = 0
        var slots = [Slot](repeating: Slot(), count: 10)
        var openUntil: UInt64 = 0
        var pause: Double
        var probes = 0, successes = 0
    }
    private let settings: Settings
    private let clock: any GuardClock
    private let state: Mutex<State>
    private let jitter: @Sendable () -> Double
    private let onChange: @Sendable (Phase) -> Void

    /// Makes a closed breaker.
    /// - Parameters:
    ///   - jitter: Factor of each pause.
    ///   - onChange: Called with each new phase; must be short.
    package init(
        _ settings: Settings, clock: any GuardClock,
        jitter: @escaping @Sendable () -> Double = { Double.random(in: 0.8...1.2) },
        onChange: @escaping @Sendable (Phase) -> Void = { _ in }
    ) {
        (self.settings, self.clock, self.jitter, self.onChange) = (settings, clock, jitter, onChange)
        state = Mutex(State(pause: settings.pause))
    }

    /// Where it stands now.
    package var phase: Phase {
        let now = clock.monotonic
        return state.withLock { $0.phase == .open && now >= $0.openUntil ? .halfOpen : $0.phase }
    }

    /// Asks for a call.
    /// - Throws: `GuardRefusal` with `unavailable` and the time to wait, while it is open.
    package func admit() throws(GuardRefusal) -> Permit {
        let now = clock.monotonic
        let (result, changed) = state.withLock { state -> (Result<Permit, GuardRefusal>, Phase?) in
            var changed: Phase?
            if state.phase == .open {
                guard now >= state.openUntil else {
                    return (.failure(Self.refusal(Double(state.openUntil - now) / 1e9)), nil)
                }
                change(&state, to: .halfOpen)
                changed = .halfOpen
            }
            if state.phase == .halfOpen {
                guard state.probes < settings.probes else { return (.failure(Self.refusal(1)), changed) }
                state.probes += 1
            }
            return (.success(Permit(generation: state.generation)), changed)
        }
        if let changed { onChange(changed) }
        return try result.get()
    }

    private static func refusal(_ seconds: Double) -> GuardRefusal {
        GuardRefusal(
            .unavailable, "the model's server does not answer at the moment", retryAfter: max(1, seconds),
            reason: "breaker_open")
    }

    /// Says how a call ended; to be said once for each permit.
    package func report(_ outcome: Outcome, _ permit: Permit) {
        let now = clock.monotonic
        let changed = state.withLock { state -> Phase? in
            guard permit.generation == state.generation else { return nil }
            switch state.phase {
            case .closed: return count(outcome, now, &state)
            case .open: return nil
            case .halfOpen:
                state.probes -= 1
                switch outcome {
                case .neither: return nil
                case .success:
                    state.successes += 1
                    guard state.successes >= settings.probes else { return nil }
                    state.pause = settings.pause
                    state.slots = [Slot](repeating: Slot(), count: state.slots.count)
                    return change(&state, to: .closed)
                case .failure:
                    state.pause = min(settings.longestPause, state.pause * 2)
                    return open(now, &state)
                }
            }
        }
        if let changed { onChange(changed) }
    }

    private func count(_ outcome: Outcome, _ now: UInt64, _ state: inout State) -> Phase? {
        guard outcome != .neither else { return nil }
        let length = UInt64(state.slots.count)
        let number = now / max(1, UInt64(settings.window * 1e9) / length)
        let index = Int(number % length)
        if state.slots[index].number != number { state.slots[index] = Slot(number: number) }
        state.slots[index].calls += 1
        guard outcome == .failure else { return nil }
        state.slots[index].failures += 1
        var (calls, failures) = (0, 0)
        for slot in state.slots where slot.calls > 0 && number - slot.number < length {
            calls += slot.calls
            failures += slot.failures
        }
        guard calls >= settings.calls, Double(failures) >= settings.failures * Double(calls) else { return nil }
        return open(now, &state)
    }

    private func open(_ now: UInt64, _ state: inout State) -> Phase {
        state.openUntil = now &+ UInt64(max(0, state.pause * jitter()) * 1e9)
        return change(&state, to: .open)
    }

    @discardableResult
    private func change(_ state: inout State, to phase: Phase) -> Phase {
        state.phase = phase
        state.generation &+= 1
        (state.probes, state.successes) = (0, 0)
        return phase
    }
}

/// Allows a share of further tries, so that a server in trouble is not asked ever more often.
package final class RetryBudget: Sendable {
    private let share: Double
    private let credit = Mutex(0.0)
    private static let most = 10.0

    /// Makes an empty budget; each call adds `share` of a try.
    package init(share: Double) { self.share = share }
    /// Counts a call.
    package func earn() { credit.withLock { $0 = min(Self.most, $0 + share) } }
    /// Takes a try, if there is one.
    package func spend() -> Bool {
        credit.withLock { credit in
            // why: ten times a tenth is a little less than one.
            guard credit >= 1 - 1e-9 else { return false }
            credit -= 1
            return true
        }
    }
}
