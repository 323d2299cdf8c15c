import CasemateGuard
import Foundation
import Testing

@Suite struct CircuitBreakerTests {
    static func breaker(_ clock: ManualClock, _ change: (inout CircuitBreaker.Settings) -> Void = { _ in })
        -> CircuitBreaker
    {
        var settings = CircuitBreaker.Settings()
        change(&settings)
        return CircuitBreaker(settings, clock: clock, jitter: { 1 })
    }
    static func report(_ breaker: CircuitBreaker, _ outcome: CircuitBreaker.Outcome, _ count: Int) throws {
        for _ in 0..<count { breaker.report(outcome, try breaker.admit()) }
    }

    @Test func opensAtHalfOfTwentyCalls() throws {
        let clock = ManualClock()
        let breaker = Self.breaker(clock)
        try Self.report(breaker, .success, 10)
        try Self.report(breaker, .failure, 9)
        #expect(breaker.phase == .closed)
        try Self.report(breaker, .failure, 1)
        #expect(breaker.phase == .open)
        let refusal = #expect(throws: GuardRefusal.self) { try breaker.admit() }
        #expect(refusal?.kind == .unavailable && refusal?.retryAfter == 30 && refusal?.reason == "breaker_open")
    }

    @Test func staysClosedBelow() throws {
        let breaker = Self.breaker(ManualClock())
        try Self.report(breaker, .failure, 19)
        #expect(breaker.phase == .closed)
        let other = Self.breaker(ManualClock())
        try Self.report(other, .success, 51)
        try Self.report(other, .failure, 49)
        #expect(other.phase == .closed)
        let third = Self.breaker(ManualClock())
        try Self.report(third, .neither, 1_000)
        #expect(third.phase == .closed)
    }

    @Test func forgetsWhatIsLongPast() throws {
        let clock = ManualClock()
        let breaker = Self.breaker(clock)
        for _ in 0..<40 {
            try Self.report(breaker, .failure, 1)
            clock.advance(seconds: 1)
        }
        // Ten failures in ten seconds are too few calls, however long it goes on.
        #expect(breaker.phase == .closed)
    }

    @Test func closesAfterGoodProbesAndDoublesAfterBadOnes() throws {
        let clock = ManualClock()
        let breaker = Self.breaker(clock)
        try Self.report(breaker, .failure, 20)
        clock.advance(seconds: 29)
        #expect(throws: GuardRefusal.self) { try breaker.admit() }
        clock.advance(seconds: 1)
        #expect(breaker.phase == .halfOpen)
        let probes = [try breaker.admit(), try breaker.admit(), try breaker.admit()]
        // No more than three find out.
        #expect(throws: GuardRefusal.self) { try breaker.admit() }
        breaker.report(.success, probes[0])
        breaker.report(.failure, probes[1])
        #expect(breaker.phase == .open)
        // News from before the change are none.
        breaker.report(.success, probes[2])
        clock.advance(seconds: 59)
        #expect(throws: GuardRefusal.self) { try breaker.admit() }
        clock.advance(seconds: 1)
        // A call that says nothing gives its place back.
        for _ in 0..<10 { try Self.report(breaker, .neither, 1) }
        try Self.report(breaker, .success, 3)
        #expect(breaker.phase == .closed)
        // Closed anew: old failures do not count, and the pause is the first one again.
        try Self.report(breaker, .failure, 19)
        #expect(breaker.phase == .closed)
        try Self.report(breaker, .failure, 1)
        clock.advance(seconds: 30)
        #expect(breaker.phase == .halfOpen)
    }

    @Test func pausesGrowToTheirBound() throws {
        let clock = ManualClock()
        let breaker = Self.breaker(clock) { $0.longestPause = 100 }
        try Self.report(breaker, .failure, 20)
        for pause in [30.0, 60, 100, 100] {
            clock.advance(seconds: pause - 1)
            #expect(throws: GuardRefusal.self) { try breaker.admit() }
            clock.advance(seconds: 1)
            try Self.report(breaker, .failure, 1)
        }
    }

    @Test func settingTheClockChangesNothing() throws {
        let clock = ManualClock()
        let breaker = Self.breaker(clock)
        try Self.report(breaker, .failure, 20)
        clock.setWall(clock.wall + 7_200)
        #expect(breaker.phase == .open)
        clock.setWall(clock.wall - 14_400)
        clock.advance(seconds: 30)
        #expect(breaker.phase == .halfOpen)
    }

    @Test func saysWhenItChanges() throws {
        let clock = ManualClock()
        let gauge = MetricsRegistry().gauge("casemate_breaker_state", "")
        let breaker = CircuitBreaker(.init(), clock: clock, jitter: { 1 }, onChange: { gauge.set(Double($0.rawValue)) })
        try Self.report(breaker, .failure, 20)
        #expect(gauge.value == 2)
        clock.advance(seconds: 30)
        let probe = try breaker.admit()
        #expect(gauge.value == 1)
        breaker.report(.success, probe)
        try Self.report(breaker, .success, 2)
        #expect(gauge.value == 0)
    }

    @Test func triesAgainForAFifthOfCallsAtMost() {
        let budget = RetryBudget(share: 0.2)
        var tries = 0
        for _ in 0..<1_000 {
            budget.earn()
            if budget.spend() { tries += 1 }
        }
        #expect((195...200).contains(tries))
        // A long quiet time saves up ten tries and no more.
        for _ in 0..<1_000 { budget.earn() }
        tries = 0
        while budget.spend() { tries += 1 }
        #expect(tries == 10)
    }
}
