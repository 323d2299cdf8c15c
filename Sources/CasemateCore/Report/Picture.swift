public import Foundation

/// A raster image in a report, such as inputs before and after an attack; always personal data, so `--redact` drops it.
public struct Picture: Hashable, Sendable, Codable {
    /// Stable name, `probe.what`.
    public let id: String
    /// Heading.
    public let title: String
    /// What is seen, for those who cannot see it.
    public let summary: String
    /// Size in pixels.
    public let width: Int, height: Int
    /// The content of a PNG file.
    public let png: Data
    /// Makes a picture.
    public init(id: String, title: String, summary: String, width: Int, height: Int, png: Data) {
        (self.id, self.title, self.summary) = (id, title, summary)
        (self.width, self.height, self.png) = (width, height, png)
    }
}
