public import CasemateCore
import Foundation

/// Reads samples with labels from files that may be hostile: every length is checked before it is used, nothing is
/// unpickled, nothing is written to disk, and what exceeds a limit is refused.
///
/// Formats and rules: `docs/reference/arrays.md`.
public struct SampleReader: Sendable {
    /// Bounds on what is read.
    public let limits: SampleLimits
    /// Makes a reader.
    public init(limits: SampleLimits = .init()) { self.limits = limits }

    /// Whether `path` is a folder or a file that this reader serves, by its first bytes; tables are read elsewhere.
    public static func serves(_ path: String) -> Bool {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else { return false }
        if isFolder.boolValue { return true }
        guard let head = try? head(of: path) else { return false }
        return head.starts(with: ArrayHeader.npySignature) || head.starts(with: Array("PK".utf8))
            || ArrayHeader.isIdx(head)
    }

    /// Reads a source.
    /// - Throws: `CasemateError`: `notFound`, `unreadable`, `malformed`, `unsupported`, `limitExceeded`, `mismatch` for
    ///   labels or images that do not fit each other, `unusableData`; `Cancelled`.
    public func read(_ source: SampleSource, cancellation: Cancellation = Cancellation()) throws -> SampleSet {
        var isFolder: ObjCBool = false
        if FileManager.default.fileExists(atPath: source.path, isDirectory: &isFolder), isFolder.boolValue {
            return try ImageFolder(source, limits: limits).read(cancellation)
        }
        let bytes = try FileBytes.content(of: source.path, limit: limits.fileBytes)
        try cancellation.check()
        let (array, labels, source) = try arrays(bytes, source)
        try cancellation.check()
        return try set(array, labels, source)
    }

    /// The arrays of samples and of labels.
    private func arrays(
        _ bytes: [UInt8], _ source: SampleSource
    ) throws(CasemateError) -> (samples: StoredArray, labels: StoredArray?, source: SampleSource) {
        if bytes.starts(with: Array("PK".utf8)) {
            let archive = try NpzArchive(bytes, path: source.path, limits: limits)
            let (samples, labels) = try archive.pick(source)
            if let labels { return (samples, labels, source) }
            return (samples, try self.labels(of: source), source)
        }
        guard source.samplesArray == nil else {
            throw CasemateError(
                .invalidSetting, at: source.path, "is no archive, it has no arrays with names",
                help: "leave the name of the array out")
        }
        let samples = try array(bytes, source.path)
        var named = source
        if named.labelsPath == nil { named.labelsPath = Self.fileBeside(source.path) }
        return (samples, try labels(of: named), named)
    }

    /// The array of a file of one array.
    private func array(_ bytes: [UInt8], _ path: String) throws(CasemateError) -> StoredArray {
        if bytes.starts(with: ArrayHeader.npySignature) {
            return try StoredArray(npy: bytes, place: path, limits: limits)
        }
        if ArrayHeader.isIdx(bytes) {
            return try StoredArray(ArrayHeader(idx: bytes, place: path), bytes, place: path, limits: limits)
        }
        throw CasemateError(
            .malformed, at: path,
            bytes.isEmpty ? "is empty" : "is neither a NumPy array, nor an archive of them, nor idx",
            help: "give .npz, .npy, idx, or a folder with one sub-folder of images a class")
    }

    /// The labels of a file of their own, if one is named.
    private func labels(of source: SampleSource) throws(CasemateError) -> StoredArray? {
        guard let path = source.labelsPath else { return nil }
        let bytes = try FileBytes.content(of: path, limit: limits.fileBytes)
        guard bytes.starts(with: Array("PK".utf8)) else { return try array(bytes, path) }
        return try NpzArchive(bytes, path: path, limits: limits).labels(source.labelsArray)
    }

    /// The file of labels that lies beside a file of samples under the usual name.
    private static func fileBeside(_ path: String) -> String? {
        let url = URL(fileURLWithPath: path)
        let name = url.lastPathComponent
        var names = SampleNames.labelFiles(beside: name)
        if name.contains("images") {
            let other = name.replacingOccurrences(of: "images", with: "labels")
            let axes = (1...8).map { "idx\($0)" }
            names += axes.map { other.replacingOccurrences(of: $0, with: "idx1") } + [other]
        }
        for name in names.filter({ $0 != name }) {
            for spelling in [name, name + ".gz", name.hasSuffix(".gz") ? String(name.dropLast(3)) : name] {
                let candidate = url.deletingLastPathComponent().appendingPathComponent(spelling).path
                if FileManager.default.fileExists(atPath: candidate) { return candidate }
            }
        }
        return nil
    }

    private static func head(of path: String) throws -> [UInt8] {
        let (descriptor, _) = try FileBytes.open(path)
        defer { close(descriptor) }
        var head = [UInt8](repeating: 0, count: 8)
        let count = pread(descriptor, &head, head.count, 0)
        head = Array(head.prefix(max(0, count)))
        guard head.starts(with: [0x1f, 0x8b]) else { return head }
        struct Enough: Error {}
        head = []
        do {
            try Gzip.expand(descriptor: descriptor, path: path, limit: Int.max) { block in
                head += block.prefix(8 - head.count)
                if head.count == 8 { throw Enough() }
            }
        } catch is Enough {}
        return head
    }
}

extension SampleReader {
    /// Joins samples and labels.
    private func set(
        _ array: StoredArray, _ stored: StoredArray?, _ source: SampleSource
    ) throws(CasemateError) -> SampleSet {
        let shape = array.header.shape
        guard let count = shape.first, count > 0, array.header.count > 0 else {
            let shown = PrintableText.shape(shape)
            throw CasemateError(
                .unusableData, at: array.place, "holds no samples: its shape is \(shown)",
                help: "the first axis must count the samples")
        }
        guard count <= limits.samples else {
            throw CasemateError(
                .limitExceeded, at: array.place, "holds \(count) samples, \(limits.samples) are the limit",
                help: "save fewer")
        }
        let labels: SampleLabels?
        if let stored { labels = try SampleLabels(stored, count: count) } else { labels = nil }
        let (values, element, inexact) = try array.floats()
        var warnings = [labels?.warning].compactMap { $0 }
        if inexact > 0 {
            warnings.append("\(inexact) of \(values.count) values were rounded from \(element.rawValue) to float32")
        }
        let origin = array.place + (stored.map { ", labels from " + $0.place } ?? "")
        var result = SampleSet(
            count: count, shape: Array(shape.dropFirst()), values: values, element: element, labels: labels?.labels,
            classNames: labels?.names, source: origin, warnings: warnings)
        if result.nonFiniteCount > 0 { result.warnings.append("\(result.nonFiniteCount) values are NaN or infinite") }
        if let names = source.classNames { try result.rename(names) }
        return result
    }
}

extension SampleSet {
    /// Orders the classes as `names` does: labels that were texts are numbered anew, numbers get these names.
    mutating func rename(_ names: [String]) throws(CasemateError) {
        guard let labels else { return }
        if let own = classNames {
            var order: [Int32] = []
            for name in own {
                guard let place = names.firstIndex(of: name) else {
                    throw CasemateError(
                        .mismatch, at: source,
                        "the data hold a class '\(PrintableText.of(name))', which is none of the \(names.count) named",
                        help: "name every class in the order of the model's outputs")
                }
                order.append(Int32(place))
            }
            self.labels = labels.map { order[Int($0)] }
        } else if let largest = labels.max(), Int(largest) >= names.count {
            throw CasemateError(
                .mismatch, at: source, "the data hold a label \(largest), \(names.count) classes are named",
                help: "name every class in the order of the model's outputs")
        }
        classNames = names
    }
}
