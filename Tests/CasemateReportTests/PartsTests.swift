import CasemateCore
import CasemateReport
import Foundation
import Testing

/// The small parts that every format leans on.
struct PartsTests {
    @Test(arguments: [
        (0.8714, "0.871"), (0.0, "0"), (12.0, "12"), (12.345, "12.35"), (123.45, "123.5"), (1989, "1,989"),
        (-1_234_567.8, "−1,234,568"), (0.0003, "3.0e-04"), (-0.5, "−0.500"), (1.0, "1.000"), (1e300, "1.0e+300"),
        (.nan, "not a number"),
    ])
    func numbersReadWell(value: Double, text: String) {
        #expect(Numerals.number(value) == text)
    }

    @Test func ticksAreRoundAndCoverTheData() {
        var generator = SystemRandomNumberGenerator()
        let sizes = [1e-9, 0.01, 1, 37, 1e6, 1e200]
        for size in sizes {
            for _ in 0..<200 {
                let values = (0..<5).map { _ in Double.random(in: -size...size, using: &generator) }
                let scale = PlotScale(Plot.Axis("x"), values: values, start: 0, end: 300, count: 5)
                #expect(scale.ticks.count >= 2 && scale.ticks.count <= 12, "\(values)")
                for value in values {
                    #expect((-0.01...300.01).contains(scale.position(value)), "\(value) in \(values)")
                }
                let labels = scale.ticks.map { scale.label($0) }
                #expect(Set(labels).count == labels.count, "\(labels)")
            }
        }
    }

    @Test func oddAxesDoNotTrap() {
        let odd: [[Double]] = [
            [], [0], [5, 5], [-1e308, 1e308], [Double.leastNonzeroMagnitude], [1e15, 1e15 + 0.1], [.nan, .infinity],
        ]
        for values in odd {
            for axis in [Plot.Axis("x"), Plot.Axis("x", low: 1, high: 0), Plot.Axis("x", low: 0, isPercent: true)] {
                let scale = PlotScale(axis, values: values, start: 0, end: 300, count: 5, includesZero: true)
                #expect(scale.low < scale.high && scale.ticks.count <= 24)
                for value in values where value.isFinite { #expect(scale.position(value).isFinite) }
            }
        }
    }

    @Test func thinningKeepsEndsAndExtremes() {
        let points = (0..<10_000).map { (index: Int) -> Plot.Point in
            let spike: Double? = index == 4321 ? 9 : index == 777 ? -9 : nil
            return Plot.Point(x: Double(index), y: spike ?? sin(Double(index)))
        }
        let thin = Plot.Series(name: "s", style: .line, points: points).thinned(to: 400)
        #expect(thin.points.count <= 400)
        #expect(thin.points.first == points.first && thin.points.last == points.last)
        #expect(thin.points.contains { $0.y == 9 } && thin.points.contains { $0.y == -9 })
        #expect(zip(thin.points, thin.points.dropFirst()).allSatisfy { $0.x < $1.x })
        let short = Plot.Series(name: "s", style: .line, points: Array(points.prefix(400)))
        #expect(short.thinned(to: 400) == short)
        #expect(short.sampled(to: 10).points.count == 10)
    }

    @Test(arguments: [
        ("/srv/credit/models/m.onnx", "models/m.onnx"), ("/srv/credit/../other/m.onnx", "m.onnx"),
        ("/etc/passwd", "passwd"), ("models/./m.onnx", "models/m.onnx"), ("../m.onnx", "m.onnx"), ("a/../../b", "b"),
        ("/srv/credit", "credit"), ("/srv/creditors/m", "m"), ("m 1%.onnx", "m%201%25.onnx"), ("C:m", "C%3Am"),
        ("", "unknown"), ("..", "unknown"), ("/", "unknown"), ("ä", "%C3%A4"),
    ])
    func pathsAreRelative(path: String, uri: String) {
        #expect(RelativePath.uri(of: path, workingFolder: "/srv/credit/") == uri)
    }

    @Test func inertTextKeepsWhatIsHarmless() {
        #expect("größe 東京 👩‍🔬 a\tb\nc".inert == "größe 東京 👩‍🔬 a b c")
        #expect("a\u{1B}[31mb".inert == "a\u{FFFD}[31mb")
        #expect("<a b='\"&".markupEscaped == "&lt;a b=&#39;&quot;&amp;")
    }

    @Test func markupCharactersStandAlone() {
        for mark in ["\u{301}", "\u{200D}", "\u{FE0F}", "\u{20DD}"] {
            for special in ["<", ">", "&", "\"", "'"] {
                let text = ("a" + special + mark + "b").withoutFusedMarkup
                #expect(text.contains { $0 == Character(special) })
            }
        }
        #expect("\u{600}\"".withoutFusedMarkup.contains { $0 == "\"" })
    }

    @Test func changesAreSaidInWords() {
        #expect(
            Sample.changes[0].inWords
                == "Row 1,017: raise `duration` from 12 to 13; lower `obligation_ratio` from 38.4 to 35.9; move `purpose` "
                + "from car to furniture — the decision turns from refused to granted (distance 0.031)")
        #expect(
            Sample.changes[1].redacted().inWords
                == "A row (number masked): change `loan_to_value` (values masked) — the decision turns from refused to "
                + "granted (distance 0.017)")
    }
}
