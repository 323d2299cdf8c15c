import CasemateModels
import Dispatch
import Foundation
import Synchronization

extension BatchCore {
    private enum Wish { case run(BatchRun), wait(nanoseconds: UInt64?), end }

    /// Takes runs until the queue ends.
    func serve() {
        while true {
            let wish = state.withLock { state -> Wish in step(&state) }
            switch wish {
            case .end: return
            case .wait(nil): wake.wait()
            case .wait(let time?): wait(time)
            case .run(let run):
                perform(run)
                state.withLock { state in state.runs.removeAll { $0 === run } }
                for job in run.jobs { job.leave() }
                free()
            }
        }
    }

    private func wait(_ nanoseconds: UInt64) {
        let time = DispatchTime.now() + .nanoseconds(Int(clamping: nanoseconds))
        guard wake.wait(timeout: time) == .timedOut else { return }
        let wasWoken = state.withLock { state in
            guard state.idle > 0 else { return true }
            state.idle -= 1
            return false
        }
        // why: somebody counted on this thread; the signal is on its way and must not stay for later.
        if wasWoken { wake.wait() }
    }

    private func step(_ state: inout State) -> Wish {
        if state.waiting.isEmpty, state.isEnded {
            state.threads -= 1
            return .end
        }
        guard let first = state.waiting.first, state.running < threads else {
            state.idle += 1
            return .wait(nanoseconds: nil)
        }
        if settings.maxWait > 0, !state.isEnded, state.waitingRows < settings.maxBatch {
            let (waited, longest) = (clock.monotonic &- first.arrival, UInt64(settings.maxWait * 1e9))
            if waited < longest {
                state.idle += 1
                return .wait(nanoseconds: longest - waited)
            }
        }
        let run = BatchRun(take(&state))
        state.running += 1
        state.runs.append(run)
        for job in run.jobs { job.enter(run) }
        return .run(run)
    }

    /// The first call, and those behind it that fit it and whose rows fit too.
    private func take(_ state: inout State) -> [BatchJob] {
        let first = state.waiting.removeFirst()
        var (jobs, rows) = ([first], first.rows)
        if isJoinable, rows < settings.maxBatch, !state.waiting.isEmpty {
            state.waiting.removeAll { job in
                guard rows + job.rows <= settings.maxBatch, job.fits(first) else { return false }
                rows += job.rows
                jobs.append(job)
                return true
            }
        }
        add(-rows, &state)
        return jobs
    }

    /// Runs calls together, and each alone where that fails: nobody fails for what another sent.
    private func perform(_ run: BatchRun) {
        let now = clock.monotonic
        let jobs = run.jobs.filter { job in
            guard !job.isDone else { return false }
            guard job.deadline > now else {
                metrics.late.add()
                job.finish(.failure(GuardRefusal.late))
                return false
            }
            return true
        }
        guard jobs.count > 1, let inputs = Self.joined(jobs) else {
            for job in jobs { alone(job, run) }
            return
        }
        let rows = jobs.reduce(0) { $0 + $1.rows }
        do {
            let answer = try timed(rows) { try model.run(inputs, rows: rows, cancellation: run.cancellation) }
            guard answer.outputs.allSatisfy({ $0.tensor.shape.first == rows }) else {
                for job in jobs { alone(job, run) }
                return
            }
            metrics.joined.add(Double(jobs.count))
            var start = 0
            for job in jobs {
                job.finish(.success(answer.rows(start..<start + job.rows)))
                start += job.rows
            }
        } catch {
            for job in jobs { alone(job, run) }
        }
    }

    private func alone(_ job: BatchJob, _ run: BatchRun) {
        guard !job.isDone else { return }
        guard clock.monotonic < job.deadline else { return job.finish(.failure(GuardRefusal.late)) }
        job.finish(
            Result {
                try timed(job.rows) {
                    try model.run(job.inputs, rows: job.rows, cancellation: run.cancellation)
                }
            })
    }

    private static func joined(_ jobs: [BatchJob]) -> [NamedTensor]? {
        var inputs: [NamedTensor] = []
        for (index, input) in jobs[0].inputs.enumerated() {
            guard let tensor = Tensor.joined(jobs.map { $0.inputs[index].tensor }) else { return nil }
            inputs.append(NamedTensor(input.name, tensor))
        }
        return inputs
    }

    /// Refuses calls whose time is up, while there are any; a thread of its own, because ours may all be in runs that
    /// do not end.
    func watch() {
        var quiet = 0
        while quiet < 50 {
            Thread.sleep(forTimeInterval: 0.02)
            let now = clock.monotonic
            let (late, slow, isQuiet) = state.withLock { state -> ([BatchJob], [BatchJob], Bool) in
                let late = state.waiting.filter { $0.deadline <= now }
                if !late.isEmpty {
                    state.waiting.removeAll { $0.deadline <= now }
                    add(-late.reduce(0) { $0 + $1.rows }, &state)
                }
                let slow = state.runs.flatMap(\.jobs).filter { $0.deadline <= now && !$0.isDone }
                return (late, slow, state.waiting.isEmpty && state.runs.isEmpty)
            }
            for job in late {
                metrics.late.add()
                job.finish(.failure(GuardRefusal.late))
            }
            for job in slow { job.finish(.failure(GuardRefusal.tooSlow)) }
            quiet = isQuiet ? quiet + 1 : 0
            if quiet >= 50 {
                let isDone = state.withLock { state in
                    guard state.waiting.isEmpty, state.runs.isEmpty else { return false }
                    state.isWatched = false
                    return true
                }
                if !isDone { quiet = 0 }
            }
        }
    }
}
