import CasemateCore
import CasemateData
import Foundation

/// Inputs before and after an attack and the difference between them, side by side, one sample a row.
struct PictureSheet {
    /// Axes of an image.
    struct Format: Hashable {
        let channels: Int, height: Int, width: Int
        /// Whether channels come last.
        let isChannelsLast: Bool

        /// The format of samples with these axes; `nil` where they are no image.
        init?(_ shape: [Int]) {
            let axes = shape.count == 2 ? [1] + shape : shape
            guard axes.count == 3 else { return nil }
            if axes[0] == 1 || axes[0] == 3 {
                (channels, height, width, isChannelsLast) = (axes[0], axes[1], axes[2], false)
            } else if axes[2] == 1 || axes[2] == 3 {
                (channels, height, width, isChannelsLast) = (axes[2], axes[0], axes[1], true)
            } else {
                return nil
            }
            guard height >= 4, width >= 4, height <= 512, width <= 512 else { return nil }
        }

        /// The place of a value in a sample.
        func place(_ channel: Int, _ y: Int, _ x: Int) -> Int {
            isChannelsLast ? (y * width + x) * channels + channel : (channel * height + y) * width + x
        }
    }
    let format: Format
    /// The values that are drawn black and white.
    let bounds: ClosedRange<Float>

    private var zoom: Int { max(1, 96 / max(format.height, format.width)) }
    private let gap = 6

    /// Draws the sheet; the difference is grey where nothing changed, and stretched to the largest change.
    func picture(_ pairs: [(before: [Float], after: [Float])], id: String, title: String, summary: String) throws
        -> Picture
    {
        let (cellWidth, cellHeight) = (format.width * zoom, format.height * zoom)
        let width = 3 * cellWidth + 4 * gap
        let height = pairs.count * (cellHeight + gap) + gap
        var pixels = [UInt8](repeating: 255, count: width * height * 3)
        for (row, pair) in pairs.enumerated() {
            let top = gap + row * (cellHeight + gap)
            let changes = zip(pair.after, pair.before).map { $0 - $1 }
            let largest = max(changes.map { abs($0) }.max() ?? 0, .leastNormalMagnitude)
            draw(pair.before, { self.grey($0) }, at: (gap, top), in: &pixels, width: width)
            draw(pair.after, { self.grey($0) }, at: (2 * gap + cellWidth, top), in: &pixels, width: width)
            draw(
                changes, { Self.byte(0.5 + $0 / largest / 2) }, at: (3 * gap + 2 * cellWidth, top), in: &pixels,
                width: width)
        }
        let png = try PngWriter.bytes(pixels, width: width, height: height, channels: 3)
        return Picture(id: id, title: title, summary: summary, width: width, height: height, png: png)
    }

    private func grey(_ value: Float) -> UInt8 {
        Self.byte((value - bounds.lowerBound) / max(bounds.upperBound - bounds.lowerBound, .leastNormalMagnitude))
    }

    private static func byte(_ share: Float) -> UInt8 {
        share.isFinite ? UInt8(min(max(share, 0), 1) * 255) : 0
    }

    private func draw(
        _ values: [Float], _ shade: (Float) -> UInt8, at corner: (x: Int, y: Int), in pixels: inout [UInt8], width: Int
    ) {
        for y in 0..<format.height * zoom {
            for x in 0..<format.width * zoom {
                let target = ((corner.y + y) * width + corner.x + x) * 3
                for colour in 0..<3 {
                    let channel = format.channels == 3 ? colour : 0
                    pixels[target + colour] = shade(values[format.place(channel, y / zoom, x / zoom)])
                }
            }
        }
    }
}
