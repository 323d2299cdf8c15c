import CasemateCore
import Foundation

/// Looks up the other files that hold a model's constants; only files inside the model's own folder are allowed.
struct OnnxExternalData {
    let path: String
    private let folder: String
    /// Files found, by location.
    private(set) var files: [String: OnnxFile.ExternalFile] = [:]

    /// Prepares the look-up for the model at `path`.
    init(path: String) {
        self.path = path
        folder = URL(fileURLWithPath: path).resolvingSymlinksInPath().deletingLastPathComponent().path
    }

    /// Checks where a constant of `bytes` bytes lies.
    /// - Throws: `refused` for a place outside the folder, `notFound` for a missing file, `malformed` for a part that
    ///   the file does not have.
    mutating func check(_ tensor: OnnxTensorProto, bytes: Int) throws(CasemateError) {
        let place = "\(path): tensor '\(OnnxLook.printable(tensor.name))'"
        let entries = Dictionary(tensor.externalData.map { ($0.key, $0.value) }) { first, _ in first }
        guard let location = entries["location"], !location.isEmpty else {
            throw CasemateError(
                .malformed, at: place, "lies in another file, which is not named", help: "export the model again")
        }
        let file = try find(location, at: place)
        let offset = try number(entries["offset"], default: 0, "offset", at: place)
        let length = try number(entries["length"], default: bytes, "length", at: place)
        guard length == bytes else {
            throw CasemateError(
                .malformed, at: place, "takes \(bytes) bytes, the model states \(length) in '\(file.location)'",
                help: "export the model again")
        }
        guard offset <= file.bytes, length <= file.bytes - offset else {
            throw CasemateError(
                .malformed, at: place,
                "lies at bytes \(offset) and the \(length) after it of '\(file.location)', which has \(file.bytes)",
                help: "copy the whole file beside the model")
        }
    }

    private mutating func find(_ location: String, at place: String) throws(CasemateError) -> OnnxFile.ExternalFile {
        if let known = files[location] { return known }
        let shown = OnnxLook.printable(location)
        let refusal = CasemateError(
            .refused, at: place, "its data lie in '\(shown)', outside the model's folder",
            help: "external data must lie beside the model: do not use this file unless you trust its source")
        let parts = location.split(separator: "/", omittingEmptySubsequences: false)
        // why: a leading '*' is ONNX Runtime's mark for an address in memory, never a file.
        let isStrange = location.contains { $0 == "\0" || $0 == "\\" } || location.hasPrefix("*")
        guard !location.hasPrefix("/"), !isStrange, !parts.contains("..") else { throw refusal }
        let named = URL(fileURLWithPath: folder).appendingPathComponent(location)
        let real = named.resolvingSymlinksInPath().path
        guard real.hasPrefix(folder == "/" ? "/" : folder + "/") else { throw refusal }
        guard let attributes = try? FileManager.default.attributesOfItem(atPath: real) else {
            throw CasemateError(
                .notFound, at: place, "its data lie in '\(shown)', which is not beside the model",
                help: "copy '\(shown)' into the model's folder")
        }
        guard attributes[.type] as? FileAttributeType == .typeRegular else { throw refusal }
        let bytes = (attributes[.size] as? NSNumber)?.intValue ?? 0
        let file = OnnxFile.ExternalFile(location: shown, path: real, bytes: bytes)
        files[location] = file
        return file
    }

    private func number(_ text: String?, default value: Int, _ key: String, at place: String) throws(CasemateError)
        -> Int
    {
        guard let text else { return value }
        guard let number = Int(text), number >= 0 else {
            throw CasemateError(
                .malformed, at: place, "\(key) '\(OnnxLook.printable(text))' of its external data is no length",
                help: "export the model again")
        }
        return number
    }
}
