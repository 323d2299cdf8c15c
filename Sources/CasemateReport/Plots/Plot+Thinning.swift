package import CasemateCore
import Foundation

extension Plot.Series {
    /// The series with at most `limit` points: first, last, and the lowest and highest of each stretch between them.
    /// - Parameter axis: the axis of `x`; on a logarithmic one stretches are equally wide in the logarithm
    package func thinned(to limit: Int, along axis: Plot.Axis? = nil) -> Plot.Series {
        guard points.count > max(4, limit), let first = points.first, let last = points.last else { return self }
        let bounds = stretches(max(1, (limit - 2) / 2), along: axis)
        var kept = [first]
        for (from, to) in zip(bounds, bounds.dropFirst()) {
            let part = points[from..<to]
            guard let lowest = part.indices.min(by: { part[$0].y < part[$1].y }),
                let highest = part.indices.max(by: { part[$0].y < part[$1].y })
            else { continue }
            kept += lowest == highest ? [part[lowest]] : [part[min(lowest, highest)], part[max(lowest, highest)]]
        }
        return Plot.Series(name: name, style: style, points: kept + [last])
    }

    /// The series with at most `limit` points for a table, evenly chosen along the axis of `x`.
    package func sampled(to limit: Int, along axis: Plot.Axis? = nil) -> Plot.Series {
        guard points.count > max(2, limit) else { return self }
        guard axis?.isLogarithmic == true else {
            let chosen = (0..<limit).map { points[$0 * (points.count - 1) / (limit - 1)] }
            return Plot.Series(name: name, style: style, points: chosen)
        }
        let bounds = stretches(limit - 2, along: axis)
        let inner = zip(bounds, bounds.dropFirst()).filter { $0 < $1 }.map { points[$0.0] }
        return Plot.Series(name: name, style: style, points: points.prefix(1) + inner + points.suffix(1))
    }

    /// Where `count` stretches of the inner points begin, and where the last one ends.
    private func stretches(_ count: Int, along axis: Plot.Axis?) -> [Int] {
        let (start, end) = (1, points.count - 1)
        guard let axis, axis.isLogarithmic, let keys = logarithms(along: axis), let low = keys.first,
            let high = keys.last, low < high
        else { return (0...count).map { start + (end - start) * $0 / count } }
        var bounds = [start]
        for stretch in 1..<max(2, count) {
            let wanted = low + (high - low) * Double(stretch) / Double(count)
            var place = bounds[stretch - 1]
            while place < end, keys[place] < wanted { place += 1 }
            bounds.append(place)
        }
        return bounds + [end]
    }

    /// Logarithms of `x`, those below the low end on it; `nil` when they do not rise.
    private func logarithms(along axis: Plot.Axis) -> [Double]? {
        let positive = points.map(\.x).filter { $0 > 0 }.min()
        guard let low = axis.low.flatMap({ $0 > 0 ? $0 : nil }) ?? positive else { return nil }
        let keys = points.map { log10(max(low, $0.x)) }
        return zip(keys, keys.dropFirst()).allSatisfy { $0 <= $1 } ? keys : nil
    }
}

extension Plot {
    /// Whether it is drawn as bars that lie, each behind the name of its category.
    var hasNamedBars: Bool { series.contains { $0.style == .bars && $0.points.contains { $0.label != nil } } }

    /// The plot with at most `limit` points a series; bars that lie are cut to `bars` categories instead.
    func thinned(to limit: Int, bars: Int) -> Plot {
        let fewer = series.prefix(12).map { series in
            series.style == .bars
                ? Series(
                    name: series.name, style: .bars, points: Array(series.points.prefix(hasNamedBars ? bars : limit)))
                : series.thinned(to: limit, along: x)
        }
        return Plot(
            id: id, title: title, x: x, y: y, series: Array(fewer), references: Array(references.prefix(6)),
            summary: summary)
    }
}
