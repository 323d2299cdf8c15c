public import CasemateCore
import CasemateData
public import Foundation

extension OutlierDetector {
    /// First bytes of a file: a name and the version of the form.
    private static var sign: Data { Data("casemate-outliers\u{0}\u{1}".utf8) }
    /// Length of the digest in hexadecimal that stands behind the sign, over all that follows.
    private static var digestLength: Int { 64 }
    /// Largest file that is read.
    public static var fileLimit: Int { 1 << 30 }

    /// The detector as the bytes of a file; the same detector gives the same bytes.
    ///
    /// Holds values of rows that it learnt from, among which neighbours are looked for, so it is as confidential as they
    /// are. The index over them is made anew when it is read.
    public var bytes: Data {
        var body = OutlierWriter()
        settings.write(to: &body)
        for number in [area, falseAlarms] { body.put(number) }
        body.put(heldOut)
        ensemble.write(to: &body)
        combination.write(to: &body)
        tail.write(to: &body)
        return Self.sign + Data(FileDigest.sha256(body.data).utf8) + body.data
    }

    /// Reads bytes that `bytes` gave; scores are the same to the last bit.
    /// - Parameter place: What they are called in errors: the path.
    /// - Throws: `malformed` with the byte for anything cut off or altered; `unsupported` for another version;
    ///   `limitExceeded`; what `OnnxFile` throws; `engineFailed`; `Cancelled`.
    public init(bytes: Data, place: String = "outlier detector", cancellation: Cancellation = .init()) throws {
        let bytes = Data(bytes)
        guard bytes.count <= Self.fileLimit else {
            throw CasemateError(
                .limitExceeded, at: place, "is \(bytes.count) bytes, \(Self.fileLimit) are the limit",
                help: "fit it with fewer rows")
        }
        let name = Self.sign.dropLast()
        guard bytes.starts(with: name), bytes.count > Self.sign.count + Self.digestLength else {
            throw CasemateError(
                .malformed, at: place, "is no outlier detector of Casemate, or is cut off", help: "fit it again")
        }
        guard bytes.starts(with: Self.sign) else {
            throw CasemateError(
                .unsupported, at: place, "is of version \(bytes[name.count]), 1 is known", help: "use a newer Casemate")
        }
        let body = bytes.dropFirst(Self.sign.count + Self.digestLength)
        let digest = bytes.dropFirst(Self.sign.count).prefix(Self.digestLength)
        guard Data(FileDigest.sha256(Data(body)).utf8) == digest else {
            throw CasemateError(
                .malformed, at: place, "was cut off or altered: its SHA-256 is another", help: "fit it again")
        }
        try self.init(body: Data(body), place: place, cancellation: cancellation)
    }

    /// Reads what stands behind the digest; bounded by itself, since a digest keeps nobody from writing another.
    package init(body: Data, place: String, cancellation: Cancellation = .init()) throws {
        var reader = OutlierReader(body, place: place)
        let settings = try OutlierSettings(from: &reader)
        try settings.check()
        let (area, falseAlarms) = (try reader.double("an area"), try reader.double("a rate"))
        let heldOut = try reader.int(0...1 << 40, "a number of rows")
        let ensemble = try OutlierEnsemble(from: &reader, settings, place: place, cancellation: cancellation)
        let combination = try OutlierCombination(from: &reader, parts: ensemble.parts.count)
        let tail = try TailTable(from: &reader)
        guard reader.isAtEnd else { throw reader.malformed("something stands behind the end") }
        self.init(
            settings: settings, area: area, falseAlarms: falseAlarms, heldOut: heldOut, ensemble: ensemble,
            combination: combination, tail: tail)
    }

    /// The bytes behind sign and digest, for tests of the reader.
    package static func body(of bytes: Data) -> Data { Data(bytes.dropFirst(sign.count + digestLength)) }

    /// Writes the file so that a reader sees the old or the new one whole.
    /// - Throws: `unwritable`.
    public func write(to path: String) throws(CasemateError) {
        let url = URL(fileURLWithPath: path)
        try OutputFolder(url.deletingLastPathComponent().path).write([(url.lastPathComponent, bytes)])
    }

    /// Reads a file.
    /// - Throws: `notFound` or `unreadable`; as reading bytes.
    public init(path: String, cancellation: Cancellation = .init()) throws {
        guard
            let attributes = try? FileManager.default.attributesOfItem(
                atPath: URL(fileURLWithPath: path).resolvingSymlinksInPath().path)
        else {
            throw CasemateError(.notFound, at: path, "no such file", help: "check the path and the working folder")
        }
        let size = (attributes[.size] as? NSNumber)?.intValue ?? 0
        guard attributes[.type] as? FileAttributeType == .typeRegular, size <= Self.fileLimit,
            let data = FileManager.default.contents(atPath: path)
        else {
            throw CasemateError(
                .unreadable, at: path, "is no readable file of at most \(Self.fileLimit) bytes",
                help: "name a file that an outlier detector was written to")
        }
        try self.init(bytes: data, place: path, cancellation: cancellation)
    }
}
