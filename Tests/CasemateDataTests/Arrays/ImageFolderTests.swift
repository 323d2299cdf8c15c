import CasemateCore
import CasemateData
import Foundation
import TestSupport
import Testing

/// Folders of images, beside the pixels that Pillow reads.
@Suite struct ImageFolderTests {
    private static func images() throws -> [String: Figures] {
        var result: [String: Figures] = [:]
        for entry in try ArraySupport.figures.get()["images"]["files"].list { result[entry["name"].text ?? ""] = entry }
        return result
    }

    private static func read(
        _ files: [String: [UInt8]], limits: SampleLimits = .init(), classNames: [String]? = nil
    ) throws -> SampleSet {
        try ArraySupport.withFiles(files) { folder in
            try SampleReader(limits: limits).read(SampleSource(folder, classNames: classNames))
        }
    }
    private static func failure(_ files: [String: [UInt8]], limits: SampleLimits = .init()) -> CasemateError? {
        do {
            _ = try read(files, limits: limits)
            return nil
        } catch { return error as? CasemateError }
    }

    @Test func everyImageReadsAsPillowReadsIt() throws {
        let all = try Self.images()
        #expect(all.count == 14)
        for (name, entry) in all {
            let set = try Self.read(["a/" + name: ArraySupport.bytes(entry["hex"])])
            #expect(set.shape == entry["shape"].ints && set.count == 1 && set.element == .uint8, "\(name)")
            // why: decoders may differ by one step where colours are interpolated.
            let tolerance = name.hasSuffix("jpg") ? 1.0 : 0
            let worst = zip(set.values, entry["values"].doubles).map { abs(Double($0) - $1) }.max()
            #expect(try #require(worst) <= tolerance, "\(name)")
            let note = entry["note"].text ?? ""
            #expect(
                set.warnings.contains { $0.lowercased().contains(note) } == !note.isEmpty, "\(name) \(set.warnings)")
            #expect(set.identifiers == ["a/" + name] && set.classNames == ["a"])
        }
    }

    @Test func foldersAreClassesInTheOrderOfTheirNames() throws {
        let image = try ArraySupport.bytes(try #require(try Self.images()["grey.png"])["hex"])
        let colour = try ArraySupport.bytes(try #require(try Self.images()["rgb.png"])["hex"])
        let set = try Self.read([
            "zebra/1.png": image, "ant/2.png": image, "ant/1.png": colour, "Bee/x": image, "ant/notes.txt": [65],
            ".hidden/1.png": image, "ant/.DS_Store": [1],
        ])
        #expect(set.classNames == ["Bee", "ant", "zebra"] && set.labels == [0, 1, 1, 2])
        #expect(set.identifiers == ["Bee/x", "ant/1.png", "ant/2.png", "zebra/1.png"])
        #expect(set.shape == [11, 13, 3])
        #expect(set.warnings.contains("1 entries of the sub-folders are no PNG or JPEG images"))
        #expect(set.warnings.contains("3 of 4 images are grey and were widened to RGB"))
        let named = try Self.read(
            ["cat/1.png": image, "dog/1.png": image], classNames: ["dog", "eel", "cat"])
        #expect(named.labels == [2, 0] && named.classNames == ["dog", "eel", "cat"])
        #expect(throws: CasemateError.self) { try Self.read(["cta/1.png": image], classNames: ["cat"]) }
        let numbers = try Self.read(["0/a.png": image, "10/a.png": image, "2/a.png": image])
        #expect(numbers.labels == [0, 10, 2] && numbers.classNames?.count == 11 && numbers.warnings.count == 1)
    }

    @Test func sizesThatDifferAreBothNamed() throws {
        let one = Array(try PngWriter.bytes([1, 2, 3, 4, 5, 6], width: 3, height: 2, channels: 1))
        let two = Array(try PngWriter.bytes([1, 2, 3, 4, 5, 6], width: 2, height: 3, channels: 1))
        let error = try #require(Self.failure(["a/one.png": one, "b/two.png": two]))
        #expect(error.code == .mismatch)
        #expect(error.what == "'a/one.png' is 3 × 2 pixels, 'b/two.png' is 2 × 3")
    }

    @Test func badFoldersAndImagesAreRefused() throws {
        let image = try ArraySupport.bytes(try #require(try Self.images()["rgb.png"])["hex"])
        let jpeg = try ArraySupport.bytes(try #require(try Self.images()["plain.jpg"])["hex"])
        let cmyk = try ArraySupport.bytes(try ArraySupport.figures.get()["images"]["cmyk"])
        #expect(Self.failure(["image.png": image])?.what == "has no sub-folders")
        #expect(Self.failure(["a/readme.txt": [65]])?.code == .unusableData)
        #expect(Self.failure(["a/b/1.png": image])?.code == .unusableData)
        let inks = try #require(Self.failure(["a/1.jpg": cmyk]))
        #expect(inks.code == .unsupported && inks.what == "is a CMYK image")
        #expect(Self.failure(["a/1.png": Array("not an image".utf8)])?.code == .malformed)
        #expect(Self.failure(["a/1.png": []])?.code == .malformed)
        var limits = SampleLimits()
        limits.pixels = 142
        #expect(Self.failure(["a/1.png": image], limits: limits)?.code == .limitExceeded)
        #expect(Self.failure(["a/1.jpg": jpeg], limits: limits)?.code == .limitExceeded)
        limits = SampleLimits()
        limits.values = 428
        #expect(Self.failure(["a/1.png": image], limits: limits)?.code == .limitExceeded)
        limits = SampleLimits()
        limits.samples = 1
        #expect(Self.failure(["a/1.png": image, "b/1.png": image], limits: limits)?.code == .limitExceeded)
        for length in stride(from: 1, to: image.count, by: 29) {
            #expect(Self.failure(["a/1.png": Array(image.prefix(length))])?.code == .malformed, "png, \(length)")
        }
        for length in stride(from: 1, to: jpeg.count - 2, by: 29) {
            #expect(Self.failure(["a/1.jpg": Array(jpeg.prefix(length))])?.code == .malformed, "jpeg, \(length)")
        }
        var vast = image
        vast.replaceSubrange(16..<24, with: [0, 15, 0, 0, 0, 15, 0, 0])
        #expect(Self.failure(["a/1.png": vast]) != nil)
    }

    @Test func theWriterRoundTrips() throws {
        var generator = SeededGenerator(seed: 3)
        for (width, height, channels) in [(1, 1, 1), (1, 1, 3), (7, 5, 3), (64, 33, 1), (200, 100, 3)] {
            let pixels = (0..<width * height * channels).map { index in
                index % 3 == 0 ? UInt8.random(in: 0...255, using: &generator) : UInt8(index / 5 % 256)
            }
            let bytes = Array(try PngWriter.bytes(pixels, width: width, height: height, channels: channels))
            #expect(bytes == Array(try PngWriter.bytes(pixels, width: width, height: height, channels: channels)))
            let set = try Self.read(["a/1.png": bytes])
            #expect(set.shape == [height, width, channels] && set.values == pixels.map { Float($0) })
        }
        #expect(throws: CasemateError.self) { try PngWriter.bytes([1, 2], width: 1, height: 1, channels: 2) }
        #expect(throws: CasemateError.self) { try PngWriter.bytes([], width: 0, height: 1, channels: 1) }
        #expect(throws: CasemateError.self) { try PngWriter.bytes([1], width: 2, height: 1, channels: 1) }
    }
}
