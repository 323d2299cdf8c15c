import Foundation

/// What runs the guard needs: metrics, the description of the interface, a list of addresses.
public struct OperationsFace: WireFace {
    /// Name in records.
    public static let identifier = "operations"
    /// Makes it.
    public init() {}

    /// The route of a request.
    public func route(_ head: WireHead) throws -> WireRoute? {
        try WireOperation.route(head, among: Self.operations)
    }

    package static let operations: [WireOperation] = [
        WireOperation("GET", "/", "index", "says what stands at which address", access: .open, answer: .index) {
            _, _, _, _ in .json(index)
        },
        WireOperation(
            "GET", "/metrics", "metrics", "gives counters and histograms for Prometheus", access: .scope(.metrics),
            answer: .exposition
        ) { _, _, _, generation in
            ProcessMetrics.update(generation.metrics)
            return WireResponse(
                status: 200, headers: [.init("content-type", "text/plain; version=0.0.4; charset=utf-8")],
                body: Array(generation.metrics.exposition().utf8))
        },
        WireOperation(
            "GET", "/openapi.json", "openapi", "describes this interface", access: .scope(.metadata),
            answer: .document
        ) { _, _, exchange, generation in
            .json(OpenAPIDocument(GuardFacts.models(generation, for: exchange.client).map(\.backend.description)).tree)
        },
    ]

    private static let index: JSONTree = [
        "name": .text(GuardFacts.name),
        "links": [
            "openapi": "/openapi.json", "metrics": "/metrics", "live": "/v2/health/live", "ready": "/v2/health/ready",
            "models": "/v2/models",
        ],
    ]
}
