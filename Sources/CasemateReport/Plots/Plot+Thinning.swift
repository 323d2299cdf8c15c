package import CasemateCore

extension Plot.Series {
    /// The series with at most `limit` points: first, last, and the lowest and highest of each stretch between them.
    package func thinned(to limit: Int) -> Plot.Series {
        guard points.count > max(4, limit), let first = points.first, let last = points.last else { return self }
        let inner = points.dropFirst().dropLast()
        let stretches = max(1, (limit - 2) / 2)
        var kept = [first]
        for stretch in 0..<stretches {
            let from = inner.startIndex + inner.count * stretch / stretches
            let to = inner.startIndex + inner.count * (stretch + 1) / stretches
            let part = inner[from..<to]
            guard let lowest = part.indices.min(by: { part[$0].y < part[$1].y }),
                let highest = part.indices.max(by: { part[$0].y < part[$1].y })
            else { continue }
            kept += lowest == highest ? [part[lowest]] : [part[min(lowest, highest)], part[max(lowest, highest)]]
        }
        return Plot.Series(name: name, style: style, points: kept + [last])
    }

    /// The series with at most `limit` points, evenly chosen, for a table.
    package func sampled(to limit: Int) -> Plot.Series {
        guard points.count > max(2, limit) else { return self }
        let chosen = (0..<limit).map { points[$0 * (points.count - 1) / (limit - 1)] }
        return Plot.Series(name: name, style: style, points: chosen)
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
                : series.thinned(to: limit)
        }
        return Plot(
            id: id, title: title, x: x, y: y, series: Array(fewer), references: Array(references.prefix(6)),
            summary: summary)
    }
}
