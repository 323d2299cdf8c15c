/// Bounds on a model file; what exceeds one is refused before it costs memory or time.
public struct OnnxLimits: Hashable, Sendable {
    /// Largest file in bytes; a protobuf message cannot be larger than 2 GiB.
    public var fileBytes = 1 << 31
    /// Largest memory in bytes that the decoded messages may take, by a generous estimate; 256 MiB and eight times the
    /// file are never exceeded.
    public var decodedBytes = 4 << 30
    /// Deepest nesting of protobuf messages.
    public var messageDepth = 100
    /// Deepest nesting of graphs inside nodes (`If`, `Loop`, `Scan`).
    public var graphDepth = 16
    /// Most nodes, with the functions' nodes counted at every call.
    public var nodes = 1_000_000
    /// Longest name in bytes.
    public var nameBytes = 4_096
    /// Most axes of a tensor.
    public var axes = 64
    /// Largest tensor in bytes that the file states, in its constants or as the shape of a filled constant.
    public var tensorBytes = 16 << 30
    /// Makes the default bounds.
    public init() {}
}
