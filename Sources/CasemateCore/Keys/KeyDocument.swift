import Foundation

/// A key file, bounded and taken apart: the DER inside and the label that PEM gives it.
struct KeyDocument: Hashable, Sendable {
    /// Label of the PEM block, such as `PRIVATE KEY`; `nil` for a file of bare DER.
    let label: String?
    /// The bytes inside.
    let der: [UInt8]
    /// The most that a key file may hold, in bytes.
    static let limit = 1 << 16

    /// Reads a regular file.
    /// - Parameter isSecret: Refuse a file that anybody but its owner can read or write.
    /// - Throws: `notFound`, `unreadable`, `limitExceeded`, `refused`, `malformed`.
    init(contentsOf path: String, isSecret: Bool) throws(CasemateError) {
        try self.init(Self.read(path, isSecret: isSecret), at: path)
    }

    /// Takes a document apart: PEM with one block that counts, or bare DER.
    init(_ bytes: [UInt8], at place: String) throws(CasemateError) {
        if bytes.first == 0x30 {
            (label, der) = (nil, bytes)
            return
        }
        guard let text = String(validating: bytes, as: UTF8.self) else { throw Self.noKey(place) }
        var blocks: [(label: String, body: String)] = []
        var open: (label: String, body: String)?
        for line in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline) {
            let line = line.trimmingCharacters(in: .whitespaces)
            if let label = Self.label(line, "BEGIN") {
                guard open == nil else { throw Self.noKey(place) }
                open = (label, "")
            } else if let label = Self.label(line, "END") {
                guard let block = open, block.label == label else { throw Self.noKey(place) }
                blocks.append(block)
                open = nil
            } else {
                open?.body += line
            }
        }
        // why: `openssl ecparam -genkey` writes the curve as a block of its own before the key.
        let keys = blocks.filter { $0.label != "EC PARAMETERS" }
        guard open == nil, let key = keys.first else { throw Self.noKey(place) }
        guard keys.count == 1 else {
            throw CasemateError(.malformed, at: place, "holds \(keys.count) PEM blocks", help: "keep one key a file")
        }
        guard let content = Data(base64Encoded: key.body), !content.isEmpty else {
            throw CasemateError(
                .malformed, at: place, "the PEM block is no base64", help: "write the key again with `openssl pkey`")
        }
        (label, der) = (key.label, [UInt8](content))
    }

    /// A PEM block with lines of 64 characters. Source: RFC 7468.
    static func pem(_ label: String, _ der: [UInt8]) -> String {
        let body = Data(der).base64EncodedString()
        var lines: [Substring] = []
        var rest = body[...]
        while !rest.isEmpty {
            lines.append(rest.prefix(64))
            rest = rest.dropFirst(64)
        }
        return "-----BEGIN \(label)-----\n" + lines.joined(separator: "\n") + "\n-----END \(label)-----\n"
    }

    private static func label(_ line: String, _ word: String) -> String? {
        let start = "-----\(word) ", end = "-----"
        guard line.hasPrefix(start), line.hasSuffix(end), line.count >= start.count + end.count else { return nil }
        return String(line.dropFirst(start.count).dropLast(end.count))
    }

    private static func noKey(_ place: String) -> CasemateError {
        CasemateError(
            .malformed, at: place, "is no key in PEM or DER",
            help: "make one with `casemate keygen --output NAME`, or `openssl genpkey -algorithm ed25519`")
    }

    private static func read(_ path: String, isSecret: Bool) throws(CasemateError) -> [UInt8] {
        // why non-blocking: a pipe of that name must not be waited for.
        let descriptor = path.utf8.contains(0) ? -1 : open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else {
            let isMissing = errno == ENOENT || path.utf8.contains(0)
            throw CasemateError(
                isMissing ? .notFound : .unreadable, at: path,
                isMissing ? "no such file" : "cannot be opened for reading",
                help: isMissing ? "check the path and the working folder" : "name a readable file")
        }
        defer { close(descriptor) }
        var facts = stat()
        guard fstat(descriptor, &facts) == 0, facts.st_mode & S_IFMT == S_IFREG else {
            throw CasemateError(.unreadable, at: path, "is not a regular file", help: "name a key file")
        }
        if isSecret, facts.st_mode & 0o077 != 0 {
            let mode = String(facts.st_mode & 0o777, radix: 8)
            throw CasemateError(
                .refused, at: path, "others than its owner can use this private key (mode \(mode))",
                help: "chmod 600 \(path), and make a new key if anybody may have read it")
        }
        guard facts.st_size <= off_t(limit) else {
            throw CasemateError(.limitExceeded, at: path, "is larger than \(limit) bytes", help: "name a key file")
        }
        var bytes = [UInt8](repeating: 0, count: limit + 1), filled = 0
        while filled < bytes.count {
            let got = bytes.withUnsafeMutableBytes { buffer -> Int in
                pread(descriptor, buffer.baseAddress.map { $0 + filled }, buffer.count - filled, off_t(filled))
            }
            if got < 0, errno == EINTR { continue }
            guard got >= 0, filled + got <= limit else {
                throw CasemateError(.unreadable, at: path, "reading stopped", help: "check the disk")
            }
            if got == 0 { break }
            filled += got
        }
        return Array(bytes.prefix(filled))
    }
}
