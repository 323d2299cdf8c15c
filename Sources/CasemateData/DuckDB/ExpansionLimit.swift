import CasemateCore

/// How far a gzip file may expand: a small file of any ratio is fine, a large one must look like data.
package struct ExpansionLimit: Hashable, Sendable {
    /// Bytes that any file may expand to.
    package var free = 1 << 30
    /// Times its own size that a file may expand to beyond that.
    package var ratio = 200
    /// The most of all.
    package var most = 1 << 38

    /// Makes a limit.
    package init(free: Int = 1 << 30, ratio: Int = 200) { (self.free, self.ratio) = (free, ratio) }

    /// Bytes that a file of this size may expand to.
    package func bytes(compressed: Int) -> Int {
        let (scaled, overflow) = compressed.multipliedReportingOverflow(by: ratio)
        return min(most, max(free, overflow ? .max : scaled))
    }

    /// Expands a file once and throws where it breaks the limit.
    package func check(_ path: String) throws { _ = try RawFile(path, expansion: self, cancellation: nil) }
}
