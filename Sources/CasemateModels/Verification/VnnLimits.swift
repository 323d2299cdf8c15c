/// Bounds on a property file; what exceeds one is refused before it costs memory or time.
public struct VnnLimits: Hashable, Sendable {
    /// Largest file in bytes, expanded.
    public var fileBytes = 1 << 30
    /// Most inputs, and most outputs.
    public var variables = 1 << 22
    /// Deepest nesting of brackets.
    public var depth = 256
    /// Most cases of the disjunctive normal form.
    public var cases = 1 << 18
    /// Most linear inequalities in all cases together.
    public var inequalities = 1 << 23
    /// Most bounds in input boxes that differ, in all cases together; each takes eight bytes.
    public var bounds = 1 << 27
    /// Makes the default bounds.
    public init() {}
}
