import CasemateCore

/// Where the windows of a convolution or a pool lie: one entry for each spatial axis.
///
/// A window covers `span` places of the large side, one place of the small side. For a convolution and a pool the input
/// is the large side; for a transposed convolution the output is.
struct ConvGeometry: Sendable {
    /// Lengths of the side that windows slide over.
    let large: [Int]
    /// Lengths of the side with one place a window.
    let small: [Int]
    let kernel: [Int], strides: [Int], dilations: [Int]
    /// Padding before the first place; padding after the last follows from the lengths.
    let before: [Int]

    /// Number of spatial axes.
    var rank: Int { kernel.count }
    /// Places from the first to the last that a window reads, both included.
    func span(_ axis: Int) -> Int { (kernel[axis] - 1) * dilations[axis] + 1 }
    /// Places by which the last window reaches behind the large side; negative when places are left over.
    func after(_ axis: Int) -> Int { (small[axis] - 1) * strides[axis] + span(axis) - before[axis] - large[axis] }
    /// The same for every axis.
    var after: [Int] { (0..<rank).map { after($0) } }
    /// Whether windows stand side by side, without gaps, overlaps or padding before them.
    var isTiling: Bool {
        kernel == strides && dilations.allSatisfy { $0 == 1 } && before.allSatisfy { $0 == 0 }
            && after.allSatisfy { $0 <= 0 }
    }

    /// The geometry of a convolution or a pool.
    init(
        sliding node: DifferentiatedNode, from input: GraphValue, to output: GraphValue, kernel: [Int]
    ) throws(CasemateError) {
        let (large, small) = (try Self.spatial(input, node), try Self.spatial(output, node))
        let common = try Self.steps(node, kernel, large.count)
        (self.large, self.small, self.kernel) = (large, small, kernel)
        (strides, dilations) = common
        before = try Self.padding(node, count: large.count) { axis in
            // why: the engine pads so that the window of the last place ends on the border.
            let span = (kernel[axis] - 1) * common.dilations[axis] + 1
            return max(0, (small[axis] - 1) * common.strides[axis] + span - large[axis])
        }
    }

    /// The geometry of a transposed convolution.
    init(
        transposed node: DifferentiatedNode, from input: GraphValue, to output: GraphValue, kernel: [Int]
    ) throws(CasemateError) {
        let (small, large) = (try Self.spatial(input, node), try Self.spatial(output, node))
        let (strides, dilations) = try Self.steps(node, kernel, large.count)
        let extra = node.node.ints("output_padding") ?? small.map { _ in 0 }
        guard extra.count == small.count else { throw node.unsupported("output_padding \(extra)") }
        func total(_ axis: Int) -> Int {
            let span = (kernel[axis] - 1) * dilations[axis] + 1
            return max(0, (small[axis] - 1) * strides[axis] + extra[axis] + span - large[axis])
        }
        if node.node.ints("output_shape").map({ !$0.isEmpty }) ?? false {
            // why: a stated shape overrules the padding; only SAME_UPPER puts the odd place behind.
            let isUpper = node.node.text("auto_pad") == "SAME_UPPER"
            before = small.indices.map { isUpper ? total($0) / 2 : total($0) - total($0) / 2 }
        } else {
            before = try Self.padding(node, count: small.count, total)
        }
        (self.large, self.small, self.kernel) = (large, small, kernel)
        (self.strides, self.dilations) = (strides, dilations)
    }

    /// Lengths of the axes behind batch and channels.
    static func spatial(_ value: GraphValue, _ node: DifferentiatedNode) throws(CasemateError) -> [Int] {
        let lengths = value.axes.dropFirst(2).compactMap(\.length)
        guard value.rank > 2, lengths.count == value.rank - 2 else {
            throw node.unsupported("an axis behind the channels depends on the batch")
        }
        return lengths
    }

    private static func steps(
        _ node: DifferentiatedNode, _ kernel: [Int], _ count: Int
    ) throws(CasemateError) -> (strides: [Int], dilations: [Int]) {
        let strides = node.node.ints("strides") ?? kernel.map { _ in 1 }
        let dilations = node.node.ints("dilations") ?? kernel.map { _ in 1 }
        for list in [kernel, strides, dilations] where list.count != count || list.contains(where: { $0 < 1 }) {
            throw node.unsupported("kernel, strides or dilations \(list) for \(count) axes")
        }
        return (strides, dilations)
    }

    /// Padding before the first place; `total` says how much `SAME` pads an axis.
    private static func padding(
        _ node: DifferentiatedNode, count: Int, _ total: (Int) -> Int
    ) throws(CasemateError) -> [Int] {
        switch node.node.text("auto_pad", "NOTSET") {
        case "SAME_UPPER": return (0..<count).map { total($0) / 2 }
        case "SAME_LOWER": return (0..<count).map { total($0) - total($0) / 2 }
        case "VALID": return [Int](repeating: 0, count: count)
        default:
            let pads = node.node.ints("pads") ?? [Int](repeating: 0, count: 2 * count)
            guard pads.count == 2 * count, pads.allSatisfy({ $0 >= 0 }) else { throw node.unsupported("pads \(pads)") }
            return Array(pads.prefix(count))
        }
    }
}
