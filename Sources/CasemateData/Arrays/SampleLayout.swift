public import CasemateCore

/// How the values of a sample are put into a model's input: as they are, under other axes, or with the channels moved.
public struct SampleLayout: Hashable, Sendable {
    /// What happens to the values.
    public enum Change: Hashable, Sendable {
        /// Nothing; the axes are the same.
        case none
        /// The axes are split or joined; the values keep their order.
        case reshape
        /// `[height, width, channels]` becomes `[channels, height, width]`.
        case channelsFirst
        /// `[channels, height, width]` becomes `[height, width, channels]`.
        case channelsLast
    }
    /// Axes of one sample of the data.
    public let from: [Int]
    /// Axes of one sample as the model takes it.
    public let to: [Int]
    /// What happens to the values.
    public let change: Change

    /// Finds how samples of the axes `shape` fit an input of the axes `input`, both without the batch; `nil` stands for an
    /// axis that the model leaves open.
    ///
    /// The same axes come first. Then axes are split or joined, where one shape is a finer division of the other (axes
    /// of length 1 do not count), so that neighbours stay neighbours. Channels are moved only when nothing else fits.
    /// - Throws: `mismatch` with both shapes; `place` names the data.
    public init(of shape: [Int], for input: [Int?], place: String) throws(CasemateError) {
        let core = shape.filter { $0 != 1 }
        // why: an axis of length 1 says nothing, but open axes must find their place beside those that the model fixes.
        let first = input.first == 1 ? [[1] + shape, [1] + core] : []
        let last = input.last == 1 ? [shape + [1], core + [1]] : []
        let plain = ([shape] + first + last + [core]).map { ($0, Change.none) }
        for (candidate, change) in plain + Self.turned(shape) {
            guard let axes = Self.resolved(candidate, input), Self.refines(candidate, axes) else { continue }
            (from, to) = (shape, axes)
            self.change = change == .none && axes != shape ? .reshape : change
            return
        }
        let wanted = "[" + input.map { $0.map { String($0) } ?? "?" }.joined(separator: ", ") + "]"
        throw CasemateError(
            .mismatch, at: place, "its samples are \(PrintableText.shape(shape)), the model takes \(wanted)",
            help: "save the samples in the shape that the model takes")
    }

    /// What is done, a clause for reports; `nil` when nothing is.
    public var note: String? {
        let shapes = "\(PrintableText.shape(from)) to \(PrintableText.shape(to))"
        return switch change {
        case .none: nil
        case .reshape: "samples were reshaped from \(shapes)"
        case .channelsFirst: "channels were moved to the front, from \(shapes)"
        case .channelsLast: "channels were moved to the end, from \(shapes)"
        }
    }

    /// Values of `count` samples, ordered for the model.
    public func apply(to values: [Float], count: Int) -> [Float] { moved(values, count, isInverse: false) }

    /// Values of `count` samples of the model, ordered as in the data.
    public func restore(_ values: [Float], count: Int) -> [Float] { moved(values, count, isInverse: true) }

    private func moved(_ values: [Float], _ count: Int, isInverse: Bool) -> [Float] {
        let size = from.reduce(1, *)
        precondition(values.count == count * size, "\(values.count) values are not \(count) samples of \(from)")
        let isFirst = change == .channelsFirst
        guard isFirst || change == .channelsLast else { return values }
        let channels = isFirst ? from[2] : from[0]
        let pixels = size / channels
        // why: moving channels is a transposition of [pixels, channels] or of its opposite.
        let (rows, columns) = isFirst != isInverse ? (pixels, channels) : (channels, pixels)
        return [Float](unsafeUninitializedCapacity: values.count) { target, done in
            values.withUnsafeBufferPointer { source in
                for start in stride(from: 0, to: source.count, by: size) {
                    for row in 0..<rows {
                        for column in 0..<columns {
                            target.initializeElement(
                                at: start + column * rows + row, to: source[start + row * columns + column])
                        }
                    }
                }
            }
            done = values.count
        }
    }

    /// The shapes that moving the channels gives.
    private static func turned(_ shape: [Int]) -> [([Int], Change)] {
        guard shape.count == 3 else { return [] }
        return [([shape[2], shape[0], shape[1]], .channelsFirst), ([shape[1], shape[2], shape[0]], .channelsLast)]
    }

    /// The input's axes with open ones filled in, when their product is that of `shape`.
    private static func resolved(_ shape: [Int], _ input: [Int?]) -> [Int]? {
        let isOpen = input.contains(nil)
        if isOpen, shape.count == input.count, zip(shape, input).allSatisfy({ $1 == nil || $0 == $1 }) { return shape }
        var known = 1
        for axis in input.compactMap({ $0 }) {
            let (product, overflow) = known.multipliedReportingOverflow(by: axis)
            guard !overflow, axis > 0 else { return nil }
            known = product
        }
        let size = shape.reduce(1, *)
        if !isOpen { return known == size ? input.compactMap { $0 } : nil }
        guard input.count(where: { $0 == nil }) == 1, size % known == 0, size > 0 else { return nil }
        return input.map { $0 ?? size / known }
    }

    /// Whether one shape divides the axes of the other, in their order.
    private static func refines(_ one: [Int], _ other: [Int]) -> Bool {
        func borders(_ shape: [Int]) -> Set<Int> {
            var product = 1
            return Set(
                shape.map { axis in
                    product *= axis
                    return product
                }
            ).union([1])
        }
        let (first, second) = (borders(one), borders(other))
        return first.isSubset(of: second) || second.isSubset(of: first)
    }
}
