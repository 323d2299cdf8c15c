import CasemateCore

extension HTMLPage {
    /// The probes that have something to show; the coverage matrix names the others.
    var probes: HTMLFields.Members {
        var plotNumber = 0
        let shown = report.probes.filter { $0.status != .notTested }.map { probe -> HTMLFields.Members in
            let plots = probe.plots.prefix(limits.plots).map { plot -> HTMLFields.Members in
                plotNumber += 1
                return self.plot(plot, number: plotNumber)
            }
            return self.probe(probe, plots: plots)
        }
        return ["probes": shown, "hasProbes": !shown.isEmpty]
    }

    private func probe(_ probe: ProbeOutcome, plots: [HTMLFields.Members]) -> HTMLFields.Members {
        let settings = probe.settings.sorted { $0.key < $1.key }.map { [$0.key, $0.value] }
        return [
            "title": probe.title, "id": probe.probe, "status": probe.status.inWords,
            "isTested": probe.status == .tested,
            "statusIcon": TrustedMarkup(renderText: HTMLIcons.status(probe.status)),
            "duration": Numerals.duration(probe.seconds), "reason": HTMLFields.parts(probe.reason ?? ""),
            "hasReason": probe.reason != nil, "summary": HTMLFields.sentences(probe.summary),
            "references": references(probe.taxonomy), "plots": plots, "hasPlots": !plots.isEmpty,
            "plotsCut": probe.plots.count > plots.count,
            "plotsNote": "\(Numerals.count(probe.plots.count - plots.count, "plot")) left out; report.json holds all.",
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
            series.sampled(to: limits.samples).points.map { (series.name, $0) }
        }
        let hasIntervals = points.contains { $0.1.low != nil }
        let total = plot.series.reduce(0) { $0 + $1.points.count }
        func value(_ number: Double, _ axis: Plot.Axis) -> String {
            axis.isPercent ? Numerals.percent(number) : Numerals.number(number)
        }
        let rows = points.map { name, point -> [String] in
            let place = isNamed ? point.label ?? Numerals.number(point.x) : value(point.x, plot.x)
            var row = [name, place, value(point.y, plot.y)]
            if hasIntervals {
                let ends = point.low.flatMap { low in point.high.map { (low, $0) } }
                row.append(ends.map { "[\(value($0.0, plot.y)), \(value($0.1, plot.y))]" } ?? "–")
            }
            return row
        }
        return HTMLFields.table(
            title: "", columns: ["Series", plot.x.title, plot.y.title] + (hasIntervals ? ["Interval"] : []), rows: rows,
            note: total > rows.count
                ? "\(Numerals.count(rows.count)) of \(Numerals.count(total, "point")), evenly chosen; report.json holds all."
                : nil)
    }
}
