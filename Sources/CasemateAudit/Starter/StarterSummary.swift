import CasemateReport
import Foundation

/// What `casemate init` says when it is done.
public struct StarterSummary: Sendable {
    private let draft: ConfigurationStarter.Draft
    private let output: String, next: String
    private let width: Int

    /// - Parameters:
    ///   - output: Path of the file that was written.
    ///   - next: The command to go on with.
    ///   - width: Columns of the terminal.
    public init(draft: ConfigurationStarter.Draft, output: String, next: String, width: Int) {
        (self.draft, self.output, self.next, self.width) = (draft, output, next, width)
    }

    /// A few lines, ended by a line feed.
    public var text: String {
        var lines = ["wrote \(output.inert)"]
        func fact(_ name: String, _ value: String) {
            guard !value.isEmpty else { return }
            lines.append(
                "  " + name.padding(toLength: 12, withPad: " ", startingAt: 0) + value.inert.shortened(to: width - 14))
        }
        fact("target", "\(draft.target) (\(draft.targetReason))")
        fact("features", "\(Words.count(draft.features.count, "column")): \(draft.features.joined(separator: ", "))")
        fact("protected", draft.protected.joined(separator: ", "))
        fact("identifiers", draft.identifiers.joined(separator: ", "))
        fact("left out", draft.ignored.joined(separator: ", "))
        fact("favourable", draft.favourable ?? "not known: see the lines below `target`")
        for note in draft.notes { lines += wrapped(note) }
        lines += ["next: edit \(output.inert), then", "  \(next.inert)"]
        return lines.joined(separator: "\n") + "\n"
    }

    private func wrapped(_ note: String) -> [String] {
        var lines: [String] = []
        for word in ("look: " + note.inert).split(separator: " ") {
            if let last = lines.last, last.count + word.count + 1 <= width {
                lines[lines.count - 1] = last + " " + word
            } else {
                lines.append((lines.isEmpty ? "  " : "        ") + word)
            }
        }
        return lines
    }
}
