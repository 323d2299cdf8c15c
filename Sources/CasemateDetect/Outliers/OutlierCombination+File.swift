import CasemateCore

extension OutlierCombination {
    func write(to writer: inout OutlierWriter) {
        for scale in scales {
            writer.put(scale.knots)
            writer.put(scale.quantiles)
            writer.put(scale.unit)
        }
        writer.put(weights)
        writer.put(areas)
        writer.put(novelty)
    }

    init(from reader: inout OutlierReader, parts: Int) throws(CasemateError) {
        var scales: [ScoreScale] = []
        for _ in 0..<parts {
            let knots = try reader.doubles(upTo: 64, "knots of a scale")
            let quantiles = try reader.doubles(upTo: 64, count: knots.count, "quantiles of a scale")
            let unit = try reader.double("the unit of a scale")
            guard !knots.isEmpty, unit > 0, zip(knots, knots.dropFirst()).allSatisfy({ $0 < $1 }) else {
                throw reader.malformed("a scale does not rise")
            }
            scales.append(ScoreScale(knots: knots, quantiles: quantiles, unit: unit))
        }
        let weights = try reader.doubles(upTo: 16, count: parts, "weights")
        let areas = try reader.doubles(upTo: 16, count: parts, "areas")
        let novelty = try reader.double("the weight of what is new")
        let isShare: (Double) -> Bool = { (0...1).contains($0) }
        guard weights.allSatisfy(isShare), areas.allSatisfy(isShare), (0...100).contains(novelty) else {
            throw reader.malformed("a weight makes no sense")
        }
        self.init(scales: scales, weights: weights, novelty: novelty, areas: areas)
    }
}

extension TailTable {
    func write(to writer: inout OutlierWriter) {
        switch self {
        case .counted(let scores, let unit):
            writer.put(UInt8(0))
            writer.put(scores)
            writer.put(unit)
        case .extrapolated(let centre, let unit):
            writer.put(UInt8(1))
            writer.put(centre)
            writer.put(unit)
        }
    }

    init(from reader: inout OutlierReader) throws(CasemateError) {
        switch try reader.byte() {
        case 0:
            let scores = try reader.doubles(upTo: 1_000_000, "scores of usual rows")
            let unit = try reader.double("the unit of a tail")
            guard !scores.isEmpty, unit > 0, zip(scores, scores.dropFirst()).allSatisfy({ $0 <= $1 }) else {
                throw reader.malformed("the scores of usual rows do not rise")
            }
            self = .counted(scores: scores, unit: unit)
        case 1:
            let (centre, unit) = (try reader.double("a centre"), try reader.double("the unit of a tail"))
            guard unit > 0 else { throw reader.malformed("the unit of a tail is not positive") }
            self = .extrapolated(centre: centre, unit: unit)
        default: throw reader.malformed("a tail is of an unknown kind")
        }
    }
}

extension OutlierSettings {
    private var wholes: [Int] {
        [trees, treeRows, neighbours, neighbourRows, fitRows, calibrationRows, width, steps, columns]
    }

    func write(to writer: inout OutlierWriter) {
        writer.put(rate)
        for number in wholes { writer.put(number) }
    }

    init(from reader: inout OutlierReader) throws(CasemateError) {
        self.init()
        rate = try reader.double("the set rate")
        var read: [Int] = []
        for _ in wholes { read.append(try reader.int(0...1 << 40, "a setting")) }
        (trees, treeRows, neighbours, neighbourRows) = (read[0], read[1], read[2], read[3])
        (fitRows, calibrationRows, width, steps, columns) = (read[4], read[5], read[6], read[7], read[8])
    }
}
