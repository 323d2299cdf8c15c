import CasemateCore

/// Signs beside words: each meaning has a shape of its own, so that colour is never needed to tell them apart.
enum HTMLIcons {
    private static func icon(_ body: String) -> String {
        "<svg class=\"icon\" viewBox=\"0 0 24 24\" aria-hidden=\"true\" focusable=\"false\">\(body)</svg>"
    }
    private static let cross = "<path class=\"cut\" d=\"M8.5 8.5l7 7m0-7l-7 7\"/>"
    private static let check = "<path class=\"cut\" d=\"M7.5 12.5l3 3 6-6.5\"/>"
    private static let disc = "<circle cx=\"12\" cy=\"12\" r=\"10\"/>"
    private static let octagon = "<path d=\"M7.9 2h8.2L22 7.9v8.2L16.1 22H7.9L2 16.1V7.9z\"/>"
    private static let bang = "<path class=\"cut\" d=\"M12 7.2v5.6m0 3.2v.4\"/>"
    private static let ring = "<circle class=\"open\" cx=\"12\" cy=\"12\" r=\"8.8\"/>"

    /// Octagon for fail, disc for pass, diamond for undecided.
    static func verdict(_ verdict: Report.Verdict) -> String {
        switch verdict {
        case .pass: icon(disc + check)
        case .fail: icon(octagon + cross)
        case .undecided:
            icon(
                "<path d=\"M12 1l11 11-11 11L1 12z\"/><path class=\"cut\" d=\"M9.3 9.6a2.7 2.7 0 1 1 2.7 3v1.2m0 2.6v.4\"/>"
            )
        }
    }

    /// Octagon, triangle, diamond, disc, ring: from critical to info.
    static func severity(_ severity: Severity) -> String {
        switch severity {
        case .critical: icon(octagon + bang)
        case .high: icon("<path d=\"M12 2.2L23 21.5H1z\"/><path class=\"cut\" d=\"M12 9.4v5.4m0 2.8v.4\"/>")
        case .medium: icon("<path d=\"M12 1.5L22.5 12 12 22.5 1.5 12z\"/>" + bang)
        case .low: icon("<circle cx=\"12\" cy=\"12\" r=\"8\"/>")
        case .info: icon(ring + "<path class=\"stroke\" d=\"M12 11v5m0-8.4v.4\"/>")
        }
    }

    /// Disc with a check, octagon with a cross, ring with a question mark.
    static func rule(_ status: Report.Rule.Status) -> String {
        switch status {
        case .kept: icon(disc + check)
        case .broken: icon(octagon + cross)
        case .undecided: icon(ring + "<path class=\"stroke\" d=\"M9.6 10a2.4 2.4 0 1 1 2.4 2.7v.8m0 2.4v.3\"/>")
        }
    }

    /// Disc with a check, half disc, ring, octagon with a cross.
    static func status(_ status: ProbeOutcome.Status) -> String {
        switch status {
        case .tested: icon(disc + check)
        case .partial: icon(ring + "<path d=\"M12 4a8 8 0 0 1 0 16z\"/>")
        case .notTested: icon(ring)
        case .failed: icon(octagon + cross)
        }
    }
}
