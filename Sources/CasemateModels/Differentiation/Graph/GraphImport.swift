package import CasemateCore
import Foundation

/// Turns a checked file into a `WorkGraph`.
package struct GraphImport {
    private let file: OnnxFile
    private var graph: WorkGraph
    private let functions: [String: OnnxFunctionProto]
    private let folder: String

    /// Reads the graph of a checked file that still holds its decoded form.
    /// - Throws: `unsupported` for control flow and constants of types that no gradient goes through.
    package static func graph(of file: OnnxFile) throws(CasemateError) -> WorkGraph {
        var work = GraphImport(file)
        try work.run()
        return work.graph
    }

    private init(_ file: OnnxFile) {
        self.file = file
        graph = WorkGraph(path: file.path)
        folder = URL(fileURLWithPath: file.path).resolvingSymlinksInPath().deletingLastPathComponent().path
        functions = Dictionary(
            file.proto.functions.map { (OnnxOperators.canonical($0.domain) + "." + $0.name, $0) },
            uniquingKeysWith: { first, _ in first })
    }

    private mutating func run() throws(CasemateError) {
        let proto = file.proto
        for opset in proto.opsetImport {
            graph.opsets[OnnxOperators.canonical(opset.domain)] = Int(clamping: opset.version)
        }
        for tensor in proto.graph.initializer { try addConstant(tensor) }
        for sparse in proto.graph.sparseInitializer {
            throw unsupported("constant '\(OnnxLook.printable(sparse.values.name))' is sparse", "store it densely")
        }
        for input in proto.graph.input where graph.constants[input.name] == nil {
            guard case .tensorType(let type) = input.type.value else {
                throw unsupported(
                    "input '\(OnnxLook.printable(input.name))' is \(OnnxType(input.type))", "use a model of arrays")
            }
            let axes = type.hasShape ? type.shape.dim.map { $0.dimValue > 0 ? Int($0.dimValue) : nil } : [nil]
            graph.inputs.append(WorkGraph.Input(name: input.name, element: type.elemType, axes: axes))
        }
        try place(proto.graph.node, renaming: nil, depth: 0)
        var seen: Set<String> = []
        graph.outputs = proto.graph.output.map(\.name).filter { seen.insert($0).inserted }
        for version in graph.opsets where functions.keys.contains(where: { $0.hasPrefix(version.key + ".") }) {
            if !OnnxOperators.engineDomains.contains(version.key) { graph.opsets[version.key] = nil }
        }
        for node in graph.nodes { try checkOperands(node) }
        sort()
    }

    /// Refuses what would end the process inside the engine: operands left out of operators that take any number of
    /// them, and whole numbers divided by a constant 0.
    private func checkOperands(_ node: OnnxNodeProto) throws(CasemateError) {
        switch node.opType {
        case "Sum", "Mean", "Min", "Max", "Concat", "Einsum":
            guard node.input.contains("") else { return }
            throw CasemateError(
                .malformed, at: "\(file.path): node \(OnnxGraphCheck.label(node))", "\(node.opType) lacks an operand",
                help: "export the model again")
        case "Div", "Mod":
            guard let divisor = node.given(1).flatMap({ graph.constants[$0] })?.wholes else { return }
            let overflows =
                divisor.contains(-1)
                && node.given(0).flatMap { graph.constants[$0] }?.wholes?.contains { $0 <= Int64(Int32.min) } ?? false
            guard divisor.contains(0) || overflows else { return }
            throw CasemateError(
                .malformed, at: "\(file.path): node \(OnnxGraphCheck.label(node))",
                "\(node.opType) divides whole numbers by 0, or past their range", help: "export the model again")
        default: return
        }
    }

    /// Adds nodes, with functions replaced by their bodies; `renaming` maps a body's names to the caller's.
    private mutating func place(
        _ nodes: [OnnxNodeProto],
        renaming: (prefix: String, names: [String: String], given: [String: OnnxAttributeProto])?,
        depth: Int
    ) throws(CasemateError) {
        func name(_ inner: String) -> String {
            guard let renaming, !inner.isEmpty else { return inner }
            return renaming.names[inner] ?? renaming.prefix + inner
        }
        for node in nodes {
            var node = node
            node.domain = OnnxOperators.canonical(node.domain)
            node.input = node.input.map(name)
            node.output = node.output.map(name)
            if let renaming { resolve(&node, renaming.given, renaming.prefix) }
            if let body = functions[node.domain + "." + node.opType], depth < 64 {
                try inline(body, at: node, depth: depth)
                continue
            }
            if node.attribute.contains(where: { $0.hasG || !$0.graphs.isEmpty }) {
                throw unsupported(
                    "node \(OnnxGraphCheck.label(node)) (\(node.opType)) holds a graph of its own: control flow has no "
                        + "gradient here", "export the model with control flow unrolled; black-box attacks still work")
            }
            if node.opType == "Constant", node.domain.isEmpty {
                try addConstant(node)
            } else {
                graph.nodes.append(node)
            }
        }
    }

    /// Puts the attributes of a call in place of those that a function's node refers to.
    private func resolve(_ node: inout OnnxNodeProto, _ given: [String: OnnxAttributeProto], _ prefix: String) {
        node.attribute = node.attribute.compactMap { attribute in
            guard !attribute.refAttrName.isEmpty else { return attribute }
            guard var value = given[attribute.refAttrName] else { return nil }
            value.name = attribute.name
            return value
        }
        node.name = prefix + node.name
    }

    private mutating func inline(_ body: OnnxFunctionProto, at node: OnnxNodeProto, depth: Int) throws(CasemateError) {
        let prefix = graph.freshName("function") + "/"
        var names: [String: String] = [:]
        for (index, input) in body.input.enumerated() {
            names[input] = index < node.input.count ? node.input[index] : ""
        }
        for (inner, outer) in zip(body.output, node.output) where !outer.isEmpty { names[inner] = outer }
        var given = Dictionary(body.attributeProto.map { ($0.name, $0) }) { first, _ in first }
        for attribute in node.attribute { given[attribute.name] = attribute }
        try checkVersion(body)
        for opset in body.opsetImport where graph.opsets[OnnxOperators.canonical(opset.domain)] == nil {
            graph.opsets[OnnxOperators.canonical(opset.domain)] = Int(clamping: opset.version)
        }
        // why: an output of the body that is also its input would be made by nobody.
        for (inner, outer) in zip(body.output, node.output) where body.input.contains(inner) && !outer.isEmpty {
            let source = body.input.firstIndex(of: inner).map { $0 < node.input.count ? node.input[$0] : "" } ?? ""
            graph.nodes.append(OnnxNodeProto("Identity", [source], [outer]))
            names[inner] = source
        }
        try place(body.node, renaming: (prefix, names, given), depth: depth + 1)
    }

    /// A body of another version than the file's is served as long as none of its operators changed in between.
    private func checkVersion(_ body: OnnxFunctionProto) throws(CasemateError) {
        guard let own = body.opsetImport.first(where: { OnnxOperators.canonical($0.domain).isEmpty }),
            let version = graph.opsets[""], Int(clamping: own.version) != version
        else { return }
        let changed = body.node.first { OperatorLowering.versionRewrites[$0.qualifiedOperator] != nil }
        guard let changed else { return }
        throw unsupported(
            "function '\(OnnxLook.printable(body.name))' holds \(changed.opType) of opset \(own.version) in a file of "
                + "opset \(version)", "export the model with one opset, or with its functions inlined")
    }

    private mutating func addConstant(_ node: OnnxNodeProto) throws(CasemateError) {
        guard let output = node.output.first else { return }
        var tensor = OnnxTensorProto()
        if let value = node.attribute("value") {
            tensor = value.t
        } else if let value = node.attribute("value_float") {
            tensor = OnnxTensorProto(name: output, shape: [], floats: [value.f])
        } else if let value = node.attribute("value_floats") {
            tensor = OnnxTensorProto(name: output, shape: [value.floats.count], floats: value.floats)
        } else if let value = node.attribute("value_int") {
            tensor = OnnxTensorProto(name: output, shape: [], wholes: [value.i])
        } else if let value = node.attribute("value_ints") {
            tensor = OnnxTensorProto(name: output, wholes: value.ints)
        } else {
            graph.nodes.append(node)
            return
        }
        tensor.name = output
        try addConstant(tensor)
    }

    private mutating func addConstant(_ tensor: OnnxTensorProto) throws(CasemateError) {
        var tensor = tensor
        if tensor.dataLocation == .external { tensor = try external(tensor) }
        graph.constants[tensor.name] = try tensor.normalised(at: file.path)
    }

    /// Reads a constant from the file beside the model, whose place the reader has checked.
    private func external(_ tensor: OnnxTensorProto) throws(CasemateError) -> OnnxTensorProto {
        let entries = Dictionary(tensor.externalData.map { ($0.key, $0.value) }) { first, _ in first }
        let bits = OnnxElement.table[tensor.dataType]?.bits ?? 0
        let bytes = (tensor.elementCount * bits + 7) / 8
        guard let location = entries["location"],
            let known = file.externalFiles.first(where: { $0.location == OnnxLook.printable(location) }),
            let handle = FileHandle(forReadingAtPath: known.path)
        else { throw unreadable(tensor) }
        defer { try? handle.close() }
        let raw: Data?
        do {
            try handle.seek(toOffset: UInt64(clamping: Int(entries["offset"] ?? "0") ?? 0))
            raw = try handle.read(upToCount: bytes)
        } catch { throw unreadable(tensor) }
        guard let raw = raw ?? (bytes == 0 ? Data() : nil), raw.count == bytes else { throw unreadable(tensor) }
        return OnnxTensorProto(
            name: tensor.name, shape: tensor.dims.map { Int($0) }, type: tensor.dataType, raw: raw)
    }

    /// Orders nodes so that each stands behind those it reads from; the reader has refused cycles.
    private mutating func sort() {
        let makers = graph.makers
        var waits = graph.nodes.map { Set($0.input.compactMap { makers[$0] }).count }
        var readers = [[Int]](repeating: [], count: graph.nodes.count)
        for (index, node) in graph.nodes.enumerated() {
            for maker in Set(node.input.compactMap({ makers[$0] })) { readers[maker].append(index) }
        }
        guard graph.nodes.indices.contains(where: { index in readers[index].contains { $0 < index } }) else { return }
        var ready = Array(waits.indices.filter { waits[$0] == 0 }.reversed())
        var order: [OnnxNodeProto] = []
        while let next = ready.popLast() {
            order.append(graph.nodes[next])
            for reader in readers[next] {
                waits[reader] -= 1
                if waits[reader] == 0 { ready.append(reader) }
            }
        }
        graph.nodes = order
    }

    private func unreadable(_ tensor: OnnxTensorProto) -> CasemateError {
        CasemateError(
            .unreadable, at: "\(file.path): tensor '\(OnnxLook.printable(tensor.name))'",
            "its external data cannot be read", help: "copy the data file beside the model again")
    }

    private func unsupported(_ what: String, _ help: String) -> CasemateError {
        CasemateError(.unsupported, at: file.path, what, help: help)
    }
}
