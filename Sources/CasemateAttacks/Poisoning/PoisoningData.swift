public import CasemateData
import CasemateModels

/// What training data consist of.
public enum PoisoningMedium: String, Hashable, Sendable, CaseIterable { case table, texts, pictures }

/// A text with its words, taken apart once.
public struct PoisoningText: Hashable, Sendable {
    /// The text.
    public let text: String
    /// Its words as `TextTokens` has them.
    public let words: [String]
    /// Takes a text apart.
    public init(_ text: String) { self.init(text, words: TextTokens.words(text)) }
    /// A text whose words are known already.
    init(_ text: String, words: [String]) { (self.text, self.words) = (text, words) }
}

/// Axes of pictures, and the values that are black and white.
public struct PictureShape: Hashable, Sendable {
    /// Channels, and pixels down and across.
    public let channels: Int, height: Int, width: Int
    /// Whether the channels of a pixel lie side by side.
    public let isChannelsLast: Bool
    /// Smallest and largest value.
    public let low: Float, high: Float
    /// Values of one picture.
    public var size: Int { channels * height * width }

    /// The shape of samples with these axes; `nil` where they are no picture of one or three channels.
    public init?(axes: [Int], low: Float, high: Float) {
        let axes = axes.count == 2 ? [1] + axes : axes
        guard axes.count == 3, axes.allSatisfy({ $0 > 0 }), low < high else { return nil }
        if axes[0] == 1 || axes[0] == 3 {
            (channels, height, width, isChannelsLast) = (axes[0], axes[1], axes[2], false)
        } else if axes[2] == 1 || axes[2] == 3 {
            (channels, height, width, isChannelsLast) = (axes[2], axes[0], axes[1], true)
        } else {
            return nil
        }
        (self.low, self.high) = (low, high)
    }

    /// The place of a value in a picture.
    public func place(channel: Int, y: Int, x: Int) -> Int {
        isChannelsLast ? (y * width + x) * channels + channel : (channel * height + y) * width + x
    }
}

/// Labelled samples of one kind: what a victim learns from, or is judged by.
public struct PoisoningData: Hashable, Sendable {
    /// The samples.
    public enum Content: Hashable, Sendable {
        /// Rows over features.
        case table(FeatureMatrix)
        /// Texts.
        case texts([PoisoningText])
        /// Values of pictures, one after the other, and their axes.
        case pictures([Float], PictureShape)
    }
    /// The samples.
    public private(set) var content: Content
    /// Class of each sample.
    public private(set) var labels: [Int32]
    /// Number of samples.
    public var count: Int { labels.count }

    /// Makes data; there must be one label a sample.
    public init(_ content: Content, labels: [Int32]) {
        (self.content, self.labels) = (content, labels)
        switch content {
        case .table(let matrix):
            precondition(matrix.count == labels.count, "\(labels.count) labels for \(matrix.count) rows")
        case .texts(let texts):
            precondition(texts.count == labels.count, "\(labels.count) labels for \(texts.count) texts")
        case .pictures(let values, let shape):
            precondition(values.count == labels.count * shape.size, "\(labels.count) labels do not fit the pictures")
        }
    }

    /// What the samples are.
    public var medium: PoisoningMedium {
        switch content {
        case .table: .table
        case .texts: .texts
        case .pictures: .pictures
        }
    }

    /// Features of a table; none for other samples.
    public var features: [Feature] { if case .table(let matrix) = content { matrix.features } else { [] } }
    /// Axes of pictures; `nil` for other samples.
    public var picture: PictureShape? { if case .pictures(_, let shape) = content { shape } else { nil } }
    /// The texts; none for other samples.
    public var texts: [PoisoningText] { if case .texts(let texts) = content { texts } else { [] } }
    /// Numbers of a sample; 0 for texts.
    public var width: Int {
        switch content {
        case .table(let matrix): matrix.features.count
        case .texts: 0
        case .pictures(_, let shape): shape.size
        }
    }
    /// All numbers, sample by sample; none for texts.
    public var values: [Float] {
        switch content {
        case .table(let matrix): matrix.values
        case .texts: []
        case .pictures(let values, _): values
        }
    }
    /// Numbers of one sample; empty for a text.
    public func row(_ index: Int) -> [Float] {
        let width = width
        switch content {
        case .table(let matrix): return Array(matrix.values[index * width..<(index + 1) * width])
        case .texts: return []
        case .pictures(let values, _): return Array(values[index * width..<(index + 1) * width])
        }
    }

    /// The samples with these indices, in that order.
    public func rows(_ indices: [Int]) -> PoisoningData {
        let labels = indices.map { self.labels[$0] }
        switch content {
        case .table(let matrix): return PoisoningData(.table(matrix.rows(indices)), labels: labels)
        case .texts(let texts): return PoisoningData(.texts(indices.map { texts[$0] }), labels: labels)
        case .pictures(let values, let shape):
            let picked = indices.flatMap { values[$0 * shape.size..<($0 + 1) * shape.size] }
            return PoisoningData(.pictures(picked, shape), labels: labels)
        }
    }

    /// The same samples with other contents, one a sample; the labels stay.
    func replacing(_ contents: [Plant.Content]) -> PoisoningData {
        planted(contents.enumerated().map { Plant(row: $0, $1, label: labels[$0]) })
    }
}
