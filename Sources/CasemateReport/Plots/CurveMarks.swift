import CasemateCore

/// What is drawn between the axes: bands, lines, signs, whiskers, upright bars, reference lines.
struct CurveMarks {
    let plot: Plot
    let x: PlotScale, y: PlotScale
    /// Where bars stand on.
    let baseline: Double

    /// A series in its style, its intervals below it.
    func series(_ series: Plot.Series, index: Int) -> [Markup] {
        let kind = "s\(index % 6)"
        switch series.style {
        case .bars: return bars(series, kind: kind, index: index)
        case .points: return whiskers(series.points, kind: kind) + markers(series.points, index: index)
        case .line, .step:
            let path = Self.path(corners(series.points, isStep: series.style == .step))
            let line = Markup("path", [("class", "line \(kind)"), ("d", path)])
            let signs = series.points.count <= 24 ? markers(series.points, index: index) : []
            return band(series, kind: kind) + [line] + signs
        }
    }

    /// Lines across the field, drawn below the series.
    func references() -> [Markup] {
        plot.references.enumerated().compactMap { index, reference -> Markup? in
            let kind = ("class", "reference r\(index % 3)")
            switch reference.kind {
            case .horizontal:
                guard y.holds(reference.at) else { return nil }
                let at = PlotText.coordinate(y.position(reference.at))
                return Markup(
                    "path", [kind, ("d", "M\(PlotText.coordinate(x.start)) \(at)H\(PlotText.coordinate(x.end))")])
            case .vertical:
                guard x.holds(reference.at) else { return nil }
                let at = PlotText.coordinate(x.position(reference.at))
                return Markup(
                    "path", [kind, ("d", "M\(at) \(PlotText.coordinate(y.start))V\(PlotText.coordinate(y.end))")])
            case .diagonal:
                let places = diagonal
                return places.isEmpty ? nil : Markup("path", [kind, ("d", Self.path(places))])
            }
        }
    }

    /// Where y = x, between the ends of both axes: a curve when only one of them is logarithmic.
    private var diagonal: [(Double, Double)] {
        let (from, to) = (max(x.low, y.low), min(x.high, y.high))
        guard from < to else { return [] }
        let inner = x.isLogarithmic == y.isLogarithmic ? [] : (1..<64).map { x.value(at: Double($0) / 64) }
        return ([from] + inner.filter { $0 > from && $0 < to } + [to]).map { (x.position($0), y.position($0)) }
    }

    private func band(_ series: Plot.Series, kind: String) -> [Markup] {
        let points = series.points.filter { $0.low != nil && $0.high != nil }
        guard points.count > 1 else { return whiskers(points, kind: kind) }
        let isStep = series.style == .step
        let upper = corners(points.map { Plot.Point(x: $0.x, y: $0.high ?? $0.y) }, isStep: isStep)
        let lower = corners(points.map { Plot.Point(x: $0.x, y: $0.low ?? $0.y) }, isStep: isStep)
        return [Markup("path", [("class", "band \(kind)"), ("d", Self.path(upper + lower.reversed()) + "Z")])]
    }

    private func whiskers(_ points: [Plot.Point], kind: String) -> [Markup] {
        points.compactMap { point in
            guard let low = point.low, let high = point.high else { return nil }
            let at = x.position(point.x)
            let (from, to) = (PlotText.coordinate(y.position(low)), PlotText.coordinate(y.position(high)))
            let (left, right) = (PlotText.coordinate(at - 4), PlotText.coordinate(at + 4))
            let stem = "M\(PlotText.coordinate(at)) \(from)V\(to)M\(left) \(from)H\(right)M\(left) \(to)H\(right)"
            return Markup("path", [("class", "whisker \(kind)"), ("d", stem)])
        }
    }

    private func markers(_ points: [Plot.Point], index: Int) -> [Markup] {
        points.map { PlotMarker.drawn(index, x: x.position($0.x), y: y.position($0.y)) }
    }

    private func bars(_ series: Plot.Series, kind: String, index: Int) -> [Markup] {
        let families = plot.series.filter { $0.style == .bars }.count
        let place = plot.series.prefix(index).filter { $0.style == .bars }.count
        let slot = (x.end - x.start) / Double(max(1, series.points.count + 1))
        let width = max(1, min(40, slot * 0.8) / Double(max(1, families)))
        let marks = series.points.map { point -> Markup in
            let top = y.position(point.y)
            let left = x.position(point.x) + (Double(place) - Double(families) / 2) * width
            return Markup(
                "rect",
                [
                    ("class", "bar \(kind)"), ("x", PlotText.coordinate(left)),
                    ("y", PlotText.coordinate(min(top, baseline))), ("width", PlotText.coordinate(width)),
                    ("height", PlotText.coordinate(abs(top - baseline))),
                ])
        }
        return marks + whiskers(series.points, kind: "over")
    }

    private func corners(_ points: [Plot.Point], isStep: Bool) -> [(Double, Double)] {
        var corners: [(Double, Double)] = []
        for point in points {
            let place = (x.position(point.x), y.position(point.y))
            if isStep, let last = corners.last { corners.append((place.0, last.1)) }
            corners.append(place)
        }
        return corners
    }

    /// A path through the places.
    static func path(_ places: [(Double, Double)]) -> String {
        places.enumerated().map { index, place in
            (index == 0 ? "M" : "L") + PlotText.coordinate(place.0) + " " + PlotText.coordinate(place.1)
        }.joined()
    }
}
