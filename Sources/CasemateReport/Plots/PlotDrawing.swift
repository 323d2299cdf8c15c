import CasemateCore

/// Draws a plot as SVG that takes its colours from the page's style sheet, and so follows dark and light.
struct PlotDrawing {
    /// Width of every drawing, in its own units; about as many pixels as a phone is wide.
    static let width = 380.0
    /// The plot with finite numbers and few points.
    let plot: Plot
    /// Number of the plot on its page; makes identifiers unique.
    let number: Int

    /// Prepares a plot.
    init(_ plot: Plot, number: Int, points: Int = 400, bars: Int = 24) {
        (self.plot, self.number) = (plot.finite.thinned(to: points, bars: bars), number)
    }

    /// The drawing with `role="img"`, a title and a description.
    func svg() -> Markup {
        let legend = PlotLegend(plot, width: Self.width)
        let body: (height: Double, marks: [Markup]) =
            plot.hasNamedBars
            ? NamedBars(plot: plot).drawn(top: legend.height)
            : CurveField(plot: plot, number: number).drawn(top: legend.height)
        let names = ["plot-\(number)-title", "plot-\(number)-text"]
        var svg = Markup(
            "svg",
            [
                ("class", "plot"), ("role", "img"), ("aria-labelledby", names.joined(separator: " ")),
                ("viewBox", "0 0 \(PlotText.coordinate(Self.width)) \(PlotText.coordinate(body.height))"),
            ])
        svg.add(Markup("title", [("id", names[0])], text: plot.title))
        svg.add(Markup("desc", [("id", names[1])], text: plot.summary))
        svg.add(legend.drawn())
        svg.add(body.marks)
        return svg
    }
}

/// Curves, steps, points and upright bars between two axes of numbers.
struct CurveField {
    let plot: Plot
    let number: Int
    private static let fieldHeight = 215.0

    /// Draws the field below `top`.
    func drawn(top: Double) -> (height: Double, marks: [Markup]) {
        let upper = top + 24
        let lower = upper + Self.fieldHeight
        let points = plot.series.flatMap(\.points)
        let hasBars = plot.series.contains { $0.style == .bars }
        let across = plot.references.filter { $0.kind == .horizontal }.map(\.at)
        let sides = plot.references.filter { $0.kind == .vertical }.map(\.at) + points.map(\.x) + barEdges
        let y = PlotScale(
            plot.y, values: points.flatMap { [$0.y, $0.low ?? $0.y, $0.high ?? $0.y] } + across, start: lower,
            end: upper, count: 5, includesZero: hasBars)
        let left = (y.ticks.map { PlotText.width(of: y.label($0)) }.max() ?? 20) + 12
        let right = PlotDrawing.width - 20
        var x = PlotScale(plot.x, values: sides, start: left, end: right, count: 5)
        let widest = x.ticks.map { PlotText.width(of: x.label($0)) }.max() ?? 20
        let fitting = Int((right - left) / (widest + 18))
        if x.ticks.count > fitting {
            x = PlotScale(plot.x, values: sides, start: left, end: right, count: max(1, fitting - 2))
        }
        let marks = CurveMarks(plot: plot, x: x, y: y, baseline: y.position(max(y.low, min(y.high, 0))))
        let clip = "clip-\(number)"
        var field = Markup("g", [("clip-path", "url(#\(clip))")])
        field.add(marks.references())
        for (index, series) in plot.series.enumerated() { field.add(marks.series(series, index: index)) }
        return (lower + 46, [clipPath(clip, x: x, y: y)] + axes(x: x, y: y, upper: upper, lower: lower) + [field])
    }

    /// Room for the outer halves of the first and the last upright bar.
    private var barEdges: [Double] {
        let places = plot.series.filter { $0.style == .bars }.flatMap(\.points).map(\.x)
        guard let low = places.min(), let high = places.max() else { return [] }
        let half = places.count > 1 ? (high - low) / Double(places.count - 1) / 2 : 0.5
        return [low - half, high + half]
    }

    private func clipPath(_ name: String, x: PlotScale, y: PlotScale) -> Markup {
        let area = [
            ("x", PlotText.coordinate(x.start - 5)), ("y", PlotText.coordinate(y.end - 5)),
            ("width", PlotText.coordinate(x.end - x.start + 10)),
            ("height", PlotText.coordinate(y.start - y.end + 10)),
        ]
        return Markup("clipPath", [("id", name)], [Markup("rect", area)])
    }

    private func axes(x: PlotScale, y: PlotScale, upper: Double, lower: Double) -> [Markup] {
        var marks: [Markup] = []
        let (left, right) = (PlotText.coordinate(x.start), PlotText.coordinate(x.end))
        for tick in y.ticks {
            let at = PlotText.coordinate(y.position(tick))
            marks.append(Markup("path", [("class", "grid"), ("d", "M\(left) \(at)H\(right)")]))
            marks.append(
                PlotText.text(y.label(tick), x: x.start - 7, y: y.position(tick) + 4.5, anchor: "end", kind: "tick"))
        }
        marks.append(
            Markup("path", [("class", "axis"), ("d", "M\(left) \(PlotText.coordinate(lower))H\(right)")]))
        for tick in x.ticks {
            let at = PlotText.coordinate(x.position(tick))
            marks.append(Markup("path", [("class", "axis"), ("d", "M\(at) \(PlotText.coordinate(lower))v4")]))
            let room = PlotText.width(of: x.label(tick)) / 2
            let place = min(x.position(tick), PlotDrawing.width - room)
            marks.append(PlotText.text(x.label(tick), x: place, y: lower + 18, anchor: "middle", kind: "tick"))
        }
        let names = (x: plot.x.titleInWords(limit: 48), y: plot.y.titleInWords(limit: 48))
        marks.append(PlotText.text(names.y, x: 0, y: upper - 12, kind: "name"))
        marks.append(PlotText.text(names.x, x: x.end, y: lower + 38, anchor: "end", kind: "name"))
        return marks
    }
}
