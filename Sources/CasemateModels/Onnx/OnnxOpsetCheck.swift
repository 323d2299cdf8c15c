import CasemateCore

/// Checks the versions that a file asks for.
struct OnnxOpsetCheck {
    let path: String

    /// The domains that the file declares.
    /// - Throws: `malformed` without any, `unsupported` for versions outside what is served.
    func run(_ model: OnnxModelProto) throws(CasemateError) -> Set<String> {
        let (first, last) = (OnnxOperators.irVersions.lowerBound, OnnxOperators.irVersions.upperBound)
        guard let ir = Int(exactly: model.irVersion), OnnxOperators.irVersions.contains(ir) else {
            throw unsupported("IR version \(model.irVersion), \(first) to \(last) are supported")
        }
        guard !model.opsetImport.isEmpty else {
            throw CasemateError(
                .malformed, at: path, "the file does not say which operator versions it uses",
                help: "export the model again")
        }
        var domains: [String: Int64] = [:]
        for opset in model.opsetImport {
            let domain = OnnxOperators.canonical(opset.domain)
            if let other = domains.updateValue(opset.version, forKey: domain), other != opset.version {
                throw CasemateError(
                    .malformed, at: path,
                    "opset \(other) and opset \(opset.version) of '\(OnnxOperators.shown(domain))' at once",
                    help: "export the model again")
            }
            let served: ClosedRange<Int>? =
                switch domain {
                case "": OnnxOperators.opsets
                case "ai.onnx.ml": OnnxOperators.mlOpsets
                default: nil
                }
            if let served, !served.contains(Int(clamping: opset.version)) {
                throw unsupported(
                    "opset \(opset.version) of '\(OnnxOperators.shown(domain))', "
                        + "\(served.lowerBound) to \(served.upperBound) are supported")
            }
        }
        return Set(domains.keys)
    }

    private func unsupported(_ what: String) -> CasemateError {
        CasemateError(.unsupported, at: path, what, help: "export the model with opset 17, which every exporter knows")
    }
}

/// Checks that functions do not call themselves and do not multiply beyond the limit when they are put in place.
struct OnnxFunctionCheck {
    let model: OnnxModelProto
    let path: String
    let limits: OnnxLimits

    private struct Key: Hashable { let domain: String, name: String }

    /// Counts every function's nodes with the functions it calls.
    func run() throws(CasemateError) {
        guard !model.functions.isEmpty else { return }
        var bodies: [Key: OnnxFunctionProto] = [:]
        for function in model.functions {
            let key = Key(domain: OnnxOperators.canonical(function.domain), name: function.name)
            if bodies.updateValue(function, forKey: key) != nil, function.overload.isEmpty {
                throw malformed("function '\(OnnxLook.printable(key.name))' is there twice")
            }
        }
        var sizes: [Key: Int] = [:]
        for key in bodies.keys { _ = try size(of: key, bodies, &sizes, open: []) }
        var total = 0
        for node in model.graph.node {
            total += sizes[Key(domain: OnnxOperators.canonical(node.domain), name: node.opType)] ?? 1
            guard total <= limits.nodes else { throw tooLarge() }
        }
    }

    private func size(
        of key: Key, _ bodies: [Key: OnnxFunctionProto], _ sizes: inout [Key: Int], open: [Key]
    ) throws(CasemateError) -> Int {
        if let known = sizes[key] { return known }
        guard !open.contains(key) else { throw malformed("function '\(OnnxLook.printable(key.name))' calls itself") }
        guard open.count < 64 else { throw malformed("functions call one another more than 64 deep") }
        var total = 0
        for node in bodies[key]?.node ?? [] {
            let called = Key(domain: OnnxOperators.canonical(node.domain), name: node.opType)
            total += bodies[called] == nil ? 1 : try size(of: called, bodies, &sizes, open: open + [key])
            guard total <= limits.nodes else { throw tooLarge() }
        }
        sizes[key] = total
        return total
    }

    private func tooLarge() -> CasemateError {
        CasemateError(
            .limitExceeded, at: path, "functions put in place make more than \(limits.nodes) nodes",
            help: "no usual model needs this: check where the file is from")
    }
    private func malformed(_ what: String) -> CasemateError {
        CasemateError(.malformed, at: path, what, help: "export the model again")
    }
}
