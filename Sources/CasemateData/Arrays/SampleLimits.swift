/// Bounds on files of samples; what exceeds one is refused before it costs memory or time.
public struct SampleLimits: Hashable, Sendable {
    /// Largest file in bytes, and the most that a compressed one or a member of an archive may expand to.
    public var fileBytes = 4 << 30
    /// Most values of all samples together; each takes four bytes.
    public var values = 1 << 30
    /// Most samples, and most images of a folder.
    public var samples = 1 << 24
    /// Most members of an archive.
    public var members = 4_096
    /// Most pixels of one image.
    public var pixels = 1 << 24
    /// Most classes, one sub-folder each.
    public var classes = 65_536
    /// Makes the default bounds.
    public init() {}
}
