extension Evidence {
    private enum Kind: String, Codable { case text, metric, table, change, location, trigger, source, segment }
    private enum CodingKeys: String, CodingKey { case kind, text, metric, table, change, location }

    /// Reads `{"kind": "metric", "metric": {…}}`.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        switch try container.decode(Kind.self, forKey: .kind) {
        case .text: self = .text(try container.decode(String.self, forKey: .text))
        case .metric: self = .metric(try container.decode(Metric.self, forKey: .metric))
        case .table: self = .table(try container.decode(EvidenceTable.self, forKey: .table))
        case .change: self = .change(try container.decode(RowChange.self, forKey: .change))
        case .location: self = .location(try container.decode(FileLocation.self, forKey: .location))
        case .trigger, .source, .segment: self = .pattern(try DataPattern(from: decoder))
        }
    }

    /// Writes the kind and one member of the same name; the members of a pattern stand beside its kind.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        switch self {
        case .text(let text):
            try container.encode(Kind.text, forKey: .kind)
            try container.encode(text, forKey: .text)
        case .metric(let metric):
            try container.encode(Kind.metric, forKey: .kind)
            try container.encode(metric, forKey: .metric)
        case .table(let table):
            try container.encode(Kind.table, forKey: .kind)
            try container.encode(table, forKey: .table)
        case .change(let change):
            try container.encode(Kind.change, forKey: .kind)
            try container.encode(change, forKey: .change)
        case .location(let place):
            try container.encode(Kind.location, forKey: .kind)
            try container.encode(place, forKey: .location)
        case .pattern(let pattern):
            try container.encode(Kind(rawValue: pattern.kind.rawValue), forKey: .kind)
            try pattern.encode(to: encoder)
        }
    }
}
