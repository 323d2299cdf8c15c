import CasemateCore
import Foundation

/// A folder with one sub-folder of PNG or JPEG images for each class.
struct ImageFolder {
    /// One image of a class.
    private struct Image { let path: String, identifier: String, label: Int32 }

    private let path: String, limits: SampleLimits
    private let classNames: [String]
    private let images: [Image]
    private var warnings: [String] = []

    /// Lists the images.
    /// - Throws: `unusableData` when there is no sub-folder or no image, `mismatch` for a class that is not named,
    ///   `invalidSetting` for labels of their own, `limitExceeded`.
    init(_ source: SampleSource, limits: SampleLimits) throws(CasemateError) {
        guard source.labelsPath == nil, source.labelsArray == nil, source.samplesArray == nil else {
            throw CasemateError(
                .invalidSetting, at: source.path, "is a folder: its sub-folders are the labels",
                help: "leave the names of labels and arrays out")
        }
        (path, self.limits) = (source.path, limits)
        let folders = try Self.list(path).filter { Self.kind(source.path + "/" + $0) == .typeDirectory }
        guard !folders.isEmpty else {
            throw CasemateError(
                .unusableData, at: path, "has no sub-folders", help: "put the images of each class into one of its own")
        }
        guard folders.count <= limits.classes else {
            throw CasemateError(
                .limitExceeded, at: path, "has \(folders.count) sub-folders, \(limits.classes) are the limit",
                help: "name the folder whose sub-folders are the classes")
        }
        let labels: [Int32]
        (classNames, labels, warnings) = try Self.classes(folders, source)
        let (images, others) = try Self.images(zip(folders, labels), path, limits)
        guard !images.isEmpty else {
            throw CasemateError(
                .unusableData, at: path, "holds no PNG or JPEG image in its \(folders.count) sub-folders",
                help: "put the images of each class into one sub-folder, not deeper")
        }
        if others > 0 { warnings.append("\(others) entries of the sub-folders are no PNG or JPEG images") }
        self.images = images
    }

    /// The images of all classes, and the number of other entries.
    private static func images(
        _ classes: Zip2Sequence<[String], [Int32]>, _ path: String, _ limits: SampleLimits
    ) throws(CasemateError) -> (images: [Image], others: Int) {
        var images: [Image] = [], others = 0
        for (folder, label) in classes {
            for name in try list(path + "/" + folder) {
                let file = path + "/" + folder + "/" + name
                guard kind(file) == .typeRegular, try isImage(file, name) else {
                    others += 1
                    continue
                }
                images.append(Image(path: file, identifier: folder + "/" + name, label: label))
                guard images.count <= limits.samples else {
                    throw CasemateError(
                        .limitExceeded, at: path, "holds more than \(limits.samples) images", help: "name fewer")
                }
            }
        }
        return (images, others)
    }

    /// Decodes all images, in the order of classes and names.
    /// - Throws: what `ImageDecoder` throws, `mismatch` for images of different sizes, `limitExceeded`, `Cancelled`.
    func read(_ cancellation: Cancellation) throws -> SampleSet {
        var facts: [ImageDecoder.Facts] = []
        for image in images {
            try cancellation.check()
            let bytes = try FileBytes.content(of: image.path, limit: min(limits.fileBytes, 1 << 28))
            facts.append(try ImageDecoder.inspect(bytes, path: image.path, pixels: limits.pixels))
            try checkSize(facts, image)
        }
        let first = facts[0]
        let channels = facts.contains { $0.channels == 3 } ? 3 : 1
        let size = first.width * first.height * channels
        // why: at most 2^24 pixels of three bytes times 2^24 images fit 64 bits.
        guard size * images.count <= limits.values else {
            throw CasemateError(
                .limitExceeded, at: path, "its \(images.count) images hold more than \(limits.values) values",
                help: "name fewer or smaller images")
        }
        var values: [Float] = []
        values.reserveCapacity(size * images.count)
        for (image, seen) in zip(images, facts) {
            try cancellation.check()
            let bytes = try FileBytes.content(of: image.path, limit: min(limits.fileBytes, 1 << 28))
            // why: a file that is changed between the two looks fails in the decoder, which is given the first size.
            let pixels = try ImageDecoder.decode(bytes, seen, channels: channels, path: image.path)
            values.append(contentsOf: pixels.lazy.map { Float($0) })
        }
        return SampleSet(
            count: images.count, shape: [first.height, first.width, channels], values: values, element: .uint8,
            labels: images.map(\.label), classNames: classNames, identifiers: images.map(\.identifier), source: path,
            warnings: warnings + notes(facts, channels))
    }

    private func checkSize(_ facts: [ImageDecoder.Facts], _ image: Image) throws(CasemateError) {
        guard let first = facts.first, let last = facts.last else { return }
        guard (first.width, first.height) == (last.width, last.height) else {
            throw CasemateError(
                .mismatch, at: path,
                "'\(PrintableText.of(images[0].identifier))' is \(first.width) × \(first.height) pixels, "
                    + "'\(PrintableText.of(image.identifier))' is \(last.width) × \(last.height)",
                help: "scale all images to the size that the model takes")
        }
    }

    private func notes(_ facts: [ImageDecoder.Facts], _ channels: Int) -> [String] {
        func note(_ clause: String, _ isMeant: (ImageDecoder.Facts) -> Bool) -> String? {
            let count = facts.count(where: isMeant)
            return count > 0 ? "\(count) of \(facts.count) images \(clause)" : nil
        }
        return [
            note("have an alpha channel, which was dropped") { $0.hasAlpha },
            note("have 16 bits a sample, which were scaled to 8") { $0.isDeep },
            channels == 3 ? note("are grey and were widened to RGB") { $0.channels == 1 } : nil,
            note("are JPEG, whose pixels depend on the decoder by a grey level") { $0.format == .jpeg },
        ].compactMap { $0 }
    }
}

extension ImageFolder {
    /// Names of entries that are not hidden, in the order of their bytes.
    private static func list(_ path: String) throws(CasemateError) -> [String] {
        guard let names = try? FileManager.default.contentsOfDirectory(atPath: path) else {
            throw CasemateError(.unreadable, at: path, "cannot be listed", help: "check the folder's permissions")
        }
        return names.filter { !$0.hasPrefix(".") && !$0.hasPrefix("__") }
            .sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    /// What a path is, links followed.
    private static func kind(_ path: String) -> FileAttributeType? {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        switch status.st_mode & S_IFMT {
        case S_IFREG: return .typeRegular
        case S_IFDIR: return .typeDirectory
        default: return .typeUnknown
        }
    }

    /// Whether a file is to be decoded: it begins like an image, or its name says that it is one.
    private static func isImage(_ path: String, _ name: String) throws(CasemateError) -> Bool {
        let lower = name.lowercased()
        if [".png", ".jpg", ".jpeg"].contains(where: { lower.hasSuffix($0) }) { return true }
        let (descriptor, _) = try FileBytes.open(path)
        defer { close(descriptor) }
        var head = [UInt8](repeating: 0, count: 8)
        let count = pread(descriptor, &head, head.count, 0)
        return ImageDecoder.format(head.prefix(max(0, count))) != nil
    }

    /// Names of the classes and the label of each folder.
    private static func classes(
        _ folders: [String], _ source: SampleSource
    ) throws(CasemateError) -> (names: [String], labels: [Int32], warnings: [String]) {
        if let names = source.classNames {
            var labels: [Int32] = []
            for folder in folders {
                guard let label = names.firstIndex(of: folder) else {
                    throw CasemateError(
                        .mismatch, at: source.path + "/" + PrintableText.of(folder),
                        "is no class that was named" + Suggestion.clause(for: folder, among: names),
                        help: "name every class in the order of the model's outputs")
                }
                labels.append(Int32(label))
            }
            return (names, labels, [])
        }
        // why: folders 0 to 10 mean the numbers, although the order of their names is 0, 1, 10, 2.
        let numbers = folders.compactMap { name in name.utf8.allSatisfy { (48...57).contains($0) } ? Int32(name) : nil }
        guard numbers.count == folders.count, Set(numbers).count == numbers.count, numbers.max() ?? 0 < 65_536 else {
            return (folders, folders.indices.map { Int32($0) }, [])
        }
        let names = (0...Int(numbers.max() ?? 0)).map { String($0) }
        let isSorted = numbers == folders.indices.map { Int32($0) }
        return (
            names, numbers, isSorted ? [] : ["the sub-folders are called by numbers, which were taken as the labels"]
        )
    }
}
