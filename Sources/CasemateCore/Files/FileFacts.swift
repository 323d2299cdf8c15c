import Foundation

/// What the system says of a file, from one look at it.
package struct FileFacts: Hashable, Sendable {
    /// Whether it is a plain file: no folder, link, pipe or device.
    package let isPlainFile: Bool
    /// Whether it is a symbolic link (only where links are not followed).
    package let isLink: Bool
    /// Permission bits, such as `0o600`.
    package let permissions: UInt32
    /// Bytes.
    package let size: Int
    /// Device and number on it: together the file itself, whatever it is called.
    package let device: UInt64, number: UInt64
    /// Number of the user that owns it.
    package let owner: UInt32
    /// Last change of the content, in nanoseconds since 1970.
    package let modified: Int64

    /// Looks at a path; `nil` with `errno` set when there is nothing to look at.
    package init?(path: String, followsLinks: Bool = true) {
        var facts = stat()
        guard (followsLinks ? stat(path, &facts) : lstat(path, &facts)) == 0 else { return nil }
        self.init(facts)
    }
    /// Looks at an open file; `nil` with `errno` set when the descriptor is none.
    package init?(descriptor: Int32) {
        var facts = stat()
        guard fstat(descriptor, &facts) == 0 else { return nil }
        self.init(facts)
    }

    private init(_ facts: stat) {
        isPlainFile = facts.st_mode & S_IFMT == S_IFREG
        isLink = facts.st_mode & S_IFMT == S_IFLNK
        permissions = UInt32(facts.st_mode) & 0o7777
        size = Int(facts.st_size)
        device = UInt64(facts.st_dev)
        number = UInt64(facts.st_ino)
        owner = UInt32(facts.st_uid)
        modified = Int64(facts.st_mtim.tv_sec) &* 1_000_000_000 &+ Int64(facts.st_mtim.tv_nsec)
    }
}
