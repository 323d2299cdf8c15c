import Foundation

/// Paths as a configuration writes them: relative to its own folder, where that finds the same file.
struct StarterPaths {
    /// Folder of the configuration with a slash at its end; empty for the working folder.
    let folder: String

    /// - Parameter file: Path of the configuration.
    init(file: String) {
        folder = file.lastIndex(of: "/").map { String(file[...$0]) } ?? ""
    }

    /// The path to be written for a file that was named as `path`.
    func written(_ path: String) -> String {
        let isAbsolute = path.hasPrefix("/")
        if folder.isEmpty, !isAbsolute { return path }
        let base = parts(absolute(folder)), target = parts(absolute(path))
        let common = zip(base, target).prefix { $0 == $1 }.count
        let isInside = common == base.count
        guard isInside || !isAbsolute else { return path }
        let relative = (Array(repeating: "..", count: base.count - common) + target.dropFirst(common)).joined(
            separator: "/")
        // why: `..` behind a linked folder leads elsewhere, and then only the whole path is sure.
        return FileManager.default.fileExists(atPath: folder + relative) ? relative : absolute(path)
    }

    private func absolute(_ path: String) -> String {
        path.hasPrefix("/") ? path : FileManager.default.currentDirectoryPath + "/" + path
    }
    private func parts(_ path: String) -> [Substring] {
        path.split(separator: "/").reduce(into: []) { parts, part in
            if part == ".." { _ = parts.popLast() } else if part != "." { parts.append(part) }
        }
    }
}
