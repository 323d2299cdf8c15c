import Foundation

/// Draws standard normal numbers by the ziggurat method, about one 64-bit word each; holds the tables it needs.
///
/// Source: Marsaglia and Tsang, "The ziggurat method for generating random variables", J. Stat. Softw. 5(8), 2000, with
/// 256 layers and the correction of Doornik, "An improved ziggurat method to generate normal random samples", 2005:
/// layer and position come from different bits.
public struct NormalSampler: Sendable {
    /// Where the tail begins, for 256 layers of equal area.
    private static var tail: Double { 3.654_152_885_361_008_8 }
    /// Right edges of the layers, `[257]`, from the widest to 0, and the share of each that lies under the next.
    private let edges: [Double], ratios: [Double]

    /// Computes the tables; make one and keep it.
    public init() {
        let start = Self.tail
        func density(_ x: Double) -> Double { exp(-0.5 * x * x) }
        let area = start * density(start) + (Double.pi / 2).squareRoot() * erfc(start / 2.0.squareRoot())
        var edges = [area / density(start), start]
        for _ in 2..<256 {
            let last = edges[edges.count - 1]
            edges.append((-2 * log(area / last + density(last))).squareRoot())
        }
        edges.append(0)
        self.edges = edges
        ratios = (0..<256).map { edges[$0 + 1] / edges[$0] }
    }

    /// One number.
    public func next(using generator: inout SeededGenerator) -> Double {
        edges.withUnsafeBufferPointer { edges in
            ratios.withUnsafeBufferPointer { draw(edges, $0, &generator) }
        }
    }

    /// Fills `values` with independent numbers.
    public func fill(_ values: UnsafeMutableBufferPointer<Float>, using generator: inout SeededGenerator) {
        var local = generator
        edges.withUnsafeBufferPointer { edges in
            ratios.withUnsafeBufferPointer { ratios in
                for index in values.indices { values[index] = Float(draw(edges, ratios, &local)) }
            }
        }
        generator = local
    }

    @inline(__always)
    private func draw(
        _ edges: UnsafeBufferPointer<Double>, _ ratios: UnsafeBufferPointer<Double>,
        _ generator: inout SeededGenerator
    ) -> Double {
        let bits = generator.next()
        let layer = Int(truncatingIfNeeded: bits & 0xFF)
        let position = Double(Int64(bitPattern: bits) >> 11) * 0x1p-52
        if abs(position) < ratios[layer] { return position * edges[layer] }
        return drawRarely(edges, ratios, &generator, layer: layer, position: position)
    }

    /// The one case in about 80 that falls outside the inner rectangle of its layer.
    @inline(never)
    private func drawRarely(
        _ edges: UnsafeBufferPointer<Double>, _ ratios: UnsafeBufferPointer<Double>,
        _ generator: inout SeededGenerator, layer: Int, position: Double
    ) -> Double {
        var (layer, position) = (layer, position)
        while true {
            if abs(position) < ratios[layer] { return position * edges[layer] }
            if layer == 0 { return drawTail(&generator, isNegative: position < 0) }
            let x = position * edges[layer]
            let upper = exp(-0.5 * (edges[layer] * edges[layer] - x * x))
            let lower = exp(-0.5 * (edges[layer + 1] * edges[layer + 1] - x * x))
            if upper + generator.uniformDouble() * (lower - upper) < 1 { return x }
            let bits = generator.next()
            layer = Int(truncatingIfNeeded: bits & 0xFF)
            position = Double(Int64(bitPattern: bits) >> 11) * 0x1p-52
        }
    }

    private func drawTail(_ generator: inout SeededGenerator, isNegative: Bool) -> Double {
        while true {
            let beyond = -log(1 - generator.uniformDouble()) / Self.tail
            let height = -log(1 - generator.uniformDouble())
            if 2 * height >= beyond * beyond { return isNegative ? -(Self.tail + beyond) : Self.tail + beyond }
        }
    }
}

extension SeededGenerator {
    /// Fills `values` with independent numbers that are uniform in `low..<high`.
    public mutating func fillUniform(_ values: UnsafeMutableBufferPointer<Float>, from low: Float, to high: Float) {
        let width = high - low
        for index in values.indices { values[index] = low + width * uniform() }
    }
}

extension SeededGenerator: BitwiseCopyable {}
