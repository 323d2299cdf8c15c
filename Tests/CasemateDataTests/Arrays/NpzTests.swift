import CasemateCore
import CasemateData
import Foundation
import TestSupport
import Testing

/// Archives of arrays, as NumPy and other writers make them.
@Suite struct NpzTests {
    private static func archives() throws -> [String: [UInt8]] {
        var result: [String: [UInt8]] = [:]
        for entry in try ArraySupport.figures.get()["npz"]["files"].list {
            result[entry["name"].text ?? ""] = try ArraySupport.bytes(entry["hex"])
        }
        return result
    }
    private static func archive(_ name: String) throws -> [UInt8] { try #require(try archives()[name]) }

    @Test func everyArchiveHoldsTheSameSamples() throws {
        let figures = try ArraySupport.figures.get()["npz"]
        let names = try Self.archives()
        #expect(names.count == 10)
        for (name, bytes) in names {
            let set = try ArraySupport.read(bytes, as: "a.npz")
            #expect(set.count == 6 && set.shape == [4, 4, 3] && set.element == .uint8, "\(name)")
            #expect(set.values.map { Double($0) } == figures["values"].doubles, "\(name)")
            switch name {
            case "text labels":
                // why: in the order of names 'häschen' comes last, as class 2.
                #expect(set.classNames == ["cat", "dog", "häschen"])
                #expect(set.labels == [0, 1, 2, 1, 0, 2])
            case "bytes as labels":
                #expect(set.classNames == ["cat", "dog", "eel"])
                #expect(set.labels == [0, 1, 2, 1, 0, 2])
            default: #expect(set.labels?.map { Int($0) } == figures["labels"].ints, "\(name)")
            }
            #expect(set.warnings.isEmpty == !["one hot", "text labels", "bytes as labels"].contains(name), "\(name)")
        }
    }

    @Test func arraysAreNamed() throws {
        let parts = try Self.archive("parts")
        let train = try ArraySupport.read(parts, as: "a.npz") { $0.samplesArray = "x_train" }
        #expect(train.count == 2 && train.labels == [0, 1])
        #expect(train.source.contains("'x_train'") && train.source.contains("'y_train'"))
        let odd = try #require(
            ArraySupport.failure(parts, as: "a.npz") {
                $0.samplesArray = "x_train"
                $0.labelsArray = "y_test"
            })
        #expect(odd.what == "6 labels for 2 samples")
        let unknown = try #require(ArraySupport.failure(parts, as: "a.npz") { $0.samplesArray = "x_tset" })
        #expect(unknown.code == .notFound && unknown.what.contains("did you mean 'x_test'?"))
        #expect(unknown.what.contains("'x_train' uint8 [2, 4, 4, 3]") && unknown.what.contains("'y_test' int32 [6]"))
        let text = try ArraySupport.read(Self.archive("text labels"), as: "a.npz") {
            $0.classNames = ["häschen", "eel", "dog", "cat"]
        }
        #expect(text.labels == [3, 2, 0, 2, 3, 0] && text.classNames?.count == 4)
        let missing = ArraySupport.failure(try Self.archive("text labels"), as: "a.npz") { $0.classNames = ["cat"] }
        #expect(missing?.code == .mismatch)
    }

    @Test func unclearArchivesListTheirArrays() throws {
        let bytes = Array(
            try NpzWriter.bytes([
                .init("one", shape: [2, 2], .float32([1, 2, 3, 4])),
                .init("two", shape: [2, 2], .float32([1, 2, 3, 4])),
            ]))
        let error = try #require(ArraySupport.failure(bytes, as: "a.npz"))
        #expect(error.code == .notFound && error.what.contains("'one' float32 [2, 2], 'two' float32 [2, 2]"))
        #expect(try ArraySupport.read(bytes, as: "a.npz") { $0.samplesArray = "two" }.labels == nil)
    }

    @Test func damageIsFoundEverywhere() throws {
        for name in ["stored", "deflated", "zip64", "data descriptors"] {
            let whole = try Self.archive(name)
            for length in stride(from: 0, to: whole.count, by: 37) {
                #expect(ArraySupport.failure(Array(whole.prefix(length)), as: "a.npz") != nil, "\(name), \(length)")
            }
            // why: in the values of the samples nothing but the checksum can tell.
            for position in stride(from: 200, to: 300, by: 7) {
                var damaged = whole
                damaged[position] ^= 0x10
                #expect(ArraySupport.failure(damaged, as: "a.npz")?.code == .malformed, "\(name), byte \(position)")
            }
        }
    }

    @Test func liesAboutSizesAreRefusedBeforeTheyCostMemory() throws {
        var deflated = try Self.archive("deflated")
        let directory = try #require(Self.find([0x50, 0x4b, 1, 2], in: deflated))
        deflated.replaceSubrange(directory + 24..<directory + 28, with: [0xff, 0xff, 0xff, 0x7f])
        let error = try #require(ArraySupport.failure(deflated, as: "a.npz"))
        #expect(error.code == .notFound || error.code == .malformed, "\(error)")
        for (offset, code) in [(8, CasemateError.Code.unsupported), (10, .unsupported), (42, .malformed)] {
            var changed = try Self.archive("deflated")
            changed[directory + offset] = 0x01
            if offset == 10 { changed[directory + offset] = 12 }
            if offset == 42 { changed[directory + offset] = 9 }
            let error = ArraySupport.failure(changed, as: "a.npz")
            #expect(error?.code == code || error?.code == .notFound, "offset \(offset)")
        }
        var limits = SampleLimits()
        limits.members = 1
        #expect(ArraySupport.failure(try Self.archive("stored"), as: "a.npz", limits: limits)?.code == .limitExceeded)
        #expect(ArraySupport.failure(Array("PK\u{3}\u{4}".utf8), as: "a.npz")?.code == .malformed)
        #expect(ArraySupport.failure(Array("PK\u{5}\u{6}".utf8) + [UInt8](repeating: 0, count: 18))?.code == .malformed)
    }

    private static func find(_ pattern: [UInt8], in bytes: [UInt8]) -> Int? {
        (0..<bytes.count - pattern.count).first { bytes[$0..<$0 + pattern.count].elementsEqual(pattern) }
    }

    @Test func theWriterGivesWhatNumPyReads() throws {
        let figures = try ArraySupport.figures.get()["writer"]
        let x = figures["x"].doubles.map { Float($0) }, y = figures["y"].ints.map { Int64($0) }
        let arrays: [NpzWriter.Array] = [.init("x", shape: [2, 3], .float32(x)), .init("y", shape: [2], .int64(y))]
        #expect(Array(try NpzWriter.bytes(arrays)) == (try ArraySupport.bytes(figures["hex"])))
        try Repository.withTemporaryFolder { folder in
            let values = (0..<60).map { Float($0) / 7 }
            try NpzWriter.write(
                [.init("x", shape: [5, 3, 4], .float32(values)), .init("y", shape: [5], .int64([4, 3, 2, 1, 0]))],
                to: folder + "/adv.npz")
            let set = try SampleReader().read(SampleSource(folder + "/adv.npz"))
            #expect(set.values == values && set.labels == [4, 3, 2, 1, 0] && set.shape == [3, 4])
            #expect(SampleReader.serves(folder + "/adv.npz"))
        }
        #expect(throws: CasemateError.self) { try NpzWriter.bytes([.init("a/b", shape: [], .float32([1]))]) }
        #expect(throws: CasemateError.self) {
            try NpzWriter.bytes([.init("a", shape: [], .float32([1])), .init("a", shape: [], .float32([1]))])
        }
    }

    @Test(.enabled(if: Repository.shared != nil))
    func sharedArchives() throws {
        let shared = try #require(Repository.shared)
        let images = try SampleReader().read(
            SampleSource(shared + "/data/images/cifar10/cifar10_test_lossless_300.npz"))
        #expect(images.count == 300 && images.shape == [32, 32, 3] && images.range == 0...255)
        #expect(images.labels?.prefix(5) == [3, 8, 8, 0, 6])
        let faces = try SampleReader().read(SampleSource(shared + "/data/images/faces/olivetti_faces.npz"))
        #expect(faces.count == 400 && faces.shape == [64, 64] && faces.labels?.max() == 39)
    }
}
