import CasemateReport

/// Decisions of the last hour by minute, as stacked bars with a sentence that says the same.
struct AdminChart {
    let markup: TrustedMarkup
    let summary: String

    init(_ minutes: [TrafficMonitor.Minute], now: UInt64) {
        let shown = minutes.filter { $0.index + 60 > now }
        let most = shown.map { $0.answered + $0.refused + $0.failed }.max() ?? 0
        let (width, height, left, base) = (720.0, 180.0, 46.0, 150.0)
        var text = "<svg class=\"plot traffic\" viewBox=\"0 0 \(Int(width)) \(Int(height))\" role=\"img\" aria-label=\""
        let total = shown.reduce(0) { $0 + $1.answered + $1.refused + $1.failed }
        summary =
            "\(AdminPages.count(total)) decisions in the last hour; the busiest minute had \(AdminPages.count(most))."
        text += "\(summary)\">"
        text +=
            "<path class=\"axis\" d=\"M\(left) \(base)H\(width)\"/><path class=\"grid\" d=\"M\(left) 20H\(width)\"/>"
        text += "<text class=\"tick\" x=\"\(left - 6)\" y=\"25\" text-anchor=\"end\">\(AdminPages.count(most))</text>"
        text += "<text class=\"tick\" x=\"\(left - 6)\" y=\"\(base)\" text-anchor=\"end\">0</text>"
        text += "<text class=\"tick\" x=\"\(left)\" y=\"\(height - 8)\">60 minutes ago</text>"
        text += "<text class=\"tick\" x=\"\(width)\" y=\"\(height - 8)\" text-anchor=\"end\">now</text>"
        let step = (width - left) / 60
        for minute in shown {
            let x = left + step * Double(59 - min(59, now &- minute.index)) + 1
            var y = base
            for (name, count) in [("ok", minute.answered), ("no", minute.refused), ("bad", minute.failed)]
            where count > 0 {
                let tall = Double(count) / Double(max(1, most)) * (base - 20)
                y -= tall
                text +=
                    "<rect class=\"\(name)\" x=\"\(Self.short(x))\" y=\"\(Self.short(y))\" width=\"\(Self.short(step - 2))\""
                text += " height=\"\(Self.short(max(1, tall)))\"/>"
            }
        }
        markup = TrustedMarkup(renderText: text + "</svg>")
    }

    private static func short(_ value: Double) -> String { String(Double((value * 10).rounded()) / 10) }
}
