import CasemateCore

/// Bars that lie: one row a category with its name in front and its value behind, whatever the length of the names.
struct NamedBars {
    let plot: Plot
    private static let rowHeight = 18.0

    /// One category: its name, and its bar in each series.
    private struct Row {
        let name: String
        var bars: [(series: Int, point: Plot.Point)]
    }

    /// Draws the rows below `top`.
    func drawn(top: Double) -> (height: Double, marks: [Markup]) {
        let rows = self.rows
        let points = rows.flatMap { $0.bars.map(\.point) }
        let names = rows.map { $0.name.inert.shortened(to: 21) }
        let left = min(165, (names.map { PlotText.width(of: $0) }.max() ?? 20) + 10)
        let lines = plot.references.filter { $0.kind == .horizontal }.map(\.at)
        let values = points.flatMap { [$0.y, $0.low ?? $0.y, $0.high ?? $0.y] } + lines
        let scale = PlotScale(
            plot.y, values: values, start: left, end: PlotDrawing.width - 66, count: 3, includesZero: true)
        var y = top + 8
        var marks: [Markup] = []
        var inner: [Markup] = []
        for (row, name) in zip(rows, names) {
            let height = Self.rowHeight * Double(max(1, row.bars.count))
            let label = PlotText.text(name, x: left - 8, y: y + height / 2 + 4.5, anchor: "end")
            marks.append(label)
            for (place, bar) in row.bars.enumerated() {
                inner += drawn(bar.point, series: bar.series, at: y + Self.rowHeight * Double(place), scale: scale)
            }
            y += height + 9
        }
        return (y + 46, axis(scale, from: top + 2, to: y) + marks + inner)
    }

    private var rows: [Row] {
        var rows: [Row] = []
        var places: [String: Int] = [:]
        for (index, series) in plot.series.enumerated() {
            for point in series.points {
                let name = point.label ?? Numerals.number(point.x)
                if let place = places[name] {
                    rows[place].bars.append((index, point))
                } else {
                    places[name] = rows.count
                    rows.append(Row(name: name, bars: [(index, point)]))
                }
            }
        }
        return rows
    }

    private func drawn(_ point: Plot.Point, series: Int, at y: Double, scale: PlotScale) -> [Markup] {
        let inside = { (value: Double) in scale.position(max(scale.low, min(scale.high, value))) }
        let (zero, end) = (inside(0), inside(point.y))
        let middle = PlotText.coordinate(y + Self.rowHeight / 2)
        var marks = [
            Markup(
                "rect",
                [
                    ("class", "bar s\(series % 6)"), ("x", PlotText.coordinate(min(zero, end))),
                    ("y", PlotText.coordinate(y + 2)), ("width", PlotText.coordinate(abs(end - zero))),
                    ("height", PlotText.coordinate(Self.rowHeight - 4)),
                ])
        ]
        if let low = point.low, let high = point.high {
            let (from, to) = (PlotText.coordinate(inside(low)), PlotText.coordinate(inside(high)))
            let (above, below) = (PlotText.coordinate(y + 5), PlotText.coordinate(y + Self.rowHeight - 5))
            let stem = "M\(from) \(middle)H\(to)M\(from) \(above)V\(below)M\(to) \(above)V\(below)"
            marks.append(Markup("path", [("class", "whisker over"), ("d", stem)]))
        }
        let value = scale.value(point.y)
        marks.append(
            PlotText.text(
                value, x: PlotDrawing.width, y: y + Self.rowHeight / 2 + 4.5, anchor: "end", kind: "tick"))
        return marks
    }

    private func axis(_ scale: PlotScale, from top: Double, to bottom: Double) -> [Markup] {
        let (upper, lower) = (PlotText.coordinate(top), PlotText.coordinate(bottom))
        var marks: [Markup] = []
        for tick in scale.ticks {
            let at = PlotText.coordinate(scale.position(tick))
            marks.append(Markup("path", [("class", "grid"), ("d", "M\(at) \(upper)V\(lower)")]))
            let text = PlotText.text(
                scale.label(tick), x: scale.position(tick), y: bottom + 17, anchor: "middle", kind: "tick")
            marks.append(text)
        }
        for (index, reference) in plot.references.enumerated()
        where reference.kind == .horizontal && scale.holds(reference.at) {
            let at = PlotText.coordinate(scale.position(reference.at))
            marks.append(Markup("path", [("class", "reference r\(index % 3)"), ("d", "M\(at) \(upper)V\(lower)")]))
        }
        let title = plot.y.titleInWords(limit: 48)
        marks.append(PlotText.text(title, x: scale.end, y: bottom + 37, anchor: "end", kind: "name"))
        return marks
    }
}
