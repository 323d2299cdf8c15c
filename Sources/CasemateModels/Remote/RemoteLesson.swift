import CasemateCore
import Foundation

/// What a sample of rows teaches about an endpoint: which form of request it takes and what its outputs look like.
struct RemoteLesson {
    /// Most rows of the sample.
    static let sampleSize = 16

    let facts: RemoteFacts
    let wire: RemoteDraft.Wire
    /// The rows that were looked at.
    let sample: RemoteRows
    /// Their answers; `nil` where an earlier run had learned this.
    let outputs: RemoteOutputs?

    /// Learns.
    /// - Throws: what the endpoint does wrong; `unusableData` without a row.
    init(_ draft: RemoteDraft, _ rows: RemoteRows, cancellation: Cancellation) throws {
        guard rows.count > 0 else {
            throw CasemateError(
                .unusableData, at: draft.place, "there is no row to ask about", help: "give data with at least one row")
        }
        let (endpoint, exchange) = (draft.endpoint, draft.endpoint.exchange)
        sample = rows.rows(0..<min(Self.sampleSize, rows.count))
        let number = try endpoint.cache.endpoint(
            "facts " + Self.identity(endpoint, draft.wire) + " version \(endpoint.version ?? "")"
                + " outputs \(draft.overrides.labelOutput ?? "") \(draft.overrides.scoreOutputs ?? [])",
            address: endpoint.address)
        if let kept = try endpoint.cache.facts(of: number),
            let known = try? JSONDecoder().decode(RemoteFacts.self, from: kept)
        {
            (facts, outputs) = (known, nil)
            wire = draft.wire.told(by: known)
            return
        }
        let school = RemoteSchool(
            exchange: exchange, sample: sample, cancellation: cancellation, overrides: draft.overrides,
            batch: min(exchange.options.batch, draft.signature.fixedBatch ?? .max))
        let learned = try school.learn(draft.wire)
        (facts, outputs) = (learned.facts, learned.outputs)
        wire = draft.wire.told(by: facts)
        try endpoint.cache.keep(facts: try JSONEncoder().encode(facts), of: number)
    }

    /// Everything besides version and reading that answers depend on.
    static func identity(_ endpoint: RemoteEndpoint, _ wire: RemoteDraft.Wire) -> String {
        let exchange = endpoint.exchange
        let headers = exchange.options.headers.sorted { $0.key < $1.key }.map { "\($0.key.lowercased())=\($0.value)" }
        let spoken =
            switch wire {
            case .openInference(let wire): wire.identity
            case .mlflow(let wire): wire.identity
            }
        return "answers 1 \(exchange.address.url("")) \(headers) \(spoken)"
    }
}

extension RemoteDraft.Wire {
    /// The same with the form of request that was learned.
    func told(by facts: RemoteFacts) -> RemoteDraft.Wire {
        switch self {
        case .openInference(var wire):
            wire.wanted = facts.wanted
            return .openInference(wire)
        case .mlflow(var wire):
            wire.form = facts.form ?? wire.form
            return .mlflow(wire)
        }
    }
}

/// Asks about a sample in the ways that a protocol leaves open.
private struct RemoteSchool {
    let exchange: RemoteExchange
    let sample: RemoteRows
    let cancellation: Cancellation
    let overrides: ModelOverrides
    let batch: Int

    func learn(_ wire: RemoteDraft.Wire) throws -> (facts: RemoteFacts, outputs: RemoteOutputs) {
        switch wire {
        case .openInference(let wire): return try learn(wire)
        case .mlflow(let wire): return try learn(wire)
        }
    }

    private func ask(_ wire: some RemoteWire, isTrial: Bool = false) throws -> RemoteOutputs {
        var gathered: [(Range<Int>, RemoteOutputs)] = []
        try exchange.ask(sample, wire, batch: batch, isTrial: isTrial, cancellation: cancellation) {
            gathered.append(($0, $1))
        }
        gathered.sort { $0.0.lowerBound < $1.0.lowerBound }
        do throws(RemoteLie) { return try RemoteOutputs(joining: gathered.map(\.1)) } catch {
            throw exchange.failure.lie(error, wire.path, request: nil)
        }
    }

    /// The outputs that are named, else those that the server gives; and the probabilities beside a lone class, which
    /// scikit-learn's runtimes give only when asked.
    private func learn(_ wire: OpenInferenceWire) throws -> (RemoteFacts, RemoteOutputs) {
        var wire = wire
        wire.wanted = ([overrides.labelOutput].compactMap { $0 } + (overrides.scoreOutputs ?? []))
        let outputs = try ask(wire)
        var facts = RemoteFacts(outputs)
        facts.wanted = wire.wanted
        let isOpen = overrides.scoreOutputs == nil && overrides.kind != .labels && overrides.task != .regression
        guard isOpen, facts.hasOnlyLabel, let label = facts.outputs.first?.name else { return (facts, outputs) }
        var fuller = wire
        fuller.wanted = [label, "predict_proba"]
        guard let more = try unlessRefused({ try ask(fuller, isTrial: true) }) else { return (facts, outputs) }
        var better = RemoteFacts(more)
        better.wanted = fuller.wanted
        return (better, more)
    }

    /// The first form that the server takes.
    private func learn(_ wire: MLflowWire) throws -> (RemoteFacts, RemoteOutputs) {
        var (wire, forms) = (wire, wire.forms[...])
        var first: CasemateError?
        wire.form = forms.removeFirst()
        while true {
            do {
                let outputs = try ask(wire, isTrial: !forms.isEmpty)
                var facts = RemoteFacts(outputs)
                facts.form = wire.form
                return (facts, outputs)
            } catch let refusal as CasemateError where refusal.code == .endpointFailed {
                // why the first refusal: it is about the form that fits most models.
                first = first ?? refusal
                guard let next = forms.popFirst() else { throw first ?? refusal }
                wire.form = next
            }
        }
    }

    /// `nil` where the server refuses the request as such, or does not do what it asks for.
    private func unlessRefused(_ body: () throws -> RemoteOutputs) throws -> RemoteOutputs? {
        do { return try body() } catch let error as CasemateError
            where error.code == .endpointFailed || error.code == .endpointLies
        { return nil }
    }
}

extension RemoteOutputs {
    /// The outputs of the pieces of a batch, in order.
    init(joining pieces: [RemoteOutputs]) throws(RemoteLie) {
        guard let first = pieces.first else { throw RemoteLie("there is no answer") }
        guard pieces.count > 1 else {
            self = first
            return
        }
        var joined: [Output] = []
        for output in first.outputs {
            var (numbers, texts, areWhole) = ([Double](), [String](), true)
            for piece in pieces {
                guard let part = piece[output.name], part.width == output.width else {
                    throw RemoteLie("two answers have different outputs")
                }
                switch part.values {
                case .numbers(let values, let whole):
                    numbers += values
                    areWhole = areWhole && whole
                case .texts(let values): texts += values
                }
            }
            guard numbers.isEmpty || texts.isEmpty else { throw RemoteLie("two answers have different outputs") }
            let values = texts.isEmpty ? Values.numbers(numbers, areWhole: areWhole) : .texts(texts)
            joined.append(Output(name: output.name, width: output.width, values: values))
        }
        self.init(count: pieces.reduce(0) { $0 + $1.count }, outputs: joined, version: pieces.last?.version)
    }
}
