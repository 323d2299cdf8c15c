import CasemateCore
import Foundation

extension HTMLPage {
    /// The probes that have something to show; the coverage matrix names the others.
    var probes: HTMLFields.Members {
        var plotNumber = 0
        let shown = shownProbes.enumerated().map { index, probe -> HTMLFields.Members in
            let plots = probe.plots.prefix(limits.plots).map { plot -> HTMLFields.Members in
                plotNumber += 1
                return self.plot(plot, number: plotNumber)
            }
            return self.probe(probe, anchor: "probe-\(index + 1)", plots: plots)
        }
        return [
            "probes": shown, "hasProbes": !shown.isEmpty, "areOpen": shown.count <= HTMLLimits.openProbes,
            "areClosed": shown.count > HTMLLimits.openProbes,
        ]
    }

    private func probe(
        _ probe: ProbeOutcome, anchor: String, plots: [HTMLFields.Members]
    ) -> HTMLFields.Members {
        let settings = probe.settings.sorted { $0.key < $1.key }.map { [$0.key, $0.value] }
        return [
            "title": probe.title, "id": probe.probe, "anchor": anchor, "isCached": probe.isCached,
            "status": probe.status.inWords,
            "isTested": probe.status == .tested,
            "statusIcon": TrustedMarkup(renderText: HTMLIcons.status(probe.status)),
            "duration": Numerals.duration(probe.seconds), "reason": HTMLFields.parts(probe.reason ?? ""),
            "hasReason": probe.reason != nil, "summary": HTMLFields.sentences(probe.summary),
            "findingCount": Self.findingsInWords(probe.findings),
            "references": references(probe.taxonomy), "plots": plots, "hasPlots": !plots.isEmpty,
            "plotsCut": probe.plots.count > plots.count,
            "plotsNote": "\(Numerals.count(probe.plots.count - plots.count, "plot")) left out; report.json holds all.",
            "pictures": probe.pictures.prefix(limits.pictures).map(Self.picture),
            "hasPictures": !probe.pictures.isEmpty && limits.pictures > 0,
            "tables": probe.tables.map { HTMLFields.table($0, limit: limits.rows) },
            "metrics": [HTMLFields.metrics(probe.metrics, title: "", limit: limits.metrics)],
            "hasMetrics": !probe.metrics.isEmpty, "metricCount": Numerals.count(probe.metrics.count),
            "fewMetrics": probe.metrics.count <= 12,
            "changes": HTMLFields.changes(Array(probe.changes.prefix(limits.changes))),
            "hasChanges": !probe.changes.isEmpty, "changesCut": probe.changes.count > limits.changes,
            "changesNote": changesNote(probe.changes.count),
            "settings": [HTMLFields.table(title: "", columns: ["Setting", "Value"], rows: settings)],
            "hasSettings": !settings.isEmpty,
        ]
    }

    private static func picture(_ picture: Picture) -> HTMLFields.Members {
        // why: the bytes are our own encoder's, and base64 holds nothing that a page could take for markup.
        let image =
            "<img class=\"picture\" width=\"\(picture.width)\" height=\"\(picture.height)\" alt=\"\" "
            + "src=\"data:image/png;base64,\(picture.png.base64EncodedString())\">"
        return [
            "title": picture.title, "image": TrustedMarkup(renderText: image),
            "summary": HTMLFields.parts(picture.summary),
        ]
    }

    private static func findingsInWords(_ findings: [Finding]) -> String {
        let open = findings.filter { $0.accepted == nil }
        guard let worst = open.map(\.severity).max() else { return "no finding" }
        let count = Numerals.count(open.count, "finding")
        return open.count == 1 ? "\(count), \(worst.rawValue)" : "\(count), the worst \(worst.rawValue)"
    }

    private func plot(_ plot: Plot, number: Int) -> HTMLFields.Members {
        let drawing = PlotDrawing(plot, number: number, points: limits.points)
        return [
            "title": plot.title, "svg": TrustedMarkup(renderText: drawing.svg().written()),
            "summary": HTMLFields.parts(plot.summary), "data": [dataTable(of: plot.finite)],
        ]
    }

    /// The numbers behind a plot, for those who cannot see it.
    private func dataTable(of plot: Plot) -> HTMLFields.Members {
        let isNamed = plot.hasNamedBars
        let points = plot.series.flatMap { series in
            series.sampled(to: limits.samples, along: plot.x).points.map { (series.name, $0) }
        }
        let hasIntervals = points.contains { $0.1.low != nil }
        let total = plot.series.reduce(0) { $0 + $1.points.count }
        let rows = points.map { name, point -> [String] in
            let place = isNamed ? point.label ?? Numerals.number(point.x) : plot.x.inWords(point.x)
            var row = [name, place, plot.y.inWords(point.y)]
            if hasIntervals {
                let ends = point.low.flatMap { low in point.high.map { (low, $0) } }
                row.append(ends.map { "[\(plot.y.inWords($0.0)), \(plot.y.inWords($0.1))]" } ?? "–")
            }
            return row
        }
        let columns = ["Series", isNamed ? plot.x.title : plot.x.titleInWords(), plot.y.titleInWords()]
        return HTMLFields.table(
            title: "", columns: columns + (hasIntervals ? ["Interval"] : []), rows: rows,
            note: total > rows.count
                ? "\(Numerals.count(rows.count)) of \(Numerals.count(total, "point")), evenly chosen; report.json holds all."
                : nil)
    }
}
