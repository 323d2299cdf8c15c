import CasemateCore
import Foundation
import Logging
import Synchronization

/// What the thread of a writer does, round after round.
final class AuditRound {
    private let writer: AuditWriter
    /// Device and number of the file that was opened.
    private let identity: AuditOpening.Identity?
    private var durability: AuditSettings.Durability?
    /// Number of the record that the last head names, and when it was written.
    private var headed: Int64
    private var headTime: UInt64
    private var lookTime: UInt64, retireTime: UInt64
    /// Whether the write-ahead log is being taken over beside the writing.
    private var isCatchingUp = false
    /// Whether nothing came for a while.
    private var isQuiet = false
    /// Pages that wait after which they are taken over, under load and while nothing comes.
    private static let manyPages = 8_000, somePages = 200

    init(_ writer: AuditWriter, identity: AuditOpening.Identity?, headed: Int64) {
        (self.writer, self.identity, self.headed) = (writer, identity, headed)
        let now = writer.clock.monotonic
        (headTime, lookTime, retireTime) = (now, now, now)
    }

    /// Works until the writer is closed.
    func run() {
        while true {
            var (jobs, gap, settings) = ([AuditWriter.Job](), AuditGap?.none, writer.state.withLock { $0.settings })
            var (failure, isClosing) = (AuditFailure?.none, false)
            writer.state.withLock { state in
                swap(&jobs, &state.jobs)
                (settings, failure, isClosing, state.isStale) = (state.settings, state.failure, state.isClosing, false)
                if failure == nil { (gap, state.gap) = (state.gap, nil) }
            }
            if let failure {
                if !isClosing { _ = writer.wake.wait(timeout: .now() + writer.pace.retry) }
                guard writer.connection.work({ resume($0, failure) }) || !isClosing else { return }
                continue
            }
            do {
                try writer.connection.work { connection in
                    try prepare(connection, settings, gap)
                    gap = nil
                    try write(&jobs, connection)
                    try look(connection, settings)
                    if isClosing { try finish(connection, settings) }
                }
                if isClosing { return }
            } catch { fail(AuditFailure(error), error, jobs, gap) }
            rest()
        }
    }

    /// Lets callers write by themselves until there is something to do again.
    private func rest() {
        isQuiet = false
        let last = writer.connection.tail.number
        let isResting = writer.state.withLock { state in
            guard state.jobs.isEmpty, state.gap == nil, state.failure == nil, !state.isClosing, !state.isStale,
                !state.isCaughtUp
            else { return false }
            state.holder = .nobody
            return true
        }
        guard isResting else { return }
        while true {
            let isLate = writer.wake.wait(timeout: .now() + writer.pace.idle) == .timedOut
            let isHolder = writer.state.withLock { state in
                // why: a caller that has the connection hands it over when it is done.
                if state.holder == .caller { state.isWanted = true } else { state.holder = .thread }
                return state.holder == .thread
            }
            guard isHolder else { continue }
            isQuiet = isLate && writer.connection.tail.number == last
            return
        }
    }

    private func prepare(
        _ connection: AuditConnection, _ settings: AuditSettings, _ gap: AuditGap?
    ) throws {
        try connection.limit(pages: writer.state.withLock { $0.pages })
        if durability != settings.durability {
            try connection.apply(settings.durability)
            durability = settings.durability
        }
        guard let gap else { return }
        try connection.append([AuditEntry.gap(gap, time: writer.clock.wall)])
        writer.meters.records.add()
    }

    /// Writes jobs in their order, as many records as possible in one transaction; those that are done are taken out.
    private func write(_ jobs: inout [AuditWriter.Job], _ connection: AuditConnection) throws {
        var index = 0
        defer { jobs.removeFirst(index) }
        while index < jobs.count {
            if case .act(let act) = jobs[index].work {
                let waiter = jobs[index].waiter
                index += 1
                do { try act(connection) } catch { waiter.resume(AuditFailure(error)); continue }
                waiter.resume(nil)
                continue
            }
            var entries: [AuditEntry] = []
            var end = index
            while end < jobs.count, entries.count < AuditWriter.largestBatch, case .append(let entry) = jobs[end].work {
                entries.append(entry)
                end += 1
            }
            let start = writer.clock.monotonic
            try connection.append(entries)
            writer.count(entries.count, nanoseconds: writer.clock.monotonic &- start)
            for job in jobs[index..<end] { job.waiter.resume(nil) }
            index = end
        }
    }

    /// What is due besides: heads, taking over the write-ahead log, whether the file is still there, deletions.
    private func look(_ connection: AuditConnection, _ settings: AuditSettings) throws {
        let now = writer.clock.monotonic
        let fresh = connection.tail.number - headed
        if fresh >= settings.headRecords || fresh > 0 && now &- headTime >= UInt64(settings.headInterval * 1e9) {
            try head(connection, settings)
        }
        try takeOver(connection)
        connection.isDue(
            atPages: isCatchingUp ? Int.max : Self.manyPages, atNumber: headed + settings.headRecords)
        if isQuiet || now &- lookTime >= 1_000_000_000 {
            lookTime = now
            guard AuditOpening.identity(writer.path) == identity else { throw AuditFailure.foreign }
        }
        if let retention = settings.retention, now >= retireTime {
            let cutoff = AuditTime.microseconds(writer.clock.wall) - Int64(retention * 1e6)
            let count = try connection.retire(before: cutoff, most: 500, key: settings.key, time: writer.clock.wall)
            writer.meters.retired.add(Double(count))
            retireTime = now &+ (count < 500 ? 60_000_000_000 : 20_000_000)
        }
    }

    /// Takes the write-ahead log over: at once while nothing comes; under load beside the writing first, and only the
    /// little that is left then in its place.
    private func takeOver(_ connection: AuditConnection) throws {
        if isCatchingUp {
            guard writer.state.withLock({ $0.isCaughtUp }) else { return }
            writer.state.withLock { $0.isCaughtUp = false }
            isCatchingUp = false
            return try connection.takeOver()
        }
        let waiting = connection.waitingPages
        if isQuiet, waiting >= Self.somePages { return try connection.takeOver() }
        guard waiting >= Self.manyPages else { return }
        isCatchingUp = true
        writer.aside.async { [writer] in writer.catchUp() }
    }

    private func head(_ connection: AuditConnection, _ settings: AuditSettings) throws {
        let head = try AuditHead(
            log: connection.log, records: connection.tail.number, hash: connection.tail.hash, time: writer.clock.wall,
            key: settings.key)
        try connection.keep(head)
        (headed, headTime) = (head.records, writer.clock.monotonic)
        writer.meters.heads.add()
        guard let export = settings.headExport else { return }
        writer.aside.async { [writer] in
            guard !AuditOpening.appendLine(head.text, to: export) else { return }
            writer.meters.fail("export")
            writer.logger.error("a head of the audit log was not exported", metadata: ["file": "\(export)"])
        }
    }

    /// Writes the last head and leaves one tidy file.
    private func finish(_ connection: AuditConnection, _ settings: AuditSettings) throws {
        if connection.tail.number > headed { try head(connection, settings) }
        writer.endTakeOver()
        try? connection.takeOver(isLast: true)
    }

    /// Nothing can be written: those who wait are told, and it is tried again until it works.
    private func fail(_ failure: AuditFailure, _ error: any Error, _ jobs: [AuditWriter.Job], _ gap: AuditGap?) {
        writer.state.withLock { state in
            state.failure = failure
            guard let gap else { return }
            var sum = state.gap ?? gap
            if state.gap != nil {
                sum.answered += gap.answered
                sum.refused += gap.refused
                (sum.first, sum.last) = (min(sum.first, gap.first), max(sum.last, gap.last))
            }
            state.gap = sum
        }
        writer.meters.isWriting.set(0)
        writer.meters.fail(failure.rawValue)
        writer.logger.error(
            "the audit log cannot be written", metadata: ["cause": "\(failure.rawValue)", "file": "\(writer.path)"])
        let late = writer.state.withLock { state in
            defer { state.jobs = [] }
            return state.jobs
        }
        for job in jobs + late { job.waiter.resume(failure) }
    }

    /// Tries to write again, beginning with the record of what is missing.
    /// - Returns: Whether it worked.
    private func resume(_ connection: AuditConnection, _ failure: AuditFailure) -> Bool {
        let (gap, settings) = writer.state.withLock { ($0.gap, $0.settings) }
        do {
            guard AuditOpening.identity(writer.path) == identity else { throw AuditFailure.foreign }
            try connection.checkTail()
            try connection.limit(pages: writer.state.withLock { $0.pages })
            try connection.apply(settings.durability)
            durability = settings.durability
            let time = writer.clock.wall
            let microseconds = AuditTime.microseconds(time)
            let missing = gap ?? AuditGap(cause: failure, first: microseconds, last: microseconds)
            try connection.append([AuditEntry.gap(missing, time: time)])
            writer.meters.records.add()
            writer.state.withLock { state in
                state.failure = nil
                // What was counted meanwhile is written next.
                if let now = state.gap, let gap {
                    let more = (now.answered - gap.answered, now.refused - gap.refused)
                    state.gap =
                        more == (0, 0)
                        ? nil
                        : AuditGap(
                            cause: now.cause, answered: more.0, refused: more.1, first: now.last, last: now.last)
                }
            }
            writer.meters.isWriting.set(1)
            writer.logger.notice("the audit log is written again", metadata: ["file": "\(writer.path)"])
            return true
        } catch {
            writer.state.withLock { $0.failure = AuditFailure(error) }
            return false
        }
    }
}
