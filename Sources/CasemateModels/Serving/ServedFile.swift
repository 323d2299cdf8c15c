import CasemateCore
import CasemateData
import Foundation

/// A model file opened for serving: the bytes are read once, and hash, checks and engine all see these bytes.
package struct ServedFile: Sendable {
    /// The model.
    package let model: any ServedModel
    /// SHA-256 of the file in hexadecimal digits; with files of weights beside it, of the hashes of all of them.
    package let sha256: String

    /// Opens a file.
    /// - Parameters:
    ///   - format: What it must be; `nil` takes what its bytes show.
    ///   - classes: Names of the classes, where the caller knows them.
    ///   - runtime: Gives ONNX Runtime; asked for an ONNX file alone.
    /// - Throws: what `OnnxFile`, `TreeFile` and the engine throw; `mismatch` for another format.
    package init(
        path: String, format expected: ModelFile.Format?, classes: [String]?, runtime: () throws -> OnnxRuntime
    ) throws {
        let (raw, data) = try Self.read(path)
        let found = ModelFile.format(of: data)
        if let expected, expected != found {
            throw CasemateError(
                .mismatch, at: path, "the file is declared as \(expected.name) and looks like \(found.name)",
                help: "correct `format`, or leave it out")
        }
        let overrides = ModelOverrides(classes: classes)
        let own = FileDigest.sha256(raw)
        switch found {
        case .tree:
            model = TreeServing(try TreeFileModel(TreeFile(data, path: path), overrides: overrides))
            sha256 = own
        case .onnx:
            let onnx = try OnnxServing(bytes: data, path: path, runtime: runtime, overrides: overrides)
            model = onnx
            guard !onnx.file.externalFiles.isEmpty else {
                sha256 = own
                return
            }
            var all = own
            for file in onnx.file.externalFiles { all += " " + (try FileDigest(of: file.path)).sha256 }
            sha256 = FileDigest.sha256(Data(all.utf8))
        }
    }

    /// The file's bytes, and the same expanded where they are gzip.
    private static func read(_ path: String) throws(CasemateError) -> (raw: Data, data: Data) {
        let limits = OnnxLimits()
        let raw = try bytes(path, limit: limits.fileBytes)
        guard raw.starts(with: [0x1F, 0x8B]) else { return (raw, raw) }
        let expanded = Data(try FileBytes.expanded(path, limit: limits.fileBytes))
        // why: a gzip file is read a second time while it is expanded; it must not have been replaced meanwhile.
        guard try bytes(path, limit: limits.fileBytes) == raw else {
            throw CasemateError(
                .unreadable, at: path, "changed while it was read", help: "move a finished file to its place")
        }
        return (raw, expanded)
    }

    private static func bytes(_ path: String, limit: Int) throws(CasemateError) -> Data {
        let (descriptor, size) = try FileBytes.open(path)
        let handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        defer { try? handle.close() }
        guard size <= limit else {
            throw CasemateError(
                .limitExceeded, at: path, "is \(size) bytes, \(limit) are the limit",
                help: "export the model with its weights in external data")
        }
        // why not mapped: a file that is written over would change behind the hash and the checks.
        var data = Data(capacity: size)
        do {
            while let block = try handle.read(upToCount: 4 << 20), !block.isEmpty {
                data += block
                guard data.count <= limit else { break }
            }
        } catch {
            throw CasemateError(.unreadable, at: path, "cannot be read", help: "check the file's permissions")
        }
        guard data.count == size else {
            throw CasemateError(
                .unreadable, at: path, "changed while it was read", help: "move a finished file to its place")
        }
        return data
    }
}
