extension String {
    /// At most so many characters, with an ellipsis for the rest: names of columns and classes come from files.
    package func clipped(to count: Int = 60) -> String { self.count <= count ? self : prefix(count) + "…" }
}
