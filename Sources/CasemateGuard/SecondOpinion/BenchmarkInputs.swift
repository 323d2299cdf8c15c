import CasemateCore
import CasemateData
import CasemateModels

/// How a request to the served model becomes one to the benchmark.
struct BenchmarkInputs: Sendable {
    /// One input of the benchmark, from the columns of the served model.
    private struct Port: Sendable {
        let port: ModelDescription.Port
        /// Features of the served model, in the order of the benchmark's.
        let features: [Int]
        /// The input of the served model that is the same; `nil` where it is made of columns.
        let same: Int?
    }
    private let ports: [Port]
    private let features: [Feature]
    private let benchmark: ModelDescription

    /// Finds for each column of the benchmark the feature of the served model.
    /// - Parameter columns: Names of the served model's features in the benchmark's order; empty looks by name, and takes
    ///   the same order where both have as many features.
    /// - Throws: `mismatch` naming what does not fit.
    init(
        from model: ModelDescription, to benchmark: ModelDescription, columns: [String], at place: String
    ) throws(CasemateError) {
        (features, self.benchmark) = (model.features, benchmark)
        if columns.isEmpty, let same = Self.samePorts(model, benchmark) {
            ports = same
            return
        }
        let chosen = try Self.columns(model, benchmark, columns, at: place)
        guard benchmark.layout == .columns || benchmark.inputs.count == 1 else {
            throw CasemateError(
                .mismatch, at: place, "the benchmark '\(benchmark.name)' takes inputs that are no columns",
                help: "use a model of one matrix, or of one input a column")
        }
        var ports: [Port] = []
        for (index, port) in benchmark.inputs.enumerated() {
            let own = benchmark.layout == .columns ? [chosen[index]] : chosen
            guard
                port.type != .string || own.allSatisfy({ model.features[$0].levels != nil }) || model.layout == .columns
            else {
                throw CasemateError(
                    .mismatch, at: place,
                    "the benchmark takes '\(port.name.prefix(60))' as text, the served model does not",
                    help: "export the benchmark with numbers, or name other `columns`")
            }
            let same =
                model.layout == .columns && benchmark.layout == .columns
                ? model.inputs.firstIndex { $0.name == model.features[chosen[index]].name && $0.type == port.type }
                : nil
            ports.append(Port(port: port, features: own, same: same))
        }
        self.ports = ports
    }

    /// Ports that are the same in both models, passed on as they are; `nil` where one differs.
    private static func samePorts(_ model: ModelDescription, _ benchmark: ModelDescription) -> [Port]? {
        guard model.inputs.count == benchmark.inputs.count, model.features.map(\.name) == benchmark.features.map(\.name)
        else { return nil }
        var ports: [Port] = []
        for (index, port) in benchmark.inputs.enumerated() {
            let isOnly = benchmark.inputs.count == 1
            guard let same = isOnly ? index : model.inputs.firstIndex(where: { $0.name == port.name }) else {
                return nil
            }
            let own = model.inputs[same]
            guard own.type == port.type, own.shape.count == port.shape.count,
                zip(own.shape, port.shape).dropFirst().allSatisfy({ $0 == $1 || $0 == nil || $1 == nil })
            else { return nil }
            ports.append(Port(port: port, features: [], same: same))
        }
        return ports
    }

    private static func columns(
        _ model: ModelDescription, _ benchmark: ModelDescription, _ columns: [String], at place: String
    ) throws(CasemateError) -> [Int] {
        let names = model.features.map(\.name)
        let count = benchmark.layout == .columns ? benchmark.inputs.count : benchmark.features.count
        let wanted = columns.isEmpty ? benchmark.features.map(\.name) : columns
        guard wanted.count == count, count > 0 else {
            throw CasemateError(
                .mismatch, at: place,
                "the benchmark '\(benchmark.name)' takes \(count) columns, \(wanted.count) are named",
                help: "name one feature of the served model for each, in the benchmark's order")
        }
        let found = wanted.map { names.firstIndex(of: $0) }
        let known = found.compactMap { $0 }
        if known.count == count { return known }
        // why: most files do not name the columns of a matrix, and then only their number can be compared.
        if columns.isEmpty, known.isEmpty, count == names.count { return Array(names.indices) }
        let missing = zip(wanted, found).first { $0.1 == nil }?.0 ?? ""
        throw CasemateError(
            .mismatch, at: place,
            "the served model has no feature '\(missing.prefix(60))'\(Suggestion.clause(for: missing, among: names))",
            help:
                "name the features that the benchmark takes, in its order: `columns: [\(names.prefix(3).joined(separator: ", ")), …]`"
        )
    }

    /// The request to the benchmark.
    /// - Throws: `mismatch` for a request whose columns cannot be read.
    func request(_ request: InferenceRequest) throws(CasemateError) -> InferenceRequest {
        var tensors: [NamedTensor] = []
        for port in ports {
            if let same = port.same, request.inputs.indices.contains(same) {
                let own = request.inputs[same]
                tensors.append(own.name == port.port.name ? own : NamedTensor(port.port.name, own.tensor))
            } else {
                guard let matrix = request.matrix, matrix.count == request.rows else {
                    throw CasemateError(
                        .mismatch, at: "second_opinion", "the request has no rows of columns",
                        help: "use a benchmark with the same inputs")
                }
                tensors.append(NamedTensor(port.port.name, tensor(port, matrix)))
            }
        }
        return InferenceRequest(inputs: tensors, rows: request.rows, model: benchmark)
    }

    private func tensor(_ port: Port, _ matrix: FeatureMatrix) -> Tensor {
        let width = matrix.features.count
        var values: [Float] = []
        values.reserveCapacity(matrix.count * port.features.count)
        for row in 0..<matrix.count {
            for feature in port.features { values.append(matrix.values[row * width + feature]) }
        }
        let axes = port.port.shape.dropFirst().compactMap { $0 }
        let isWhole = axes.count + 1 == port.port.shape.count && axes.reduce(1, *) == port.features.count
        let shape =
            port.port.shape.count == 1 ? [matrix.count] : [matrix.count] + (isWhole ? axes : [port.features.count])
        return Tensor(shape: shape, storage(values, port))
    }

    private func storage(_ values: [Float], _ port: Port) -> Tensor.Storage {
        // why clamping: what is no whole number of the type has passed the served model's own check already.
        func whole<Value: FixedWidthInteger>(_ type: Value.Type) -> [Value] {
            values.map { $0.isFinite ? Value(clamping: Int64(max(-9.2e18, min(9.2e18, Double($0))))) : 0 }
        }
        switch port.port.type {
        case .double: return .double(values.map(\.decimal))
        case .int8: return .int8(whole(Int8.self))
        case .int16: return .int16(whole(Int16.self))
        case .int32: return .int32(whole(Int32.self))
        case .int64: return .int64(whole(Int64.self))
        case .uint8: return .uint8(whole(UInt8.self))
        case .uint16: return .uint16(whole(UInt16.self))
        case .uint32: return .uint32(whole(UInt32.self))
        case .uint64: return .uint64(whole(UInt64.self))
        case .bool: return .bool(values.map { $0 != 0 && !$0.isNaN })
        case .string:
            return .string(
                values.enumerated().map { position, value in
                    let levels = features[port.features[position % port.features.count]].levels ?? []
                    let index = value.isFinite ? Int(exactly: value) ?? -1 : -1
                    return levels.indices.contains(index) ? levels[index] : ""
                })
        case .float, .float16, .bfloat16: return .float(values)
        }
    }
}
