import CasemateData

/// One sample that an attacker puts into training data: a row of it changed in place, or one more at the end.
public struct Plant: Hashable, Sendable {
    /// What the sample is.
    public enum Content: Hashable, Sendable {
        /// What it was: only the label changes.
        case unchanged
        /// Numbers of a row or picture.
        case values([Float])
        /// A text.
        case text(PoisoningText)
    }
    /// The row that is changed; `nil` for one more.
    public let row: Int?
    /// What the sample is.
    public let content: Content
    /// The label that it carries.
    public let label: Int32
    /// The round of retraining before which it came, from 0.
    public let round: Int
    /// Makes a plant.
    public init(row: Int?, _ content: Content, label: Int32, round: Int = 0) {
        (self.row, self.content, self.label, self.round) = (row, content, label, round)
    }
}

extension PoisoningData {
    /// The data with plants in them: changed rows in their places, the others at the end in their order.
    public func planted(_ plants: [Plant]) -> PoisoningData {
        var labels = labels
        switch content {
        case .table(var matrix):
            matrix.values = Self.numbers(matrix.values, width: width, plants)
            Self.relabel(&labels, plants)
            return PoisoningData(.table(matrix), labels: labels)
        case .pictures(let values, let shape):
            Self.relabel(&labels, plants)
            return PoisoningData(.pictures(Self.numbers(values, width: width, plants), shape), labels: labels)
        case .texts(var texts):
            for plant in plants {
                guard case .text(let text) = plant.content else { continue }
                if let row = plant.row { texts[row] = text } else { texts.append(text) }
            }
            Self.relabel(&labels, plants)
            return PoisoningData(.texts(texts), labels: labels)
        }
    }

    private static func relabel(_ labels: inout [Int32], _ plants: [Plant]) {
        for plant in plants {
            if let row = plant.row { labels[row] = plant.label } else { labels.append(plant.label) }
        }
    }

    private static func numbers(_ all: [Float], width: Int, _ plants: [Plant]) -> [Float] {
        var values = all
        for plant in plants {
            guard case .values(let own) = plant.content else { continue }
            precondition(own.count == width, "a plant of \(own.count) values in rows of \(width)")
            if let row = plant.row {
                values.replaceSubrange(row * width..<(row + 1) * width, with: own)
            } else {
                values += own
            }
        }
        return values
    }

    /// Rows of other data that are not what they are here, by label or content, bit for bit; rows beyond these count.
    /// The one way in which plants are counted: by what the victim is really given.
    public func changes(in other: PoisoningData) -> [Int] {
        precondition(other.width == width && other.count >= count, "the data do not grow out of these")
        let (one, two) = (values, other.values)
        let (texts, others) = (texts, other.texts)
        let changed = (0..<count).filter { row in
            if labels[row] != other.labels[row] { return true }
            if medium == .texts { return texts[row].text != others[row].text }
            return one.withUnsafeBufferPointer { one in
                two.withUnsafeBufferPointer { two in
                    (row * width..<(row + 1) * width).contains { one[$0].bitPattern != two[$0].bitPattern }
                }
            }
        }
        return changed + Array(count..<other.count)
    }
}
