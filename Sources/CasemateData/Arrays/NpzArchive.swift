import CasemateCore

/// The arrays of an `.npz` archive.
struct NpzArchive {
    /// One array, not expanded yet.
    private struct Entry {
        let name: String
        let member: ZipArchive.Member
        /// `nil` for an array that cannot be used, with the reason.
        let header: Result<ArrayHeader, CasemateError>
        var axes: Int? { (try? header.get())?.shape.count }
        /// The length of the first axis.
        var count: Int? { (try? header.get())?.shape.first }
        var isNumeric: Bool {
            guard case .success(let header) = header, case .number = header.kind else { return false }
            return true
        }
        var shown: String {
            let what = (try? header.get())?.description ?? "unusable"
            return "'\(PrintableText.of(name))' \(what)"
        }
    }

    private let zip: ZipArchive
    private let path: String, limits: SampleLimits
    private let entries: [Entry]

    /// Reads the directory and the header of each array.
    init(_ bytes: [UInt8], path: String, limits: SampleLimits) throws(CasemateError) {
        zip = try ZipArchive(bytes, place: path, limits: limits)
        (self.path, self.limits) = (path, limits)
        var entries: [Entry] = []
        for member in zip.members where member.name.hasSuffix(".npy") {
            let name = String(member.name.dropLast(4))
            let place = "\(path): '\(PrintableText.of(name))'"
            do throws(CasemateError) {
                let head = try zip.prefix(member, count: ArrayHeader.npyLimit)
                let header = try ArrayHeader(npy: head[...], place: place)
                try StoredArray.check(header, bytes: member.size, place: place, limits: limits)
                entries.append(Entry(name: name, member: member, header: .success(header)))
            } catch {
                entries.append(Entry(name: name, member: member, header: .failure(error)))
            }
        }
        guard !entries.isEmpty else {
            throw CasemateError(
                .malformed, at: path, "is a zip archive without NumPy arrays", help: "save arrays with numpy.savez")
        }
        self.entries = entries
    }

    /// The arrays of samples and labels: those that `source` names, else those of the usual names, else the only ones
    /// that fit.
    /// - Throws: `notFound` with a list of the arrays, and what reading one throws.
    func pick(_ source: SampleSource) throws(CasemateError) -> (samples: StoredArray, labels: StoredArray?) {
        let samples: Entry
        if let name = source.samplesArray {
            samples = try entry(name)
        } else {
            let usable = entries.filter { $0.axes ?? 2 > 0 }.map(\.name)
            // why: with nothing of that name, the only array of more than one number a sample must be it.
            let wide = entries.filter { $0.isNumeric && $0.axes ?? 0 > 1 && $0.name != source.labelsArray }
            guard
                let found = SampleNames.find(usable, known: SampleNames.samples).flatMap({ name in first(name) })
                    ?? (wide.count == 1 ? wide.first : nil)
            else { throw missing("it is not clear which array holds the samples", "samples") }
            samples = found
        }
        guard source.labelsPath == nil else { return (try read(samples), nil) }
        let labels: Entry?
        if let name = source.labelsArray { labels = try entry(name) } else { labels = try self.labels(beside: samples) }
        return (try read(samples), try labels.map { (entry) throws(CasemateError) in try read(entry) })
    }

    /// The array of labels of an archive that holds labels alone.
    func labels(_ name: String?) throws(CasemateError) -> StoredArray {
        if let name { return try read(entry(name)) }
        let known = SampleNames.find(entries.map(\.name), known: SampleNames.labels).flatMap { first($0) }
        guard let found = known ?? (entries.count == 1 ? entries.first : nil) else {
            throw missing("it is not clear which array holds the labels", "labels")
        }
        return try read(found)
    }

    private func labels(beside samples: Entry) throws(CasemateError) -> Entry? {
        let others = entries.filter { $0.name != samples.name }.map(\.name)
        let part = SampleNames.split(samples.name).part
        if let name = SampleNames.find(others, known: SampleNames.labels, part: part) { return first(name) }
        // why: with nothing of that name, the only other array of one value a sample must be it.
        let fitting = entries.filter {
            $0.name != samples.name && $0.count == samples.count && $0.axes == 1
        }
        return fitting.count == 1 ? fitting.first : nil
    }

    private func first(_ name: String) -> Entry? { entries.first { $0.name == name } }

    private func entry(_ name: String) throws(CasemateError) -> Entry {
        if let found = first(name) ?? first(name.hasSuffix(".npy") ? String(name.dropLast(4)) : name) { return found }
        let clause = Suggestion.clause(for: name, among: entries.map(\.name))
        throw missing("has no array '\(PrintableText.of(name))'\(clause)", "arrays")
    }

    private func missing(_ what: String, _ need: String) -> CasemateError {
        let shown = entries.prefix(20).map(\.shown).joined(separator: ", ") + (entries.count > 20 ? ", …" : "")
        return CasemateError(
            .notFound, at: path, "\(what); it holds \(shown)",
            help: "name the array of the \(need), or call them x and y")
    }

    private func read(_ entry: Entry) throws(CasemateError) -> StoredArray {
        let header = try entry.header.get()
        let content = try zip.content(entry.member, limit: limits.fileBytes)
        let place = "\(path): '\(PrintableText.of(entry.name))'"
        // why: the header was read before the checksum was; what counts is what the whole member says.
        let whole = try ArrayHeader(npy: content[...], place: place)
        guard whole == header else { throw ArrayHeader.malformed(place, "its header cannot be read twice alike") }
        return try StoredArray(whole, content, place: place, limits: limits)
    }
}
