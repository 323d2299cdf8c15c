public import CasemateCore
import Foundation

/// How much a caller may ask: rates in rows by GCRA for each client, model and the whole server, daily quotas, requests
/// at the same time, and a tarpit for those who go on after refusals.
public struct LimitsStage: GuardStage {
    /// `limits`.
    public static let identifier = "limits"
    /// Heading on pages.
    public static let title = "How much"
    /// What it does.
    public static let purpose = "bounds rows a second, rows a day and requests at once, by client, model and server"
    /// The threats that it stands against.
    public static let taxonomy = Taxonomy(
        stages: [.inference], influence: .exploratory, violations: [.availability, .privacy],
        specificity: .indiscriminate, atlas: ["AML.T0029", "AML.T0034", "AML.T0024.002"], owasp: ["ML05"],
        nist: ["NISTAML.031"])
    /// Keys under `stages.limits`.
    public static var keys: [SettingKey] { LimitsSettings.keys }
    /// Enforced: without numbers it bounds requests at once alone.
    public static let defaultMode = StageMode.enforce
    /// Metadata and unknown models are limited too.
    public static let standsAtTheEdge = true

    let settings: LimitsSettings
    let memory: LimitsMemory
    let model: SharedLimit?
    let clock: any GuardClock
    let hash: SipHash
    private let quotas: QuotaStore?
    private let meters: LimitMeters
    private let policy: String

    /// Reads the settings; state is shared between models and outlives reloads.
    /// - Throws: `invalidSetting`; what opening the quota store throws.
    public init(_ settings: SettingNode?, setup: StageSetup) throws {
        let settings = try LimitsSettings(settings)
        self.settings = settings
        memory = setup.memory.object("limits") { LimitsMemory(clients: settings.clients) }
        memory.clients.limit(to: settings.clients)
        model = setup.model.map { description in
            setup.memory.object("limits.model.\(description.name)") { SharedLimit() }
        }
        clock = setup.clock
        hash = SipHash(setup.secret.key(for: "limits"))
        meters = LimitMeters(setup.metrics)
        policy = RateHeaders.policy(rate: settings.client.rate, daily: settings.client.daily)
        let (memory, clock) = (memory, clock)
        quotas = try (setup.isCheck ? nil : settings.quotaStore).map { name in
            let path = setup.path(name)
            return try setup.memory.object("limits.quotas.\(path)") {
                let today = memory.days.today(clock.wall, monotonic: clock.monotonic).day
                let store = try QuotaStore(path, logger: setup.context.logger, metrics: setup.metrics)
                for (key, rows) in try store.rows(of: today, most: settings.clients) {
                    memory.clients.restore(key, used: rows, day: today)
                }
                return store
            }
        }
    }

    /// Begins a request of the client, the model and the server, and takes one row of each bucket.
    public func admit(_ exchange: inout Exchange) async throws -> StageVerdict {
        guard memory.server.begin(most: settings.server.concurrency) else {
            return refuse(.init(.server, .concurrency), nil, false, &exchange)
        }
        if let model, !model.begin(most: settings.model.concurrency) {
            memory.server.end()
            return refuse(.init(.model, .concurrency), nil, false, &exchange)
        }
        let key = hash.of(exchange.client)
        let outcome = take(1, key: key, isFirst: true, &exchange)
        if let limit = outcome.limit {
            memory.server.end()
            model?.end()
            return refuse(limit, key, outcome.isShared, &exchange)
        }
        memory.hold(
            LimitLease(client: key, isShared: outcome.isShared, isRunning: true), for: exchange.id)
        return .pass
    }

    /// Takes the other rows of a batch; one that is larger than a bucket is refused outright.
    public func examine(_ request: InferenceRequest, _ exchange: inout Exchange) async throws -> StageVerdict {
        let rate = clientRate(exchange.client)
        let bounds = [rate?.burst, settings.model.rate?.burst, settings.server.rate?.burst, settings.client.daily]
        if let most = bounds.compactMap({ $0 }).min(), request.rows > most {
            meters.count(.init(.client, .batch))
            let refusal = GuardRefusal(
                .tooLarge, "a request may have at most \(most) rows here; send the rows in smaller batches",
                field: "inputs", reason: "batch")
            return StageVerdict(.refuse(refusal), reasons: ["batch"])
        }
        guard request.rows > 1 else { return .pass }
        let key = hash.of(exchange.client)
        let outcome = take(request.rows - 1, key: key, isFirst: false, &exchange)
        guard let limit = outcome.limit else { return .pass }
        return refuse(limit, key, outcome.isShared, &exchange)
    }

    /// Ends what the exchange began; does nothing for one that was refused before anything began.
    public func finish(_ exchange: Exchange) async {
        guard let lease = memory.release(exchange.id) else { return }
        if lease.isRunning {
            memory.server.end()
            model?.end()
        }
        if let client = lease.client { memory.clients.end(client, isShared: lease.isShared) }
        if lease.isTarpitted { memory.endWaiting() }
    }

    /// The client's rate: its credential's, else the configured one.
    private func clientRate(_ client: ClientIdentity) -> RowRate? {
        guard let own = client.rate else { return settings.client.rate }
        return settings.client.rate?.scaled(to: own) ?? RowRate(perSecond: own)
    }
}

extension LimitsStage {
    /// What became of rows.
    private struct Outcome {
        var limit: HitLimit?
        var isShared = false
    }
    private enum Taken {
        case through(tat: UInt64, used: UInt64)
        case refused(HitLimit.Kind, wait: Double, tat: UInt64, used: UInt64)
    }

    /// Takes rows of the client, the model and the server, all or none.
    private func take(_ rows: Int, key: UInt64, isFirst: Bool, _ exchange: inout Exchange) -> Outcome {
        let now = clock.monotonic
        let rate = clientRate(exchange.client)
        let daily = model == nil ? nil : settings.client.daily
        let day = daily == nil ? (day: UInt32(0), left: 0.0) : memory.days.today(clock.wall, monotonic: now)
        let most = UInt32(clamping: settings.client.concurrency)
        let (taken, isShared) = memory.clients.with(key, at: now, today: day.day) { entry, isShared -> Taken in
            // why: who shares a bucket with others draws on it at the configured rate, whatever the credential says.
            let rate = isShared ? settings.client.rate ?? rate : rate
            if daily != nil, entry.day != day.day { (entry.day, entry.used) = (day.day, 0) }
            let refusal: (HitLimit.Kind, Double)? =
                if isFirst, entry.running >= most {
                    (.concurrency, 1)
                } else if let daily, entry.used &+ UInt64(rows) > UInt64(daily) {
                    (.quota, day.left)
                } else if let rate, let wait = rate.take(rows, from: &entry.tat, at: now) {
                    (.rate, Double(wait) / 1e9)
                } else { nil }
            if let (kind, wait) = refusal { return .refused(kind, wait: wait, tat: entry.tat, used: entry.used) }
            if isFirst { entry.running += 1 }
            if daily != nil { entry.used &+= UInt64(rows) }
            return .through(tat: entry.tat, used: entry.used)
        }
        switch taken {
        case .refused(let kind, let wait, let tat, let used):
            tell(rate, tat, used, day, at: now, &exchange)
            return Outcome(limit: .init(.client, kind, wait: wait), isShared: isShared)
        case .through(let tat, let used):
            if let limit = takeShared(rows, at: now) {
                let drawn = isShared ? settings.client.rate ?? rate : rate
                putBack(rows, key, isShared, isFirst: isFirst, rate: drawn, day: daily == nil ? nil : day.day)
                return Outcome(limit: limit, isShared: isShared)
            }
            if daily != nil, !isShared { quotas?.note(key, rows: used, day: day.day) }
            tell(rate, tat, used, day, at: now, &exchange)
            return Outcome(isShared: isShared)
        }
    }

    /// Takes rows of the model and the server, both or none.
    private func takeShared(_ rows: Int, at now: UInt64) -> HitLimit? {
        if let model, let rate = settings.model.rate, let wait = model.take(rows, rate, at: now) {
            return .init(.model, .rate, wait: Double(wait) / 1e9)
        }
        if let rate = settings.server.rate, let wait = memory.server.take(rows, rate, at: now) {
            if let model, let rate = settings.model.rate { model.put(rows, rate) }
            return .init(.server, .rate, wait: Double(wait) / 1e9)
        }
        return nil
    }

    private func putBack(
        _ rows: Int, _ key: UInt64, _ isShared: Bool, isFirst: Bool, rate: RowRate?, day: UInt32?
    ) {
        memory.clients.change(key, isShared: isShared) { entry in
            rate?.put(rows, into: &entry.tat)
            if isFirst, entry.running > 0 { entry.running -= 1 }
            if let day, entry.day == day { entry.used -= min(entry.used, UInt64(rows)) }
        }
    }

    /// Tells the caller what is left.
    private func tell(
        _ rate: RowRate?, _ tat: UInt64, _ used: UInt64, _ day: (day: UInt32, left: Double), at now: UInt64,
        _ exchange: inout Exchange
    ) {
        let daily = model == nil ? nil : settings.client.daily
        guard rate != nil || daily != nil else { return }
        let isUsual = exchange.client.rate == nil && model != nil
        let policy = isUsual ? policy : RateHeaders.policy(rate: rate, daily: daily)
        RateHeaders.set(RateHeaders.policy, policy, in: &exchange.headers)
        let left = rate.map { ($0.left(tat, at: now), RowRate.seconds(until: tat, at: now)) }
        let quota = daily.map { (max(0, $0 - Int(clamping: used)), Int(day.left.rounded(.up))) }
        RateHeaders.set(RateHeaders.limit, RateHeaders.limit(rate: left, day: quota), in: &exchange.headers)
    }

    /// The refusal at a limit; a client that has been refused often waits for it.
    private func refuse(
        _ limit: HitLimit, _ key: UInt64?, _ isShared: Bool, _ exchange: inout Exchange
    ) -> StageVerdict {
        meters.count(limit)
        meters.show(memory)
        if limit.whose == .client, let key { slow(key, isShared, &exchange) }
        let refusal = GuardRefusal(.limited, limit.detail, retryAfter: max(limit.wait, 1), reason: limit.reason)
        return StageVerdict(.refuse(refusal), reasons: [limit.reason])
    }

    private func slow(_ key: UInt64, _ isShared: Bool, _ exchange: inout Exchange) {
        let now = clock.monotonic
        let strikes = memory.clients.strike(key, isShared: isShared, at: now)
        guard settings.isEnforced, strikes > settings.tarpit.after else { return }
        var lease = memory.release(exchange.id) ?? LimitLease()
        if !lease.isTarpitted { lease.isTarpitted = memory.beginWaiting(most: settings.tarpit.most) }
        if lease.isTarpitted {
            let doublings = Double(min(16, strikes - settings.tarpit.after - 1))
            exchange.delay = max(exchange.delay, min(settings.tarpit.longest, 0.1 * exp2(doublings)))
        }
        if lease.isTarpitted || lease.isRunning { memory.hold(lease, for: exchange.id) }
    }
}
