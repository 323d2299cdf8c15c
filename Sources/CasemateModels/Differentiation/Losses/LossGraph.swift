import CasemateCore

/// Adds a loss of the logits to a graph, with its gradient by the logits written out.
///
/// The gradient of the last step is exact and stable this way (softmax minus one-hot instead of the derivative of a
/// logarithm), and needs no rule of an operator that the model itself does not use.
struct LossGraph {
    /// Per-sample losses, `[N]`, and their gradient by the logits, `[N, K]`.
    let losses: GraphValue, slope: GraphValue

    /// Input that holds labels, `[N]` of int64.
    static let labels = "casemate/labels"
    /// Input that holds targets, `[N]` of int64.
    static let targets = "casemate/targets"

    /// Adds the loss.
    /// - Parameter logits: `[N, K]`.
    init(_ loss: ClassificationLoss, of logits: GraphValue, _ builder: inout GraphBuilder) {
        let terms = LossTerms(logits, isTargeted: loss.isTargeted, &builder)
        switch loss {
        case .crossEntropy: (losses, slope) = Self.crossEntropy(terms, terms.label, sign: -1, &builder)
        case .targetedCrossEntropy: (losses, slope) = Self.crossEntropy(terms, terms.target, sign: 1, &builder)
        case .margin:
            let rival = terms.largest(except: terms.label, &builder)
            (losses, slope) = Self.difference(terms, rival, terms.label, &builder)
        case .targetedMargin:
            let rival = terms.largest(except: terms.target, &builder)
            (losses, slope) = Self.difference(terms, terms.target, rival, &builder)
        case .logitDifference: (losses, slope) = Self.difference(terms, terms.target, terms.label, &builder)
        case .differenceOfLogitsRatio:
            let rival = terms.largest(except: terms.label, &builder)
            (losses, slope) = Self.ratio(terms, rival, below: [(2, 1)], &builder)
        case .targetedDifferenceOfLogitsRatio:
            (losses, slope) = Self.ratio(terms, terms.target, below: [(2, 0.5), (3, 0.5)], &builder)
        }
    }

    /// `sign · log softmax(z)[class]`.
    private static func crossEntropy(
        _ terms: LossTerms, _ mask: GraphValue, sign: Double, _ builder: inout GraphBuilder
    ) -> (GraphValue, GraphValue) {
        let logarithms = builder.unary("LogSoftmax", terms.logits, [.int("axis", 1)])
        let softmax = builder.unary("Exp", logarithms)
        let losses = builder.multiply(builder.sum(builder.multiply(logarithms, mask), [1], keepsAxes: false), sign)
        return (losses, builder.multiply(builder.subtract(mask, softmax), sign))
    }

    /// `z[above] - z[below]`.
    private static func difference(
        _ terms: LossTerms, _ above: GraphValue, _ below: GraphValue, _ builder: inout GraphBuilder
    ) -> (GraphValue, GraphValue) {
        let slope = builder.subtract(above, below)
        return (terms.pick(slope, &builder), slope)
    }

    /// `(z[rival] - z[label]) / (z1 - Σ weight · z[rank])`, with the derivative of the quotient.
    private static func ratio(
        _ terms: LossTerms, _ rival: GraphValue, below: [(rank: Int, weight: Double)], _ builder: inout GraphBuilder
    ) -> (GraphValue, GraphValue) {
        let above = builder.subtract(rival, terms.label)
        let ranks = terms.ranks(4, &builder)
        var width = ranks[0]
        for (rank, weight) in below where rank < ranks.count {
            width = builder.subtract(width, weight == 1 ? ranks[rank] : builder.multiply(ranks[rank], weight))
        }
        // why: equal logits make the width 0; the published guard keeps the quotient finite.
        let divisor = builder.add(builder.sum(builder.multiply(terms.logits, width), [1], keepsAxes: true), 1e-12)
        let height = builder.sum(builder.multiply(terms.logits, above), [1], keepsAxes: true)
        let quotient = builder.divide(height, divisor)
        let slope = builder.divide(builder.subtract(above, builder.multiply(width, quotient)), divisor)
        return (builder.reshape(quotient, to: [terms.logits.axes[0]]), slope)
    }
}

/// Masks of classes, `[N, K]` of zeros and ones, that losses are made of.
struct LossTerms {
    let logits: GraphValue
    /// One at the label.
    let label: GraphValue
    /// One at the target; the label where there is none.
    let target: GraphValue
    private let classes: Int

    init(_ logits: GraphValue, isTargeted: Bool, _ builder: inout GraphBuilder) {
        self.logits = logits
        classes = logits.axes[1].length ?? 2
        label = Self.mask(
            builder.input(LossGraph.labels, element: 7, axes: [logits.axes[0]]), classes, logits, &builder)
        target =
            isTargeted
            ? Self.mask(
                builder.input(LossGraph.targets, element: 7, axes: [logits.axes[0]]), classes, logits, &builder)
            : label
    }

    /// The sum of logits weighed by a mask, `[N]`.
    func pick(_ mask: GraphValue, _ builder: inout GraphBuilder) -> GraphValue {
        builder.sum(builder.multiply(logits, mask), [1], keepsAxes: false)
    }

    /// One at the largest logit outside a mask; the first of equals.
    func largest(except mask: GraphValue, _ builder: inout GraphBuilder) -> GraphValue {
        let isInside = builder.compare("Greater", mask, 0)
        let rest = builder.select(isInside, builder.scalar(-3e38, like: logits), logits)
        let index = builder.emit(
            "ArgMax", [rest.name], element: 7, axes: [logits.axes[0]], [.int("axis", 1), .int("keepdims", 0)])
        return Self.mask(index, classes, logits, &builder)
    }

    /// One at the logit of each rank from the largest on.
    func ranks(_ count: Int, _ builder: inout GraphBuilder) -> [GraphValue] {
        let count = min(count, classes)
        let axes = [logits.axes[0], AxisLength.fixed(count)]
        let sorted = builder.emit(
            "TopK", [logits.name, builder.wholes([count]).name],
            [TracedValue(element: logits.traced.element, axes: axes), TracedValue(element: 7, axes: axes)],
            [.int("axis", 1)])
        return (0..<count).map { rank in
            let column = builder.slice(sorted[1], axis: 1, from: rank, to: rank + 1, length: .fixed(1))
            return Self.mask(builder.reshape(column, to: [logits.axes[0]]), classes, logits, &builder)
        }
    }

    private static func mask(
        _ index: GraphValue, _ classes: Int, _ logits: GraphValue, _ builder: inout GraphBuilder
    ) -> GraphValue {
        let depth = builder.constant(OnnxTensorProto(name: "", shape: [], wholes: [Int64(classes)]))
        let values = builder.numbers([0, 1], shape: [2], like: logits)
        return builder.emit(
            "OneHot", [index.name, depth.name, values.name], element: logits.traced.element, axes: logits.axes,
            [.int("axis", -1)])
    }
}

extension GraphBuilder {
    /// An input of the graph, added when it is not there.
    mutating func input(_ name: String, element: Int32, axes: [AxisLength]) -> GraphValue {
        if let known = value(name) { return known }
        graph.inputs.append(WorkGraph.Input(name: name, element: element, axes: axes.map(\.length)))
        return declare(name, TracedValue(element: element, axes: axes))
    }
}
