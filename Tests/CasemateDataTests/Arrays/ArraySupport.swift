import CasemateCore
import CasemateData
import Foundation
import TestSupport
import Testing

/// What the tests of arrays share.
enum ArraySupport {
    /// Files of `Tests/Reference/make_array_figures.py` with the values that NumPy and Pillow read.
    static let figures = Result { try Figures("figures/arrays.json") }

    /// Bytes of hexadecimal text.
    static func bytes(_ figure: Figures) throws -> [UInt8] {
        let digits = Array(try #require(figure.text).utf8)
        func value(_ digit: UInt8) -> UInt8 { digit < 58 ? digit - 48 : digit - 87 }
        return stride(from: 0, to: digits.count, by: 2).map { value(digits[$0]) << 4 | value(digits[$0 + 1]) }
    }

    /// Runs `body` with a folder that holds `files`; names may hold folders.
    static func withFiles<Result>(_ files: [String: [UInt8]], _ body: (String) throws -> Result) throws -> Result {
        try Repository.withTemporaryFolder { folder in
            for (name, bytes) in files {
                let url = URL(fileURLWithPath: folder + "/" + name)
                try FileManager.default.createDirectory(
                    at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
                try Data(bytes).write(to: url)
            }
            return try body(folder)
        }
    }

    /// Reads one file that is written under `name` first.
    static func read(
        _ bytes: [UInt8], as name: String = "x.npy", limits: SampleLimits = .init(),
        _ change: (inout SampleSource) -> Void = { _ in }
    ) throws -> SampleSet {
        try withFiles([name: bytes]) { folder in
            var source = SampleSource(folder + "/" + name)
            change(&source)
            return try SampleReader(limits: limits).read(source)
        }
    }

    /// What reading one file complains about.
    static func failure(
        _ bytes: [UInt8], as name: String = "x.npy", limits: SampleLimits = .init(),
        _ change: (inout SampleSource) -> Void = { _ in }
    ) -> CasemateError? {
        do {
            _ = try read(bytes, as: name, limits: limits, change)
            return nil
        } catch { return error as? CasemateError }
    }

    /// A NumPy array of version 1.0 with a header as given.
    static func npy(_ header: String, _ data: [UInt8] = []) -> [UInt8] {
        let text = Array(header.utf8)
        return [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(text.count & 255), UInt8(text.count >> 8)] + text + data
    }

    /// A whole array of bytes.
    static func npy(shape: String, _ data: [UInt8]) -> [UInt8] {
        npy("{'descr': '|u1', 'fortran_order': False, 'shape': \(shape), }\n", data)
    }

    /// Bytes of a file packed with gzip by the system.
    static func gzip(_ bytes: [UInt8]) throws -> [UInt8] {
        try withFiles(["file": bytes]) { folder in
            let process = Process()
            process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
            process.arguments = ["gzip", "-n", folder + "/file"]
            try process.run()
            process.waitUntilExit()
            return Array(try Data(contentsOf: URL(fileURLWithPath: folder + "/file.gz")))
        }
    }
}
