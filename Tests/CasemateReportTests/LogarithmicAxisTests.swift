import CasemateCore
import CasemateReport
import Foundation
import Testing

/// Axes on which equal ratios take equal room.
struct LogarithmicAxisTests {
    static func scale(
        _ axis: Plot.Axis, _ values: [Double] = [], count: Int = 5, includesZero: Bool = false
    ) -> PlotScale {
        PlotScale(axis, values: values, start: 0, end: 300, count: count, includesZero: includesZero)
    }

    @Test func decadesTakeEqualRoom() {
        let scale = Self.scale(Plot.Axis("x", low: 1e-3, high: 1, isPercent: true, isLogarithmic: true))
        for (value, place) in [(1e-3, 0.0), (1e-2, 100), (1e-1, 200), (1, 300), (0, 0), (-5, 0), (1e-9, 0)] {
            #expect(abs(scale.position(value) - place) < 1e-9, "\(value)")
        }
        #expect(scale.ticks.map { scale.label($0) } == ["0.1 %", "1 %", "10 %", "100 %"])
        let plain = Self.scale(Plot.Axis("x", isLogarithmic: true), [0.002, 30_000], count: 8)
        #expect(
            plain.ticks.map { plain.label($0) } == [
                "0.001", "0.01", "0.1", "1", "10", "100", "1,000", "10,000", "100,000",
            ]
        )
    }

    @Test func ticksCoverWhatIsShown() {
        var generator = SeededGenerator(seed: 3, stream: 0)
        for _ in 0..<500 {
            let low = pow(10, Double.random(in: -12...6, using: &generator))
            let high = low * pow(10, Double.random(in: 0.01...9, using: &generator))
            for axis in [
                Plot.Axis("x", isLogarithmic: true), Plot.Axis("x", low: low, high: high, isLogarithmic: true),
            ] {
                let scale = Self.scale(axis, [low, high, 0])
                #expect(scale.ticks.count >= 2 && scale.ticks.count <= 8, "\(low) to \(high): \(scale.ticks)")
                #expect(zip(scale.ticks, scale.ticks.dropFirst()).allSatisfy { $0 < $1 })
                for value in [low, high] + scale.ticks {
                    #expect((-0.01...300.01).contains(scale.position(value)), "\(value) on \(scale.ticks)")
                }
            }
        }
    }

    @Test func oddAxesDoNotTrap() {
        let odd: [[Double]] = [
            [], [0], [-1], [5, 5], [-1e308, 1e308], [Double.leastNonzeroMagnitude], [.nan, .infinity], [1e-300, 1e300],
        ]
        let axes = [
            Plot.Axis("x", isLogarithmic: true), Plot.Axis("x", low: 0, high: 1, isLogarithmic: true),
            Plot.Axis("x", low: 1, high: 0, isPercent: true, isLogarithmic: true),
            Plot.Axis("x", low: 2, high: 2, isLogarithmic: true), Plot.Axis("x", low: -3, isLogarithmic: true),
            Plot.Axis("x", low: 1e300, isLogarithmic: true), Plot.Axis("x", high: 1e-300, isLogarithmic: true),
        ]
        for values in odd {
            for axis in axes {
                let scale = Self.scale(axis, values, includesZero: true)
                #expect(scale.low > 0 && scale.low < scale.high && !scale.ticks.isEmpty && scale.ticks.count <= 24)
                for value in values where value.isFinite { #expect(scale.position(value).isFinite, "\(value)") }
            }
        }
    }

    /// The stretch that a logarithmic axis shows wide keeps its points, in the drawing and in the table.
    @Test func lowValuesSurviveThinning() {
        let points = (0...20_000).map { Plot.Point(x: Double($0) / 20_000, y: Double($0)) }
        let series = Plot.Series(name: "s", style: .line, points: points)
        let axis = Plot.Axis("x", low: 1e-4, isLogarithmic: true)
        for (thin, least) in [(series.thinned(to: 400, along: axis), 20), (series.sampled(to: 40, along: axis), 8)] {
            #expect(thin.points.count <= 400 && thin.points.first == points.first && thin.points.last == points.last)
            #expect(zip(thin.points, thin.points.dropFirst()).allSatisfy { $0.x < $1.x })
            #expect(thin.points.filter { $0.x > 0 && $0.x <= 2e-3 }.count >= least, "\(thin.points.count)")
        }
        #expect(series.sampled(to: 40, along: axis).points.count <= 40)
        let falling = Plot.Series(name: "s", style: .line, points: points.reversed())
        #expect(falling.thinned(to: 400, along: axis) == falling.thinned(to: 400))
    }

    @Test func diagonalIsStraightOnlyBetweenLikeAxes() throws {
        func path(_ x: Plot.Axis, _ y: Plot.Axis) throws -> String {
            var probe = ProbeOutcome(probe: "p", title: "P", taxonomy: Sample.quality)
            let series = Plot.Series(
                name: "s", style: .line, points: [Plot.Point(x: 0.001, y: 0.001), Plot.Point(x: 1, y: 1)])
            probe.plots = [
                Plot(
                    id: "p.p", title: "P", x: x, y: y, series: [series],
                    references: [Plot.Reference(.diagonal, label: "y = x")], summary: "s")
            ]
            var report = Sample.report()
            report.probes = [probe]
            let page = String(decoding: try report.render(as: "html"), as: UTF8.self)
            return String(try #require(page.firstMatch(of: /<path class="reference r0" d="([^"]*)"/)).1)
        }
        let log = Plot.Axis("r", low: 1e-3, high: 1, isLogarithmic: true), linear = Plot.Axis("r", low: 0, high: 1)
        #expect(try path(log, log).count { $0 == "L" } == 1)
        #expect(try path(linear, linear).count { $0 == "L" } == 1)
        #expect(try path(log, linear).count { $0 == "L" } > 20)
    }
}
