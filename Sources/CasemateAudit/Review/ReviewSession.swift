import CasemateCore
import CasemateDetect
package import Foundation

/// A reviewer at work: what is shown, where the cursor stands, and what each key does. Knows nothing of terminals.
package struct ReviewSession: Sendable {
    /// What keys do now.
    package enum Mode: Hashable, Sendable {
        /// Moving in the list.
        case browsing
        /// Reading one row from the line on.
        case reading(from: Int)
        /// Writing a note or a filter.
        case writing(Entry, String)
        /// Reading what the keys do.
        case help
    }
    /// What is written.
    package enum Entry: String, Hashable, Sendable { case note, filter }

    package private(set) var list: ReviewList
    package private(set) var shown: [ReviewEntry]
    package private(set) var cursor = 0
    /// First row of the list on the screen.
    package private(set) var top = 0
    package private(set) var mode = Mode.browsing
    package private(set) var filter: ReviewFilter, order: ReviewOrder
    /// What the last key led to; empty for nothing to say.
    package private(set) var message = ""
    package private(set) var isOver = false
    private let who: String
    private var page = 1

    /// Begins.
    package init(_ list: ReviewList, filter: ReviewFilter, order: ReviewOrder, who: String) {
        (self.list, self.filter, self.order, self.who) = (list, filter, order, who)
        shown = list.entries(filter, by: order)
        message = list.notes.joined(separator: " ")
    }

    /// The row under the cursor.
    package var current: ReviewEntry? { shown.indices.contains(cursor) ? shown[cursor] : nil }

    /// Decides how many rows of the list fit, and keeps the cursor among them.
    package mutating func fit(_ height: Int) {
        page = max(1, height)
        cursor = max(0, min(cursor, shown.count - 1))
        top = max(0, min(top, cursor, max(0, shown.count - page)))
        if cursor >= top + page { top = cursor - page + 1 }
    }

    /// Takes up what others decided.
    package mutating func refresh() throws {
        update(try list.refresh())
    }

    /// Acts on a key.
    package mutating func take(_ key: ReviewKey, now: Date) throws {
        switch mode {
        case .writing(let entry, let text): try write(entry, text, key, now)
        case .help: mode = .browsing
        case .reading(let line): read(from: line, key)
        case .browsing: try browse(key, now)
        }
    }

    private mutating func browse(_ key: ReviewKey, _ now: Date) throws {
        message = ""
        switch key {
        case .up, .character("k"): cursor -= 1
        case .down, .character("j"): cursor += 1
        case .pageUp, .left: cursor -= page
        case .pageDown, .right, .character(" "): cursor += page
        case .home, .character("g"): cursor = 0
        case .end, .character("G"): cursor = shown.count - 1
        case .enter: if current != nil { mode = .reading(from: 0) }
        case .character("p"): try decide(.poison, now)
        case .character("m"): try decide(.mislabelled, now)
        case .character("f"): try decide(.fine, now)
        case .character("u"): try decide(.undecided, now)
        case .character("n"): if let current { mode = .writing(.note, current.decision?.note ?? "") }
        case .character("/"): mode = .writing(.filter, filter.text)
        case .character("s"): sort()
        case .character("?"): mode = .help
        case .character("q"), .escape: isOver = true
        case .backspace, .character: break
        }
        cursor = max(0, min(cursor, shown.count - 1))
    }

    private mutating func read(from line: Int, _ key: ReviewKey) {
        switch key {
        case .up, .character("k"): mode = .reading(from: max(0, line - 1))
        case .down, .character("j"): mode = .reading(from: line + 1)
        case .pageUp: mode = .reading(from: max(0, line - 10))
        case .pageDown, .character(" "): mode = .reading(from: line + 10)
        case .home: mode = .reading(from: 0)
        default: mode = .browsing
        }
    }

    /// The screen says how far a row can be read.
    package mutating func clampReading(to last: Int) {
        if case .reading(let line) = mode, line > last { mode = .reading(from: max(0, last)) }
    }

    private mutating func write(_ entry: Entry, _ text: String, _ key: ReviewKey, _ now: Date) throws {
        switch key {
        case .escape: mode = .browsing
        case .backspace: mode = .writing(entry, String(text.dropLast()))
        case .character(let character) where text.utf8.count < ReviewMark.noteLimit - 8:
            mode = .writing(entry, text + String(character))
        case .enter:
            mode = .browsing
            switch entry {
            case .note:
                guard let row = current?.suspect.row else { return }
                update(try list.mark([row], nil, note: text, who: who, now: now))
                message = "row \(row): note kept"
            case .filter:
                do throws(CasemateError) {
                    filter = try ReviewFilter(text)
                    (cursor, top) = (0, 0)
                    shown = list.entries(filter, by: order)
                } catch { message = "\(error.what); \(error.help)" }
            }
        default: break
        }
    }

    private mutating func decide(_ verdict: ReviewDecision.Verdict, _ now: Date) throws {
        guard let row = current?.suspect.row else { return }
        if verdict == .undecided, current?.verdict == .undecided {
            message = "row \(row): nothing to take back"
            return
        }
        update(try list.mark([row], verdict, note: nil, who: who, now: now))
        message = verdict == .undecided ? "row \(row): decision taken back" : "row \(row): \(verdict.rawValue)"
        if verdict != .undecided, cursor + 1 < shown.count { cursor += 1 }
    }

    private mutating func sort() {
        order = order.next
        (cursor, top) = (0, 0)
        shown = list.entries(filter, by: order)
        message = "sorted by \(order.rawValue)"
    }

    /// Takes up what changed; rows that are on the screen stay where they are until the list is filtered or sorted,
    /// so that a decision does not move the row from under the cursor.
    private mutating func update(_ changed: Set<Int>) {
        guard !changed.isEmpty else { return }
        for place in shown.indices where changed.contains(shown[place].suspect.row) {
            shown[place] = list.entry(of: shown[place].suspect.row) ?? shown[place]
        }
    }
}
