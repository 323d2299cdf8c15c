public import CasemateCore
import Foundation
import Synchronization

/// A served model: answers rows over HTTP, from what was kept where that is known, otherwise by asking.
///
/// Made by `RemoteDraft`. Any thread may call it; the calling thread waits and does the reading, event loops only carry
/// bytes. Every row is asked once, also when several threads want it at a time.
public final class RemoteModel: RowModel {
    /// What goes in and what comes out.
    public let signature: ModelSignature
    /// Values of a row of a matrix; `nil` where the endpoint does not say.
    public let rowSize: Int?
    /// Names of the values of a row, where they go over the wire.
    public let featureNames: [String]?
    /// The endpoint.
    public let endpoint: RemoteEndpoint
    let wire: RemoteDraft.Wire
    let reading: RemoteReading
    let includesRaw: Bool
    let repeater: RemoteRepeater
    /// The version that answers, and the number under which its answers are kept.
    private let current: Mutex<(version: String, number: Int64)>

    /// The address.
    public var place: String { endpoint.address }
    /// What asking has shown so far.
    public var observations: RemoteObservations { endpoint.observations }
    /// SHA-256 of everything besides rows that answers depend on, as far as the endpoint tells: address, model, version,
    /// inputs, outputs.
    public var identity: String {
        let version = current.withLock { $0.version }
        return FileDigest.sha256(Data(Self.identity(endpoint, wire, reading, version: version).utf8))
    }

    /// Learns from a sample, or from what was kept of an earlier one.
    init(learning draft: RemoteDraft, from rows: RemoteRows, cancellation: Cancellation) throws {
        let endpoint = draft.endpoint
        let lesson = try RemoteLesson(draft, rows, cancellation: cancellation)
        reading = try RemoteReading(
            lesson.facts, draft.overrides, labels: draft.labels, place: endpoint.address)
        (self.endpoint, wire) = (endpoint, lesson.wire)
        includesRaw = draft.overrides.includesRawScores
        (rowSize, featureNames) = (draft.rowSize ?? rows.matrixWidth, draft.featureNames)
        let stated = draft.signature
        signature = ModelSignature(
            inputs: stated.inputs, layout: stated.layout, task: reading.task, kind: reading.kind,
            classes: reading.classes, fixedBatch: stated.fixedBatch)
        let version = lesson.facts.version ?? endpoint.version ?? ""
        let name = Self.identity(endpoint, lesson.wire, reading, version: version)
        current = Mutex((version, try endpoint.cache.endpoint(name, address: endpoint.address)))
        repeater = RemoteRepeater(most: endpoint.exchange.options.repeats)
        if !version.isEmpty { endpoint.exchange.traffic.observe { $0.versions = [version] } }
        if let outputs = lesson.outputs {
            try keep(outputs, of: lesson.sample, keys: lesson.sample.keys(salt: endpoint.cache.salt))
        } else {
            try recheck(lesson.sample, cancellation)
        }
    }

    private static func identity(
        _ endpoint: RemoteEndpoint, _ wire: RemoteDraft.Wire, _ reading: RemoteReading, version: String
    ) -> String {
        "\(RemoteLesson.identity(endpoint, wire)) version \(version) \(reading.identity)"
    }

    /// Answers a batch; see `Model`.
    public func predict(_ inputs: [NamedTensor], cancellation: Cancellation) throws -> Predictions {
        try predict(RemoteRows(inputs, for: signature, place: place), cancellation)
    }

    /// Answers rows of a matrix.
    public func predict(rows: [Float], count: Int, cancellation: Cancellation) throws -> Predictions {
        try predict(RemoteRows(checked: rows, count: count, width: rowSize, place: place), cancellation)
    }

    func predict(_ rows: RemoteRows, _ cancellation: Cancellation) throws -> Predictions {
        try cancellation.check()
        if let row = rows.firstInfinite {
            throw CasemateError(
                .mismatch, at: "row \(row + 1)", "holds an infinity, which has no form in JSON",
                help: "bound the features, or clean the data")
        }
        let keys = rows.keys(salt: endpoint.cache.salt)
        let answers = try self.answers(rows, keys, cancellation)
        do throws(RemoteLie) { return try reading.predictions(answers, includesRaw: includesRaw) } catch {
            throw CasemateError(
                .endpointLies, at: place, error.what,
                help: "state the classes in column order with model.output.classes")
        }
    }

    /// The answer to each row. Rows that nobody asks for are this call's; for those of another call it waits.
    private func answers(
        _ rows: RemoteRows, _ keys: [RowKey], _ cancellation: Cancellation
    ) throws -> [RemoteAnswer] {
        var first: [RowKey: Int] = [:]
        var open: [RowKey] = []
        for (row, key) in keys.enumerated() where first[key] == nil {
            first[key] = row
            open.append(key)
        }
        var known: [RowKey: RemoteAnswer] = [:]
        known.reserveCapacity(open.count)
        let traffic = endpoint.exchange.traffic
        var asked = 0
        while !open.isEmpty {
            let events = traffic.events
            let (mine, others) = traffic.claim(open)
            defer { traffic.release(mine) }
            let kept = try endpoint.cache.answers(
                to: mine, endpoint: current.withLock { $0.number }, width: reading.rawWidth)
            var missing: [RowKey] = []
            for (key, answer) in zip(mine, kept) { if let answer { known[key] = answer } else { missing.append(key) } }
            if !missing.isEmpty {
                asked += missing.count
                let wanted = rows.rows(missing.map { first[$0] ?? 0 })
                for (key, answer) in zip(missing, try ask(wanted, missing, cancellation)) { known[key] = answer }
            }
            open = others
            if mine.isEmpty, traffic.isClaimed(open) {
                cancellation.whileRunning(onCancel: { traffic.wake() }) { traffic.wait(after: events, until: nil) }
                try cancellation.check()
            }
        }
        let served = rows.count - asked
        if served > 0 { traffic.observe { $0.kept += served } }
        if asked > 0 { try askAgain(cancellation) }
        return try keys.map { key in
            guard let answer = known[key] else {
                throw CasemateError(.endpointFailed, at: place, "a row went unanswered", help: "run it again")
            }
            return answer
        }
    }

    /// Asks, and keeps every answer as soon as it is there.
    private func ask(_ rows: RemoteRows, _ keys: [RowKey], _ cancellation: Cancellation) throws -> [RemoteAnswer] {
        var found = [RemoteAnswer?](repeating: nil, count: rows.count)
        try send(rows, cancellation) { range, outputs in
            let piece = rows.rows(range)
            let answers = try keep(outputs, of: piece, keys: Array(keys[range]))
            for (row, answer) in zip(range, answers) { found[row] = answer }
        }
        return found.compactMap { $0 }
    }

    private func send(
        _ rows: RemoteRows, _ cancellation: Cancellation, take: (Range<Int>, RemoteOutputs) throws -> Void
    ) throws {
        let exchange = endpoint.exchange
        let batch = min(exchange.options.batch, signature.fixedBatch ?? .max)
        switch wire {
        case .openInference(let wire):
            try exchange.ask(rows, wire, batch: batch, cancellation: cancellation, take: take)
        case .mlflow(let wire): try exchange.ask(rows, wire, batch: batch, cancellation: cancellation, take: take)
        }
    }

    @discardableResult
    private func keep(_ outputs: RemoteOutputs, of rows: RemoteRows, keys: [RowKey]) throws -> [RemoteAnswer] {
        let answers = try reading.answers(outputs)
        if let version = outputs.version { try follow(version) }
        repeater.remember(rows, answers)
        try endpoint.cache.keep(Array(zip(keys, answers)), endpoint: current.withLock { $0.number })
        return answers
    }

    /// Keeps answers of another version apart from those before.
    private func follow(_ version: String) throws {
        guard current.withLock({ $0.version }) != version else { return }
        let name = Self.identity(endpoint, wire, reading, version: version)
        let number = try endpoint.cache.endpoint(name, address: endpoint.address)
        current.withLock { $0 = (version, number) }
        endpoint.exchange.traffic.observe { if $0.versions.last != version { $0.versions.append(version) } }
    }
}

extension RemoteModel {
    /// Asks some rows a second time, now and then, and notes answers that changed. The first answer stays.
    private func askAgain(_ cancellation: Cancellation) throws {
        guard let (rows, answers) = repeater.due(asked: observations.rows) else { return }
        try compare(rows, answers, cancellation)
    }

    /// Asks rows of the sample whose answers were kept by an earlier run.
    private func recheck(_ sample: RemoteRows, _ cancellation: Cancellation) throws {
        let most = min(4, endpoint.exchange.options.repeats)
        let rows = sample.rows(0..<min(most, sample.count))
        guard rows.count > 0 else { return }
        let kept = try endpoint.cache.answers(
            to: rows.keys(salt: endpoint.cache.salt), endpoint: current.withLock { $0.number },
            width: reading.rawWidth)
        let known = kept.indices.filter { kept[$0] != nil }
        try compare(rows.rows(known), known.compactMap { kept[$0] }, cancellation)
    }

    private func compare(_ rows: RemoteRows, _ before: [RemoteAnswer], _ cancellation: Cancellation) throws {
        guard rows.count > 0 else { return }
        let traffic = endpoint.exchange.traffic
        do {
            try send(rows, cancellation) { range, outputs in
                let now = try reading.answers(outputs)
                if let version = outputs.version { try follow(version) }
                let differences = zip(range, now).map { before[$0].difference(from: $1) }
                traffic.observe { seen in
                    seen.repeats += differences.count
                    // why 1e-5: servers add up a batch in an order of its own; float32 differs by less than that.
                    seen.changed += differences.count { $0.size > 1e-5 || $0.isFlip }
                    seen.flipped += differences.count { $0.isFlip }
                    seen.largestChange = max(seen.largestChange, differences.map(\.size).max() ?? 0)
                }
            }
        } catch let error as CasemateError where error.code == .queriesSpent {
            // why: the budget is for answers; that none is left for repeats is no failure.
            return
        }
    }
}

extension RemoteRows {
    /// Width of a matrix; `nil` for columns.
    var matrixWidth: Int? { if case .matrix(_, let width) = storage { width } else { nil } }
}
