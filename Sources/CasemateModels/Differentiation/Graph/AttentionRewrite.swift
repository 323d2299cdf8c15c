import CasemateCore

extension OperatorLowering {
    /// Scaled dot-product attention without past keys. Source: Vaswani et al., NeurIPS 2017; the form is that of
    /// `Attention` in ONNX 23.
    static func attention(_ view: LoweredNode, _ builder: inout GraphBuilder) throws(CasemateError) -> Bool {
        let (query, name) = try view.operand(&builder)
        guard let key = view.node.given(1).flatMap({ builder.value($0) }),
            let value = view.node.given(2).flatMap({ builder.value($0) }),
            view.node.given(4) == nil, view.node.given(5) == nil, view.node.given(6) == nil,
            view.node.output.dropFirst().allSatisfy(\.isEmpty)
        else { throw view.unsupported("past keys, lengths or further outputs") }
        let isFlat = query.rank == 3
        let q = isFlat ? try heads(query, "q_num_heads", view, &builder) : query
        let k = isFlat ? try heads(key, "kv_num_heads", view, &builder) : key
        let v = isFlat ? try heads(value, "kv_num_heads", view, &builder) : value
        guard q.rank == 4, k.rank == 4, v.rank == 4, let width = q.axes[3].length, width > 0 else {
            throw view.unsupported("arrays of \(q.rank), \(k.rank) and \(v.rank) axes")
        }
        let groups = try repeats(q, k, view)
        let (wideK, wideV) = (builder.repeatedHeads(k, groups), builder.repeatedHeads(v, groups))
        let scale = view.node.attribute("scale").map { Double($0.f) } ?? 1 / Double(width).squareRoot()
        var scores = builder.multiply(builder.matmul(q, builder.swapLastAxes(wideK)), scale)
        let cap = Double(view.node.float("softcap", 0))
        if cap != 0 {
            scores = builder.multiply(builder.unary("Tanh", builder.multiply(scores, 1 / cap)), cap)
        }
        if let mask = view.node.given(3).flatMap({ builder.value($0) }) { scores = builder.masked(scores, mask) }
        if view.node.int("is_causal", 0) != 0 { scores = try causal(scores, view, &builder) }
        let weights = builder.unary("Softmax", scores, [.int("axis", -1)])
        var result = builder.matmul(weights, wideV)
        if isFlat {
            let turned = builder.transpose(result, [0, 2, 1, 3])
            let width = AxisLength.product(turned.axes.suffix(2)) ?? .fixed(-1)
            result = builder.reshape(turned, to: [turned.axes[0], turned.axes[1], width])
        }
        builder.alias(result, as: name)
        return true
    }

    /// `[batch, length, heads · width]` as `[batch, heads, length, width]`.
    private static func heads(
        _ value: GraphValue, _ attribute: String, _ view: LoweredNode, _ builder: inout GraphBuilder
    ) throws(CasemateError) -> GraphValue {
        let count = view.node.int(attribute, 0)
        guard value.rank == 3, count > 0, let width = value.axes[2].length, width % count == 0 else {
            throw view.unsupported("\(attribute) \(count)")
        }
        let apart = builder.reshape(
            value, to: [value.axes[0], value.axes[1], .fixed(count), .fixed(width / count)], like: nil)
        return builder.transpose(apart, [0, 2, 1, 3])
    }

    private static func repeats(_ q: GraphValue, _ k: GraphValue, _ view: LoweredNode) throws(CasemateError) -> Int {
        guard let many = q.axes[1].length, let few = k.axes[1].length, few > 0, many % few == 0 else {
            throw view.unsupported("heads that do not divide")
        }
        return many / few
    }

    private static func causal(
        _ scores: GraphValue, _ view: LoweredNode, _ builder: inout GraphBuilder
    ) throws(CasemateError) -> GraphValue {
        guard let rows = scores.axes[2].length, let columns = scores.axes[3].length, rows * columns < 1 << 24 else {
            throw view.unsupported("a causal mask of open length")
        }
        let mask = (0..<rows * columns).map { $0 % columns > $0 / columns ? -Double.infinity : 0 }
        return builder.add(scores, builder.numbers(mask, shape: [rows, columns], like: scores))
    }
}

extension GraphBuilder {
    /// Each head as often as queries share it.
    mutating func repeatedHeads(_ a: GraphValue, _ count: Int) -> GraphValue {
        if count == 1 { return a }
        var axes = a.axes
        axes.insert(.fixed(count), at: 2)
        let apart = unsqueeze(a, [2])
        let wide = emit(
            "Expand", [apart.name, wholes([1, 1, count, 1, 1]).name], element: a.traced.element, axes: axes)
        var joined = a.axes
        joined[1] = .fixed((a.axes[1].length ?? 1) * count)
        return reshape(wide, to: joined, like: nil)
    }
    /// Scores with a mask of truth values, or of numbers to add.
    mutating func masked(_ scores: GraphValue, _ mask: GraphValue) -> GraphValue {
        mask.traced.isReal
            ? add(scores, mask) : select(mask, scores, scalar(-.infinity, like: scores))
    }
}
