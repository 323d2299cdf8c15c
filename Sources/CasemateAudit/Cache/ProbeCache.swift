import CasemateCore
import Foundation

/// Keeps what probes found, so that an unchanged probe is not run again and an interrupted audit can be resumed.
///
/// One file a result, named by its `ProbeKey`, in a folder that only its owner may read: results hold rows of data. A
/// file that somebody else could have written, that is too large or that does not decode is no result. Nothing here
/// fails an audit: without a usable folder every probe simply runs.
public struct ProbeCache: Sendable {
    /// Version of the files.
    static let schema = "casemate.probe-cache/1"
    /// Results beyond this number make way, the oldest first.
    private static let mostFiles = 400
    /// Largest file that is read.
    private static let mostBytes = 32 << 20

    /// Folder of the results.
    public let folder: String
    /// Tells one build of the program from another.
    public let program: String
    /// Whether kept results are used; if not, probes run and replace them.
    public let isReading: Bool

    /// Names a folder; it is made when the first result is kept.
    public init(folder: String, program: String, isReading: Bool = true) {
        (self.folder, self.program, self.isReading) = (folder, program, isReading)
    }

    private struct Entry: Codable {
        let schema: String
        let key: String
        let kept: Date
        let outcome: ProbeOutcome
    }

    private func path(_ key: ProbeKey) -> String { "\(folder)/\(key.digest).json" }

    /// The result that was kept under this key, with the time of keeping.
    func outcome(for key: ProbeKey) -> (outcome: ProbeOutcome, kept: Date)? {
        guard isReading, let data = Self.ownFile(path(key)) else { return nil }
        let decoder = JSONDecoder()
        decoder.nonConformingFloatDecodingStrategy = .convertFromString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        guard let entry = try? decoder.decode(Entry.self, from: data), entry.schema == Self.schema,
            entry.key == key.digest, entry.outcome.status == .tested
        else { return nil }
        var outcome = entry.outcome
        outcome.isCached = true
        return (outcome, entry.kept)
    }

    /// Keeps a result; only those of probes that did all their work.
    /// - Returns: Why it could not be kept, for the log.
    func keep(_ outcome: ProbeOutcome, for key: ProbeKey, at time: Date) -> String? {
        guard outcome.status == .tested else { return nil }
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        let entry = Entry(schema: Self.schema, key: key.digest, kept: time, outcome: outcome)
        do {
            let data = try encoder.encode(entry)
            guard data.count <= Self.mostBytes else { return "the result is larger than \(Self.mostBytes) bytes" }
            let owner = [FileAttributeKey.posixPermissions: 0o700]
            try FileManager.default.createDirectory(
                atPath: folder, withIntermediateDirectories: true, attributes: owner)
            guard Self.isOwn(folder) else { return "\(folder) can be written by others" }
            let part = "\(folder)/.\(key.digest).\(ProcessInfo.processInfo.processIdentifier).part"
            defer { unlink(part) }
            let attributes = [FileAttributeKey.posixPermissions: 0o600]
            guard FileManager.default.createFile(atPath: part, contents: data, attributes: attributes),
                rename(part, path(key)) == 0
            else { return "\(folder) cannot be written" }
        } catch { return "\(folder): \(error.localizedDescription)" }
        prune()
        return nil
    }

    private func prune() {
        let names =
            (try? FileManager.default.contentsOfDirectory(atPath: folder))?.filter { $0.hasSuffix(".json") } ?? []
        guard names.count > Self.mostFiles else { return }
        let dated = names.map { name -> (path: String, date: Date) in
            let path = "\(folder)/\(name)"
            let date = (try? FileManager.default.attributesOfItem(atPath: path))?[.modificationDate] as? Date
            return (path, date ?? .distantPast)
        }
        for file in dated.sorted(by: { $0.date < $1.date }).prefix(names.count - Self.mostFiles) { unlink(file.path) }
    }

    /// The content of a regular file that nobody but its owner, who runs this, can have written.
    private static func ownFile(_ path: String) -> Data? {
        let folder = String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)])
        guard isOwn(folder) else { return nil }
        let descriptor = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { return nil }
        let handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        var facts = stat()
        guard fstat(descriptor, &facts) == 0, facts.st_mode & S_IFMT == S_IFREG, isOwn(facts),
            facts.st_size <= mostBytes
        else { return nil }
        return try? handle.read(upToCount: mostBytes)
    }
    private static func isOwn(_ folder: String) -> Bool {
        var facts = stat()
        return stat(folder, &facts) == 0 && isOwn(facts)
    }
    private static func isOwn(_ facts: stat) -> Bool { facts.st_uid == geteuid() && facts.st_mode & 0o022 == 0 }
}
