import CasemateCore

/// The key above a plot: a sample of each line beside its name, in as many rows as it takes.
struct PlotLegend {
    /// One entry: a name and how its sample looks.
    struct Entry {
        let name: String, style: Plot.Series.Style?, index: Int
    }
    /// The entries with their places.
    let placed: [(entry: Entry, x: Double, y: Double)]
    /// Room that the legend takes.
    let height: Double
    private static let rowHeight = 21.0

    /// Lays the entries out; one series without reference lines needs none.
    init(_ plot: Plot, width: Double) {
        var entries: [Entry] = []
        if plot.series.count > 1 || !plot.references.isEmpty {
            entries = plot.series.enumerated().map { Entry(name: $1.name, style: $1.style, index: $0) }
            entries += plot.references.enumerated().map { Entry(name: $1.label, style: nil, index: $0) }
        }
        var (x, y) = (0.0, 0.0)
        var placed: [(entry: Entry, x: Double, y: Double)] = []
        for entry in entries {
            let shown = Entry(name: entry.name.inert.shortened(to: 42), style: entry.style, index: entry.index)
            let room = 34 + PlotText.width(of: shown.name) + 16
            if x > 0, x + room > width { (x, y) = (0, y + Self.rowHeight) }
            placed.append((shown, x, y))
            x += room
        }
        (self.placed, height) = (placed, placed.isEmpty ? 0 : y + Self.rowHeight + 6)
    }

    /// Draws it at the top of the drawing.
    func drawn() -> [Markup] {
        placed.flatMap { place -> [Markup] in
            let middle = place.y + 9
            let text = PlotText.text(place.entry.name, x: place.x + 32, y: middle + 4.5)
            return sample(of: place.entry, x: place.x, y: middle) + [text]
        }
    }

    private func sample(of entry: Entry, x: Double, y: Double) -> [Markup] {
        let from = PlotText.coordinate(x), to = PlotText.coordinate(x + 26), at = PlotText.coordinate(y)
        let line = { (kind: String) in
            Markup("line", [("class", kind), ("x1", from), ("y1", at), ("x2", to), ("y2", at)])
        }
        guard let style = entry.style else { return [line("reference r\(entry.index % 3)")] }
        let series = "s\(entry.index % 6)"
        switch style {
        case .bars:
            return [
                Markup(
                    "rect",
                    [
                        ("class", "bar \(series)"), ("x", PlotText.coordinate(x + 2)),
                        ("y", PlotText.coordinate(y - 5)), ("width", "22"), ("height", "10"),
                    ])
            ]
        case .points: return [PlotMarker.drawn(entry.index, x: x + 13, y: y)]
        case .line, .step: return [line("line \(series)"), PlotMarker.drawn(entry.index, x: x + 13, y: y)]
        }
    }
}

/// Text in a drawing: sizes are estimates, since the font is the reader's.
enum PlotText {
    /// Size of all letters, in units of the drawing.
    static let size = 14.0

    /// About how wide a text is; on the safe side for the common system fonts.
    static func width(of text: String) -> Double { Double(text.count) * 7.6 }

    /// A text element.
    static func text(_ text: String, x: Double, y: Double, anchor: String = "start", kind: String = "") -> Markup {
        var attributes = [("x", coordinate(x)), ("y", coordinate(y))]
        if anchor != "start" { attributes.append(("text-anchor", anchor)) }
        if !kind.isEmpty { attributes.append(("class", kind)) }
        return Markup("text", attributes, text: text)
    }

    /// A position with at most one decimal.
    static func coordinate(_ value: Double) -> String {
        guard value.isFinite else { return "0" }
        let tenths = Int((max(-1e6, min(1e6, value)) * 10).rounded())
        return tenths % 10 == 0 ? "\(tenths / 10)" : "\(tenths < 0 ? "-" : "")\(abs(tenths) / 10).\(abs(tenths) % 10)"
    }
}

/// Signs at points: another shape for each series, so that colour is not needed to tell them apart.
enum PlotMarker {
    /// The sign of a series at a place.
    static func drawn(_ index: Int, x: Double, y: Double) -> Markup {
        let kind = ("class", "marker s\(index % 6)")
        func path(_ corners: (Double, Double)...) -> Markup {
            Markup("path", [kind, ("d", CurveMarks.path(corners.map { (x + $0.0, y + $0.1) }) + "Z")])
        }
        switch index % 4 {
        case 0:
            return Markup(
                "circle", [kind, ("cx", PlotText.coordinate(x)), ("cy", PlotText.coordinate(y)), ("r", "3.6")])
        case 1: return path((-3.4, -3.4), (3.4, -3.4), (3.4, 3.4), (-3.4, 3.4))
        case 2: return path((0, -4.4), (4.4, 3.4), (-4.4, 3.4))
        default: return path((0, -4.8), (4.8, 0), (0, 4.8), (-4.8, 0))
        }
    }
}
