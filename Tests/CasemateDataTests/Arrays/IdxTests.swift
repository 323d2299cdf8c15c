import CasemateCore
import CasemateData
import TestSupport
import Testing

/// The format of MNIST.
@Suite struct IdxTests {
    private static let images: [UInt8] = [0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 3] + (0..<12)
    private static let labels: [UInt8] = [0, 0, 8, 1, 0, 0, 0, 2, 7, 3]

    @Test(arguments: [
        ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"), ("t10k-images.idx3-ubyte", "t10k-labels.idx1-ubyte"),
        ("emnist-letters-test-images-idx3-ubyte", "emnist-letters-test-labels-idx1-ubyte"),
    ])
    func labelsLieBeside(images: String, labels: String) throws {
        for (packsImages, packsLabels) in [(false, false), (true, true), (true, false), (false, true)] {
            let names = (images + (packsImages ? ".gz" : ""), labels + (packsLabels ? ".gz" : ""))
            let files = [
                names.0: packsImages ? try ArraySupport.gzip(Self.images) : Self.images,
                names.1: packsLabels ? try ArraySupport.gzip(Self.labels) : Self.labels,
            ]
            try ArraySupport.withFiles(files) { folder in
                #expect(SampleReader.serves(folder + "/" + names.0))
                let set = try SampleReader().read(SampleSource(folder + "/" + names.0))
                #expect(set.count == 2 && set.shape == [2, 3] && set.values == (0..<12).map { Float($0) })
                #expect(set.labels == [7, 3] && set.element == .uint8)
            }
        }
    }

    @Test func otherTypesAreBigEndian() throws {
        func file(_ type: UInt8, _ data: [UInt8]) -> [UInt8] { [0, 0, type, 1, 0, 0, 0, 2] + data }
        let cases: [([UInt8], [Float])] = [
            (file(9, [1, 255]), [1, -1]), (file(0x0b, [1, 0, 255, 255]), [256, -1]),
            (file(0x0c, [0, 0, 1, 0, 255, 255, 255, 254]), [256, -2]),
            (file(0x0d, [0x3f, 0x80, 0, 0, 0xbf, 0, 0, 0]), [1, -0.5]),
            (file(0x0e, [0x3f, 0xf0, 0, 0, 0, 0, 0, 0, 0xc0, 0, 0, 0, 0, 0, 0, 0]), [1, -2]),
        ]
        for (bytes, values) in cases { #expect(try ArraySupport.read(bytes, as: "a.idx").values == values) }
    }

    @Test func badFilesAreRefused() throws {
        for length in 0..<Self.images.count {
            #expect(ArraySupport.failure(Array(Self.images.prefix(length)), as: "a.idx")?.code == .malformed)
        }
        #expect(ArraySupport.failure(Self.images + [1], as: "a.idx")?.code == .malformed)
        let vast: [UInt8] = [0, 0, 8, 8] + [UInt8](repeating: 255, count: 32)
        #expect(ArraySupport.failure(vast, as: "a.idx")?.code == .malformed)
        let large: [UInt8] = [0, 0, 8, 2] + [UInt8](repeating: 127, count: 8)
        #expect(ArraySupport.failure(large, as: "a.idx")?.code == .limitExceeded)
    }

    @Test(.enabled(if: Repository.shared != nil))
    func mnist() throws {
        let shared = try #require(Repository.shared)
        let set = try SampleReader().read(SampleSource(shared + "/data/images/mnist/t10k-images-idx3-ubyte.gz"))
        #expect(set.count == 10_000 && set.shape == [28, 28] && set.range == 0...255)
        #expect(set.labels?.prefix(10) == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9])
        let picked = set.samples([1, 0])
        #expect(picked.labels == [2, 7] && picked.values.count == 2 * 784)
        #expect(Array(picked.values.prefix(784)) == Array(set.values[784..<1_568]))
    }
}
