import CasemateCore
import Foundation

/// Where a ledger lies, and how files are named in it.
package struct LedgerLocation: Hashable, Sendable {
    /// Name of a ledger that nobody named.
    package static let standardName = "casemate-data.jsonl"
    /// Path of the ledger as it was given.
    package let path: String
    /// Its folder, absolute, without links.
    package let folder: String

    /// Names a ledger.
    package init(_ path: String) {
        self.path = path
        folder = Self.resolved((Self.absolute(path) as NSString).deletingLastPathComponent)
    }

    /// The ledger of a folder: one that is there or in a folder above it, within the same repository.
    package static func standard(in folder: String) -> LedgerLocation {
        let files = FileManager.default
        var current = resolved(absolute(folder))
        let start = current
        while true {
            let candidate = current + "/" + standardName
            if files.fileExists(atPath: candidate) { return LedgerLocation(shown(candidate, from: start)) }
            if files.fileExists(atPath: current + "/.git") { return LedgerLocation(shown(candidate, from: start)) }
            let above = (current as NSString).deletingLastPathComponent
            guard above != current, !above.isEmpty else { break }
            current = above
        }
        return LedgerLocation(standardName)
    }

    private static func shown(_ path: String, from folder: String) -> String {
        (path as NSString).deletingLastPathComponent == folder ? standardName : path
    }

    /// Folder of the files with short hashes.
    package var sideFolder: String {
        let name = (path as NSString).lastPathComponent
        return folder + "/" + (name as NSString).deletingPathExtension + ".rows"
    }

    /// The name of a file in the ledger: its path from the ledger's folder; the last part may be a link.
    package func name(of path: String) -> String {
        let whole = Self.absolute(path)
        let parent = Self.resolved((whole as NSString).deletingLastPathComponent)
        let parts =
            (parent == "/" ? "" : parent).split(separator: "/") + [Substring((whole as NSString).lastPathComponent)]
        let base = folder.split(separator: "/")
        let shared = zip(parts.dropLast(), base).prefix { $0 == $1 }.count
        let up = Array(repeating: Substring(".."), count: base.count - shared)
        return (up + parts[shared...]).joined(separator: "/")
    }

    /// Path of a file that the ledger names.
    package func path(of name: String) -> String {
        let current = Self.resolved(FileManager.default.currentDirectoryPath)
        if current == folder { return name }
        let whole = name.hasPrefix("/") ? name : (folder as NSString).appendingPathComponent(name)
        return (whole as NSString).standardizingPath
    }

    private static func absolute(_ path: String) -> String {
        let whole = path.hasPrefix("/") ? path : FileManager.default.currentDirectoryPath + "/" + path
        return (whole as NSString).standardizingPath
    }
    private static func resolved(_ folder: String) -> String {
        URL(fileURLWithPath: folder.isEmpty ? "/" : folder).resolvingSymlinksInPath().path
    }
}
