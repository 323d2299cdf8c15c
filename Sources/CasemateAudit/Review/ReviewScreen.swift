import CasemateDetect
import CasemateReport
import Foundation

/// Draws a session as lines of text. Nothing of the data reaches the terminal but printable characters.
package struct ReviewScreen: Sendable {
    /// Size of the terminal in characters, and whether it shows colour.
    package let width: Int, height: Int, isColoured: Bool
    /// Smallest terminal that is drawn on.
    package static let smallest = (width: 50, height: 12)

    /// Makes a screen.
    package init(width: Int, height: Int, isColoured: Bool) {
        (self.width, self.height, self.isColoured) = (width, height, isColoured)
    }

    /// The lines from the top, at most `height`, none wider than `width`.
    package func lines(_ session: inout ReviewSession) -> [String] {
        guard width >= Self.smallest.width, height >= Self.smallest.height else {
            let need = "casemate review needs \(Self.smallest.width) x \(Self.smallest.height) characters; q leaves"
            return [ScreenText.fitted(need, to: max(1, width))]
        }
        let heading = title(session)
        var lines = [heading]
        switch session.mode {
        case .help: lines += Self.help.prefix(height - 2)
        case .reading(let first): lines += reading(&session, from: first)
        case .browsing, .writing: lines += browsing(&session)
        }
        while lines.count < height - 1 { lines.append("") }
        lines = lines.prefix(height - 1) + [bottom(session)]
        return lines.enumerated().map { index, line in
            let fitted = ScreenText.fitted(line, to: width)
            return index == 0 || index == height - 1
                ? toned(fitted, "7", pads: true) : toned(fitted, line: line, session)
        }
    }

    private func title(_ session: ReviewSession) -> String {
        let decided = session.list.entries.count { $0.verdict != .undecided }
        let all = session.list.entries.count
        let name = URL(fileURLWithPath: session.list.dataPath).lastPathComponent
        var parts = ["casemate review", name, "\(Words.grouped(decided)) of \(Words.grouped(all)) decided"]
        if !session.filter.text.isEmpty {
            parts.append("\(session.filter.text): \(Words.grouped(session.shown.count))")
        }
        return parts.joined(separator: "  ")
    }

    private func bottom(_ session: ReviewSession) -> String {
        switch session.mode {
        case .writing(let entry, let text): return "\(entry.rawValue): " + ScreenText.tail(text, width - 10) + "_"
        case .help: return "any key goes back"
        case .reading: return "up, down: read on   any other key goes back"
        case .browsing:
            return session.message.isEmpty
                ? "p poison  m mislabelled  f fine  u undo  n note  / filter  s sort  ? help  q quit" : session.message
        }
    }

    private func browsing(_ session: inout ReviewSession) -> [String] {
        // Title, headings, a rule and the bottom line take four; the list gets half of the rest.
        let room = height - 4
        let listed = max(3, min(room / 2, room - 5))
        session.fit(listed)
        var lines = [row(["row (from 0)", "score", "decision", "checks", "reason"], mark: " ")]
        let end = min(session.shown.count, session.top + listed)
        for place in session.top..<max(session.top, end) {
            let entry = session.shown[place]
            let mark = place == session.cursor ? ">" : " "
            lines.append(
                row(
                    [
                        String(entry.suspect.row), Words.number(entry.suspect.score), entry.verdict.word,
                        entry.suspect.checks.map(\.short).joined(separator: " "), entry.suspect.reason,
                    ], mark: mark))
        }
        if session.shown.isEmpty { lines.append("  no row: / changes the filter") }
        while lines.count < listed + 1 { lines.append("") }
        lines.append(String(repeating: "-", count: width))
        guard let current = session.current else { return lines }
        let detail = details(current, session, isWhole: false)
        let left = height - 2 - lines.count
        if detail.count <= left { return lines + detail }
        return lines + detail.prefix(max(0, left - 1)) + ["… Enter shows all"]
    }

    private func row(_ cells: [String], mark: String) -> String {
        let widths = [12, 6, 11, 22]
        let shown = zip(cells, widths).map { ScreenText.padded($0, to: $1) }
        return mark + " " + (shown + [ScreenText.fitted(cells[4], to: max(0, width - 58))]).joined(separator: " ")
    }

    private func reading(_ session: inout ReviewSession, from first: Int) -> [String] {
        guard let current = session.current else { return [] }
        let all = details(current, session, isWhole: true)
        let room = height - 2
        session.clampReading(to: max(0, all.count - room))
        return Array(all.dropFirst(min(first, max(0, all.count - room))).prefix(room))
    }

    /// What is known of a row.
    private func details(_ entry: ReviewEntry, _ session: ReviewSession, isWhole: Bool) -> [String] {
        let suspect = entry.suspect
        var lines: [String] = []
        var state = "row \(suspect.row)   score \(Words.number(suspect.score))   "
        if let decision = entry.decision {
            state += "\(entry.verdict.word) by \(decision.who), \(Self.moment(decision.when))"
        } else {
            state += "undecided"
        }
        lines.append(state)
        lines += ScreenText.wrapped("why   " + suspect.reason, width: width, indent: 6, limit: isWhole ? 1_000 : 3)
        lines.append("checks   " + suspect.checks.joined(separator: ", "))
        if let note = entry.decision?.note, !note.isEmpty {
            lines += ScreenText.wrapped("note   " + note, width: width, indent: 7, limit: isWhole ? 1_000 : 2)
        }
        let fields = session.list.fields(of: suspect.row)
        guard !fields.isEmpty else { return lines + ["the row's values were not kept: too many rows are listed"] }
        return lines + (isWhole ? long(fields) : compact(fields))
    }

    /// Columns beside each other.
    private func compact(_ fields: [(name: String, value: String)]) -> [String] {
        let texts = fields.map { ScreenText.plain($0.name, 24) + "=" + ScreenText.plain($0.value, width) }
        var lines: [String] = []
        for text in texts {
            if let last = lines.last, ScreenText.width(last) + 2 + ScreenText.width(text) <= width {
                lines[lines.count - 1] = last + "  " + text
            } else {
                lines.append(text)
            }
        }
        return lines
    }

    /// One column a line, long texts over several.
    private func long(_ fields: [(name: String, value: String)]) -> [String] {
        fields.flatMap { name, value in
            ScreenText.wrapped(
                ScreenText.padded(ScreenText.plain(name, 24), to: 24) + " " + ScreenText.plain(value, 20_000),
                width: width, indent: 25, limit: 400)
        }
    }

    /// `2026-03-01 09:30 UTC`.
    static func moment(_ when: String) -> String {
        when.count >= 16 ? when.prefix(10) + " " + when.dropFirst(11).prefix(5) + " UTC" : when
    }

    private func toned(_ text: String, line: String, _ session: ReviewSession) -> String {
        guard isColoured, line.hasPrefix(">") else { return text }
        return toned(text, "1", pads: false)
    }

    private func toned(_ text: String, _ code: String, pads: Bool) -> String {
        guard isColoured else { return text }
        return "\u{1B}[\(code)m\(pads ? ScreenText.padded(text, to: width) : text)\u{1B}[0m"
    }

    static let help = [
        "", "  up, down, k, j       one row            p   poison: put there, or changed, to harm",
        "  page up, page down   one page           m   mislabelled: a true row, a wrong label",
        "  home, end, g, G      first, last row    f   fine: nothing is wrong with it",
        "  enter                the whole row      u   undo: take the decision back",
        "  /                    filter             n   write a note",
        "  s                    sort               q   quit; every decision is kept at once", "",
        "  filter terms, commas between them, all must hold:",
        "    check=data_labels   check!=…   score>=0.8   row<100   undecided   decided",
        "    decision=poison|mislabelled|fine   who=anna   text=word", "",
        "  sort: by score, row, check, decision",
    ]
}

extension ReviewDecision.Verdict {
    /// As a list shows it: a dash for nothing.
    var word: String { self == .undecided ? "-" : rawValue }
}

extension String {
    /// The name of a check without what all of them begin with.
    fileprivate var short: String { hasPrefix("data_") ? String(dropFirst(5)) : self }
}
