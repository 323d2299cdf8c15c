/// Samples as models take them, with the labels that came with them: images, signals or rows of numbers.
public struct SampleSet: Sendable {
    /// The types in which files hold numbers.
    public enum Element: String, Hashable, Sendable, CaseIterable {
        case bool, int8, int16, int32, int64, uint8, uint16, uint32, uint64, float16, float32, float64
    }

    /// Number of samples.
    public let count: Int
    /// Axes of one sample, without the axis of samples.
    public let shape: [Int]
    /// The values, `[count] + shape` row-major, as stored: integers are widened, nothing is scaled. 64-bit numbers are
    /// rounded to float32.
    public var values: [Float]
    /// How the file stores the values.
    public let element: Element
    /// The class of each sample, an index; `nil` when the file names none.
    public var labels: [Int32]?
    /// Names of the classes, in the order of the labels; `nil` when the labels are numbers alone.
    public var classNames: [String]?
    /// What each sample is called, such as the path of its image; `nil` when only its position tells.
    public var identifiers: [String]?
    /// Where all this came from, for reports: files, arrays, positions.
    public let source: String
    /// What is unusual and no error, a clause each.
    public var warnings: [String]

    /// Makes a set; `values` must hold `count` samples of `shape`, and labels and identifiers one entry a sample.
    public init(
        count: Int, shape: [Int], values: [Float], element: Element = .float32, labels: [Int32]? = nil,
        classNames: [String]? = nil, identifiers: [String]? = nil, source: String = "", warnings: [String] = []
    ) {
        let size = shape.reduce(1, *)
        precondition(values.count == count * size, "\(values.count) values are not \(count) samples of \(shape)")
        precondition(labels.map { $0.count == count } ?? true, "\(labels?.count ?? 0) labels for \(count) samples")
        precondition(identifiers.map { $0.count == count } ?? true, "as many identifiers as samples are needed")
        (self.count, self.shape, self.values, self.element) = (count, shape, values, element)
        (self.labels, self.classNames, self.identifiers) = (labels, classNames, identifiers)
        (self.source, self.warnings) = (source, warnings)
    }

    /// Number of values of one sample.
    public var size: Int { shape.reduce(1, *) }

    /// The smallest and largest finite value; `nil` when there is none.
    public var range: ClosedRange<Float>? {
        var (low, high) = (Float.infinity, -Float.infinity)
        values.withUnsafeBufferPointer { buffer in
            for value in buffer where value.isFinite {
                low = min(low, value)
                high = max(high, value)
            }
        }
        return low <= high ? low...high : nil
    }

    /// Number of values that are NaN or infinite.
    public var nonFiniteCount: Int {
        values.withUnsafeBufferPointer { $0.reduce(into: 0) { total, value in total += value.isFinite ? 0 : 1 } }
    }

    /// The samples with the given indices, in that order; every index must be one of a sample.
    public func samples(_ indices: some Collection<Int>) -> SampleSet {
        let size = size
        let picked = [Float](unsafeUninitializedCapacity: indices.count * size) { target, done in
            values.withUnsafeBufferPointer { all in
                for index in indices {
                    precondition(index >= 0 && index < count, "sample \(index) of \(count)")
                    for place in 0..<size { target.initializeElement(at: done + place, to: all[index * size + place]) }
                    done += size
                }
            }
        }
        return SampleSet(
            count: indices.count, shape: shape, values: picked, element: element,
            labels: labels.map { all in indices.map { all[$0] } }, classNames: classNames,
            identifiers: identifiers.map { all in indices.map { all[$0] } }, source: source, warnings: warnings)
    }
}
