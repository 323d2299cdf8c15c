import CasemateCore
import CasemateData

extension OutlierSpace {
    /// Most columns, levels of a column, and bytes of a name.
    private static var columnLimit: Int { 1 << 17 }
    private static var levelLimit: Int { 1 << 16 }
    private static var nameLimit: Int { 1 << 16 }

    func write(to writer: inout OutlierWriter) {
        writer.put(count)
        writer.put(features.count)
        for (feature, column) in zip(features, columns) {
            writer.put(feature.name)
            writer.put(feature.levels != nil)
            if let levels = feature.levels {
                writer.put(levels.count)
                for level in levels { writer.put(level) }
            }
            column.write(to: &writer)
        }
        writer.put(used.map { Int32($0) })
    }

    init(from reader: inout OutlierReader) throws(CasemateError) {
        let count = try reader.int(1...1 << 40, "a number of rows")
        let total = try reader.int(1...Self.columnLimit, "the number of columns")
        var features: [Feature] = []
        var columns: [OutlierColumn] = []
        for _ in 0..<total {
            let name = try reader.text(upTo: Self.nameLimit, "the name of a column")
            var kind = Feature.Kind.numeric
            if try reader.bool() {
                var levels: [String] = []
                for _ in 0..<(try reader.int(0...Self.levelLimit, "the number of levels")) {
                    levels.append(try reader.text(upTo: Self.nameLimit, "the name of a level"))
                }
                kind = .categorical(levels: levels)
            }
            features.append(Feature(name, kind))
            columns.append(try OutlierColumn(from: &reader))
        }
        let used = try reader.wholes(upTo: total, in: 0...Int32(total - 1), "columns").map { Int($0) }
        guard zip(used, used.dropFirst()).allSatisfy({ $0 < $1 }) else {
            throw reader.malformed("columns are not in order")
        }
        let width = used.reduce(0) { $0 + columns[$1].width }
        guard (1...2_048).contains(width) else { throw reader.malformed("a row becomes \(width) numbers") }
        self.init(features: features, columns: columns, used: used, count: count)
    }
}

extension OutlierColumn {
    func write(to writer: inout OutlierWriter) {
        writer.put(mayBeMissing)
        for number in [low, high, unit, mean, deviation] { writer.put(Double(number)) }
        switch kind {
        case .constant(let value):
            writer.put(UInt8(0))
            writer.put(value.isNaN)
            writer.put(value.isNaN ? 0 : Double(value))
        case .number(let knots, let quantiles):
            writer.put(UInt8(1))
            writer.put(knots)
            writer.put(quantiles)
        case .levels(let own, let others):
            writer.put(UInt8(2))
            writer.put(own)
            writer.put(others)
        }
    }

    init(from reader: inout OutlierReader) throws(CasemateError) {
        let mayBeMissing = try reader.bool()
        var numbers: [Float] = []
        for _ in 0..<5 { numbers.append(Float(try reader.double("a moment"))) }
        guard numbers.allSatisfy(\.isFinite), numbers[2] > 0, numbers[4] > 0, numbers[0] <= numbers[1] else {
            throw reader.malformed("the moments of a column make no sense")
        }
        let kind: Kind
        switch try reader.byte() {
        case 0:
            let isMissing = try reader.bool()
            let value = Float(try reader.double("a value"))
            kind = .constant(isMissing ? .nan : value)
        case 1:
            let knots = try reader.floats(upTo: Self.knotLimit, "knots")
            let quantiles = try reader.floats(upTo: Self.knotLimit, count: knots.count, "quantiles")
            guard !knots.isEmpty, zip(knots, knots.dropFirst()).allSatisfy({ $0 < $1 }) else {
                throw reader.malformed("knots do not rise")
            }
            kind = .number(knots: knots, quantiles: quantiles)
        case 2:
            let own = try reader.wholes(upTo: Self.levelLimit, in: 0...1 << 24, "levels")
            kind = .levels(own: own, others: try reader.wholes(upTo: 1 << 16, in: 0...1 << 24, "levels"))
        default: throw reader.malformed("a column is of an unknown kind")
        }
        self.init(
            kind: kind, mayBeMissing: mayBeMissing, ends: (numbers[0], numbers[1], numbers[2]),
            moments: (numbers[3], numbers[4]))
    }
}
