import CasemateCore
import CasemateReport
import Foundation
import Mustache

/// Fills the templates of the pages.
struct AdminPages {
    typealias Members = HTMLFields.Members
    let generation: GuardGeneration
    let who: String
    let formToken: String
    let traffic: TrafficMonitor.Snapshot

    init(_ generation: GuardGeneration, who: String, formToken: String) {
        (self.generation, self.who, self.formToken) = (generation, who, formToken)
        let clock = generation.clock
        traffic = generation.memory.object("guard.traffic") { TrafficMonitor(clock: clock) }.snapshot()
    }

    /// Pages are ours alone: no script, nothing from elsewhere, no frame around them.
    private static let policy =
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; "
        + "frame-ancestors 'none'"

    /// A page of a template; every text in it is escaped and shown in one line.
    static func page(_ template: String, _ fields: Members, status: Int = 200) -> WireResponse {
        var members: Members = ["isSignedIn": false, "refreshes": false, "token": "", "who": "", "pending": ""]
        for tab in ["isOverview", "isClients", "isReview", "isDecisions", "hasPending"] { members[tab] = false }
        members.merge(fields) { _, new in new }
        let inert = HTMLFields.inert(members, limit: 400)
        let text = AdminTemplates.library?.render(inert, withTemplate: template) ?? "the page cannot be shown"
        return WireResponse(
            status: status,
            headers: [
                .init("content-type", "text/html; charset=utf-8"), .init("content-security-policy", policy),
                .init("referrer-policy", "no-referrer"), .init("x-frame-options", "DENY"),
                .init("cross-origin-opener-policy", "same-origin"), .init("cache-control", "no-store"),
            ], body: Array(text.utf8))
    }

    /// The style sheet.
    static let style = WireResponse(
        status: 200,
        headers: [.init("content-type", "text/css; charset=utf-8"), .init("cache-control", "private, max-age=300")],
        body: Array((StyleSheet.text + AdminTemplates.style).utf8))

    static func redirect(to path: String) -> WireResponse {
        WireResponse(status: 303, headers: [.init("location", path), .init("cache-control", "no-store")])
    }

    private func show(_ template: String, _ tab: String, title: String, _ fields: Members) throws -> WireResponse {
        let pending = try ReviewQueue.shared(in: generation.memory)?.pending(limit: 100).count ?? 0
        var members: Members = [
            "title": title, "isSignedIn": true, "who": who, "token": formToken, tab: true,
            "refreshes": tab != "isReview",
            "hasPending": pending > 0, "pending": pending == 100 ? "100 or more" : "\(pending)",
        ]
        members.merge(fields) { _, new in new }
        return Self.page(template, members)
    }

    /// Traffic, verdicts by stage, models, the riskiest clients.
    func overview() throws -> WireResponse {
        let sums = traffic.minutes.reduce(into: (answered: 0, refused: 0, failed: 0)) {
            $0 = ($0.answered + $1.answered, $0.refused + $1.refused, $0.failed + $1.failed)
        }
        let isWriting = generation.log.isWriting
        let chart = AdminChart(traffic.minutes, now: generation.clock.monotonic / 60_000_000_000)
        return try show(
            "overview", "isOverview", title: "Overview",
            [
                "answered": Self.count(sums.answered), "refused": Self.count(sums.refused),
                "failed": Self.count(sums.failed), "isFailing": sums.failed > 0,
                "log": isWriting ? "writing" : "not writing", "isWriting": isWriting,
                "policy": String(generation.configuration.policy.prefix(12)),
                "chart": chart.markup, "summary": chart.summary, "hasTraffic": !traffic.minutes.isEmpty,
                "stages": stages, "hasStages": !traffic.stages.isEmpty, "models": models,
                "clients": Array(ranked.prefix(8)), "hasClients": !ranked.isEmpty,
            ])
    }

    private var stages: [Members] {
        traffic.stages.map { stage in
            [
                "stage": stage.stage, "consequence": Self.words[stage.consequence] ?? stage.consequence,
                "mode": stage.isEnforced ? "enforced" : "observed", "count": Self.count(stage.count),
            ]
        }
    }
    private static let words = [
        "flag": "noticed", "delay": "delayed", "degrade": "made coarser", "withhold": "withheld",
        "hold": "held for review", "refuse": "refused",
    ]

    private var models: [Members] {
        generation.models.map { served in
            let model = served.backend.description
            let count = traffic.models["\(model.name) \(model.version)"] ?? .init()
            let mean = count.answered > 0 ? Double(count.nanoseconds) / Double(count.answered) / 1e6 : 0
            return [
                "name": model.name, "version": model.version, "platform": model.platform,
                "isReady": served.backend.isReady, "answered": Self.count(count.answered),
                "refused": Self.count(count.refused), "failed": Self.count(count.failed),
                "mean": count.answered > 0 ? String(format: "%.2f ms", mean) : "–",
                "hash": String(model.sha256.prefix(12)),
            ]
        }
    }

    /// The clients by risk: those with an alarm first, by its score; then by the share of what stages noticed.
    var ranked: [Members] {
        typealias Client = (id: String, count: TrafficMonitor.ClientCount, standing: ClientStanding?)
        let standings = generation.memory.object("guard.standings") { ClientStandings() }.ranked(limit: 500)
        let known = Set(standings.map(\.id))
        let watched: [Client] = standings.map {
            (id: $0.id, count: traffic.clients[$0.id] ?? .init(), standing: $0)
        }
        let others: [Client] = traffic.clients.filter { !known.contains($0.key) }.map {
            (id: $0.key, count: $0.value, standing: nil)
        }
        let alarms = watched.filter { $0.standing?.firstAlarm != nil }
        let rest = (watched.filter { $0.standing?.firstAlarm == nil } + others).sorted { one, other in
            let (first, second) = (Self.risk(one.count), Self.risk(other.count))
            return first != second ? first > second : one.id < other.id
        }
        return (alarms + rest.prefix(1_000)).map { row($0.id, $0.standing, $0.count) }
    }

    private static func risk(_ count: TrafficMonitor.ClientCount) -> Double {
        Double(count.noticed) / Double(max(10, count.requests))
    }

    private func row(_ id: String, _ standing: ClientStanding?, _ count: TrafficMonitor.ClientCount) -> Members {
        let spoken = standing?.reasons ?? []
        let reasons = spoken + count.reasons.filter { !spoken.contains($0) }
        let score = standing.map { String(format: "%.2f", $0.score) } ?? "–"
        let requests = max(standing?.requests ?? 0, count.requests)
        return [
            "id": id, "level": standing?.level.rawValue ?? "no standing", "score": score,
            "isAlarm": standing?.firstAlarm != nil, "requests": Self.count(requests),
            "refused": Self.count(count.refused), "noticed": Self.count(count.noticed),
            "reasons": reasons.isEmpty ? "nothing noticed" : reasons.prefix(6).joined(separator: ", "),
            "seen": count.requests > 0 ? Self.time(count.lastSeen) : "–", "token": formToken,
        ]
    }

    /// All clients.
    func clients() throws -> WireResponse {
        let rows = ranked
        return try show(
            "clients", "isClients", title: "Clients",
            ["clients": Array(rows.prefix(200)), "hasClients": !rows.isEmpty, "number": Self.count(rows.count)])
    }

    /// What waits for a decision, and the last decisions.
    func review() throws -> WireResponse {
        let queue = ReviewQueue.shared(in: generation.memory)
        func fields(_ held: HeldRequest) -> Members {
            [
                "id": held.id, "time": Self.time(held.time), "client": held.client, "model": held.model,
                "reasons": held.reasons.isEmpty ? "held" : held.reasons.joined(separator: ", "),
                "labels": held.labels.map(String.init).joined(separator: ", "), "token": formToken,
                "decision": held.decision?.rawValue ?? "", "note": held.note ?? "", "who": held.who ?? "",
                "hasNote": !(held.note ?? "").isEmpty,
            ]
        }
        let pending = try queue?.pending(limit: 100).map(fields) ?? []
        let decided = try queue?.decided(limit: 50).map(fields) ?? []
        return try show(
            "review", "isReview", title: "Review",
            [
                "waiting": pending, "hasWaiting": !pending.isEmpty, "decided": decided, "hasDecided": !decided.isEmpty,
            ])
    }

    /// The last decisions.
    func decisions() throws -> WireResponse {
        let rows: [Members] = traffic.recent.map { event in
            let said = event.verdicts.flatMap(\.verdict.reasons)
            return [
                "time": Self.time(event.time), "id": event.id, "client": event.client.id, "model": event.model,
                "status": "\(event.status)", "outcome": event.outcome.rawValue, "isRefused": event.outcome != .answered,
                "reasons": (said + (event.reason.isEmpty || said.contains(event.reason) ? [] : [event.reason]))
                    .prefix(6).joined(separator: ", "),
                "milliseconds": String(format: "%.2f", Double(event.nanoseconds) / 1e6),
            ]
        }
        return try show(
            "decisions", "isDecisions", title: "Decisions", ["decisions": rows, "hasDecisions": !rows.isEmpty])
    }

    static func time(_ date: Date) -> String {
        date.formatted(.iso8601.dateSeparator(.dash).timeSeparator(.colon)).replacing("T", with: " ")
            .replacing("Z", with: " UTC")
    }
    static func count(_ number: Int) -> String {
        var digits = String(number)
        var index = digits.count - 3
        while index > (number < 0 ? 1 : 0) {
            digits.insert(",", at: digits.index(digits.startIndex, offsetBy: index))
            index -= 3
        }
        return digits
    }
}
