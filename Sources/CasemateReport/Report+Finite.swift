import CasemateCore

extension Report {
    /// The same report without numbers that are not finite, which neither JSON nor a drawing can hold.
    ///
    /// Points without a finite place are left out, intervals without finite ends too; changed rows without a finite
    /// distance are left out; durations that are not finite become 0.
    var finite: Report {
        guard !isFinite else { return self }
        var copy = self
        copy.probes = probes.map(\.finite)
        copy.findings = findings.map(\.finite)
        copy.coverage = coverage.map {
            Coverage(
                probe: $0.probe, title: $0.title, status: $0.status, reason: $0.reason, taxonomy: $0.taxonomy,
                seconds: $0.seconds.isFinite ? $0.seconds : 0, isCached: $0.isCached)
        }
        if !reproduction.seconds.isFinite { copy.reproduction.seconds = 0 }
        return copy
    }

    private var isFinite: Bool {
        reproduction.seconds.isFinite && coverage.allSatisfy { $0.seconds.isFinite }
            && findings.allSatisfy { $0.isFinite } && probes.allSatisfy { $0.isFinite }
    }
}

extension Finding {
    fileprivate var isFinite: Bool {
        evidence.allSatisfy { $0.isFinite }
    }
    fileprivate var finite: Finding { isFinite ? self : withEvidence { $0.isFinite } }
}

extension Evidence {
    fileprivate var isFinite: Bool {
        guard case .change(let change) = self else { return true }
        return change.distance.isFinite
    }
}

extension ProbeOutcome {
    fileprivate var isFinite: Bool {
        seconds.isFinite && changes.allSatisfy { $0.distance.isFinite } && findings.allSatisfy { $0.isFinite }
            && plots.allSatisfy { $0.isFinite }
    }
    fileprivate var finite: ProbeOutcome {
        var copy = self
        copy.seconds = seconds.isFinite ? seconds : 0
        copy.changes = changes.filter { $0.distance.isFinite }
        copy.findings = findings.map(\.finite)
        copy.plots = plots.map(\.finite)
        return copy
    }
}

extension Plot {
    fileprivate var isFinite: Bool {
        let ends = [x.low, x.high, y.low, y.high].compactMap { $0 } + references.map(\.at)
        return ends.allSatisfy { $0.isFinite } && series.allSatisfy { $0.points.allSatisfy { $0.isFinite } }
    }

    /// The plot with finite numbers only.
    var finite: Plot {
        guard !isFinite else { return self }
        func end(_ value: Double?) -> Double? { value.flatMap { $0.isFinite ? $0 : nil } }
        func axis(_ axis: Axis) -> Axis {
            Axis(
                axis.title, low: end(axis.low), high: end(axis.high), isPercent: axis.isPercent,
                isLogarithmic: axis.isLogarithmic)
        }
        return Plot(
            id: id, title: title, x: axis(x), y: axis(y),
            series: series.map { Series(name: $0.name, style: $0.style, points: $0.points.compactMap(\.finite)) },
            references: references.filter { $0.at.isFinite }, summary: summary)
    }
}

extension Plot.Point {
    fileprivate var isFinite: Bool {
        x.isFinite && y.isFinite && low?.isFinite ?? true && high?.isFinite ?? true
    }
    fileprivate var finite: Plot.Point? {
        guard x.isFinite, y.isFinite else { return nil }
        return isFinite ? self : Plot.Point(x: x, y: y, label: label)
    }
}
