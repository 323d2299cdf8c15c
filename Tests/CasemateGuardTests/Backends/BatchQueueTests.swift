import CasemateCore
import CasemateGuard
import CasemateModels
import Foundation
import TestSupport
import Testing

/// How calls are gathered into runs.
@Suite struct BatchQueueTests {
    static func queue(
        _ model: HeldModel, clock: any GuardClock = SystemClock(), threads: Int = 1, maxBatch: Int = 64,
        queue: Int = 1_024, metrics: MetricsRegistry = .init()
    ) -> BatchQueue {
        var settings = BatchSettings()
        (settings.maxBatch, settings.queue) = (maxBatch, queue)
        return BatchQueue(
            model, settings: settings, threads: threads, clock: clock, metrics: BatchMetrics(metrics, []))
    }
    static func input(_ values: Float...) -> [NamedTensor] {
        [NamedTensor("x", Tensor(shape: [values.count / 2, 2], .float(values)))]
    }
    static let never = UInt64.max

    @Test func callsThatWaitShareARun() async throws {
        let model = HeldModel()
        let metrics = MetricsRegistry()
        let queue = Self.queue(model, metrics: metrics)
        try await withThrowingTaskGroup(of: (Float, ServedAnswer).self) { group in
            group.addTask { (0, try await queue.answer(Self.input(0, 0), rows: 1, deadline: Self.never)) }
            await model.waitForRuns(1)
            for index in 1...40 {
                let value = Float(index)
                // Every third call has two rows.
                let values = index % 3 == 0 ? Self.input(value, 0, value, 0.5) : Self.input(value, 0)
                group.addTask {
                    (value, try await queue.answer(values, rows: index % 3 == 0 ? 2 : 1, deadline: Self.never))
                }
            }
            #expect(await eventually { queue.waitingRows == 53 })
            model.release()
            for try await (value, answer) in group {
                let wanted: [Float] = Int(value) % 3 == 0 && value > 0 ? [value, value + 0.5] : [value]
                #expect(answer.outputs[0].tensor == Tensor(shape: [wanted.count], .float(wanted)))
                #expect(answer.predictions?.scores == wanted)
            }
        }
        #expect(model.runs.map(\.rows) == [1, 53])
        #expect(metrics.exposition().contains("casemate_model_joined_calls_total 40"))
        #expect(queue.waitingRows == 0)
    }

    @Test func runsStayWithinTheirBounds() async throws {
        let model = HeldModel()
        let queue = Self.queue(model, maxBatch: 4)
        await withTaskGroup(of: Void.self) { group in
            group.addTask { _ = try? await queue.answer(Self.input(0, 0), rows: 1, deadline: Self.never) }
            await model.waitForRuns(1)
            for _ in 0..<10 {
                group.addTask { _ = try? await queue.answer(Self.input(1, 1), rows: 1, deadline: Self.never) }
            }
            #expect(await eventually { queue.waitingRows == 10 })
            model.release()
        }
        #expect(model.runs.map(\.rows) == [1, 4, 4, 2])
    }

    @Test func rowsThatDependOnEachOtherAreNeverJoined() async throws {
        let model = HeldModel(isJoinable: false)
        let queue = Self.queue(model)
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<5 {
                group.addTask { _ = try? await queue.answer(Self.input(1, 1), rows: 1, deadline: Self.never) }
            }
            #expect(await eventually { queue.waitingRows == 4 })
            model.release()
        }
        #expect(model.runs.map(\.rows) == [1, 1, 1, 1, 1])
    }

    @Test func anotherShapeIsAnotherRun() async throws {
        let model = HeldModel()
        let queue = Self.queue(model)
        let odd = [NamedTensor("x", Tensor(shape: [1, 1, 2], .float([3, 4])))]
        await withTaskGroup(of: Void.self) { group in
            group.addTask { _ = try? await queue.answer(Self.input(0, 0), rows: 1, deadline: Self.never) }
            await model.waitForRuns(1)
            for inputs in [Self.input(1, 1), odd, Self.input(2, 2), odd] {
                group.addTask { _ = try? await queue.answer(inputs, rows: 1, deadline: Self.never) }
            }
            #expect(await eventually { queue.waitingRows == 4 })
            model.release()
        }
        #expect(model.runs.map(\.rows) == [1, 2, 2])
    }

    @Test func nobodyFailsForWhatAnotherSent() async throws {
        let model = HeldModel()
        let queue = Self.queue(model)
        var (good, bad) = (0, 0)
        await withTaskGroup(of: Bool.self) { group in
            group.addTask { await (try? queue.answer(Self.input(0, 0), rows: 1, deadline: Self.never)) != nil }
            await model.waitForRuns(1)
            for index in 0..<6 {
                let value = index == 3 ? HeldModel.poison : Float(index)
                group.addTask {
                    await (try? queue.answer(Self.input(value, 0), rows: 1, deadline: Self.never)) != nil
                }
            }
            #expect(await eventually { queue.waitingRows == 6 })
            model.release()
            for await isGood in group { if isGood { good += 1 } else { bad += 1 } }
        }
        #expect(good == 6 && bad == 1)
        #expect(model.runs.map(\.rows) == [1, 6, 1, 1, 1, 1, 1, 1])
    }

    @Test func aFullQueueRefusesAtOnce() async throws {
        let model = HeldModel()
        let metrics = MetricsRegistry()
        let queue = Self.queue(model, queue: 3, metrics: metrics)
        await withTaskGroup(of: Void.self) { group in
            group.addTask { _ = try? await queue.answer(Self.input(0, 0), rows: 1, deadline: Self.never) }
            await model.waitForRuns(1)
            for _ in 0..<3 {
                group.addTask { _ = try? await queue.answer(Self.input(1, 1), rows: 1, deadline: Self.never) }
            }
            #expect(await eventually { queue.waitingRows == 3 })
            let found = await refusal { try await queue.answer(Self.input(2, 2), rows: 1, deadline: Self.never) }
            #expect(found == GuardRefusal.overloaded && found?.kind.status == 503 && found?.retryAfter != nil)
            model.release()
        }
        #expect(model.runs.map(\.rows) == [1, 3])
        #expect(metrics.exposition().contains("casemate_model_queue_refused_total{reason=\"full\"} 1"))
    }

    @Test func aDeadlinePassedInTheQueueCostsNoRun() async throws {
        let model = HeldModel()
        let clock = ManualClock()
        let queue = Self.queue(model, clock: clock)
        await withTaskGroup(of: Void.self) { group in
            group.addTask { _ = try? await queue.answer(Self.input(0, 0), rows: 1, deadline: Self.never) }
            await model.waitForRuns(1)
            group.addTask {
                let found = await refusal {
                    try await queue.answer(Self.input(1, 1), rows: 1, deadline: 5_000_000_000)
                }
                #expect(found?.kind == .unavailable && found?.reason == "deadline")
            }
            #expect(await eventually { queue.waitingRows == 1 })
            clock.advance(seconds: 6)
            // The run still stands: the call is refused without it.
            #expect(await eventually { queue.waitingRows == 0 })
            let late = await refusal { try await queue.answer(Self.input(1, 1), rows: 1, deadline: 5_000_000_000) }
            #expect(late?.reason == "deadline")
            model.release()
        }
        #expect(model.runs.count == 1)
    }

    @Test func aRunThatNobodyWaitsForIsEnded() async throws {
        let model = HeldModel()
        let clock = ManualClock()
        let queue = Self.queue(model, clock: clock)
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                let found = await refusal {
                    try await queue.answer(Self.input(1, 1), rows: 1, deadline: 5_000_000_000)
                }
                #expect(found?.kind == .upstreamTimeout && found?.kind.status == 504)
            }
            await model.waitForRuns(1)
            clock.advance(seconds: 6)
        }
        #expect(await eventually { model.cancelled == 1 })
    }

    @Test func aCallerThatGoesLeavesTheQueue() async throws {
        let model = HeldModel()
        let queue = Self.queue(model)
        let first = Task { try await queue.answer(Self.input(0, 0), rows: 1, deadline: Self.never) }
        await model.waitForRuns(1)
        let second = Task { try await queue.answer(Self.input(1, 1), rows: 1, deadline: Self.never) }
        #expect(await eventually { queue.waitingRows == 1 })
        second.cancel()
        await #expect(throws: CancellationError.self) { try await second.value }
        #expect(queue.waitingRows == 0)
        // One that is in a run is answered at once, and the run is ended.
        first.cancel()
        await #expect(throws: CancellationError.self) { try await first.value }
        #expect(await eventually { model.cancelled == 1 })
        #expect(model.runs.count == 1)
        // The place is free again.
        model.release()
        let third = try await queue.answer(Self.input(2, 3), rows: 1, deadline: Self.never)
        #expect(third.predictions?.scores == [5])
    }

    @Test func threadsAreAsManyAsAsked() async throws {
        let model = HeldModel(isJoinable: false)
        let queue = Self.queue(model, threads: 3)
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask { _ = try? await queue.answer(Self.input(1, 1), rows: 1, deadline: Self.never) }
            }
            await model.waitForRuns(3)
            #expect(await eventually { queue.waitingRows == 5 })
            #expect(model.runs.count == 3)
            model.release()
        }
        #expect(model.runs.count == 8)
    }

    @Test func whatWaitsIsAnsweredAtTheEnd() async throws {
        let model = HeldModel()
        let queue = Self.queue(model)
        await withTaskGroup(of: Bool.self) { group in
            group.addTask { await (try? queue.answer(Self.input(1, 1), rows: 1, deadline: Self.never)) != nil }
            await model.waitForRuns(1)
            for _ in 0..<3 {
                group.addTask { await (try? queue.answer(Self.input(1, 1), rows: 1, deadline: Self.never)) != nil }
            }
            #expect(await eventually { queue.waitingRows == 3 })
            queue.end()
            let found = await refusal { try await queue.answer(Self.input(1, 1), rows: 1, deadline: Self.never) }
            #expect(found?.kind == .unavailable)
            model.release()
            for await isAnswered in group { #expect(isAnswered) }
        }
    }

    @Test func manyCallersAtOnceAllGetTheirOwn() async throws {
        let model = HeldModel(isHeld: false)
        let queue = Self.queue(model, threads: 2, maxBatch: 8, queue: 100_000)
        await withTaskGroup(of: Bool.self) { group in
            for caller in 0..<64 {
                group.addTask {
                    for index in 0..<50 {
                        let value = Float(caller * 50 + index)
                        let rows = 1 + index % 3
                        let tensor = Tensor(shape: [rows, 2], .float((0..<rows * 2).map { value + Float($0) }))
                        let wanted = (0..<rows).map { value * 2 + Float(4 * $0 + 1) }
                        let answer = try? await queue.answer(
                            [NamedTensor("x", tensor)], rows: rows, deadline: Self.never)
                        guard answer?.predictions?.scores == wanted else { return false }
                    }
                    return true
                }
            }
            for await isRight in group { #expect(isRight) }
        }
        #expect(queue.waitingRows == 0)
    }
}
