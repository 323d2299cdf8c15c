public import CasemateCore
public import Foundation

/// One pass over the samples.
public struct TrainingEpoch: Hashable, Sendable {
    /// Its number, from 1 on.
    public let number: Int
    /// Mean of `weight · loss` over its samples, each before the step that it took part in.
    public let loss: Double
    /// The learning rate of its last step.
    public let rate: Double
}

/// A network after training: the file that it came from, with new values.
public struct TrainedModel: Sendable {
    /// The model as the bytes of a file that any runtime reads: the graph, names and outputs of the original; constants
    /// that lay in other files are inside.
    public let bytes: Data
    /// What was seen, epoch by epoch.
    public internal(set) var epochs: [TrainingEpoch] = []
    /// Whether all epochs were done; false when time ran out.
    public internal(set) var isComplete = true
    /// Number of updates.
    public internal(set) var steps = 0

    init(bytes: Data) { self.bytes = bytes }

    /// Writes the file so that a reader sees the old or the new one whole.
    /// - Throws: `unwritable`.
    public func write(to path: String) throws(CasemateError) {
        let url = URL(fileURLWithPath: path)
        try OutputFolder(url.deletingLastPathComponent().path).write([(url.lastPathComponent, bytes)])
    }
}

extension OnnxFile {
    /// The file with other values in some initialisers, and with those that lie in other files taken inside.
    func bytes(replacing changed: [String: OnnxTensorProto]) throws(CasemateError) -> Data {
        var copy = proto
        let isOutside = copy.graph.initializer.contains { $0.dataLocation == .external }
        let constants = isOutside ? try GraphImport.graph(of: self).constants : [:]
        for index in copy.graph.initializer.indices {
            let old = copy.graph.initializer[index]
            guard let new = changed[old.name] ?? (old.dataLocation == .external ? constants[old.name] : nil) else {
                continue
            }
            var tensor = OnnxTensorProto(
                name: old.name, shape: old.dims.map { Int($0) }, type: old.dataType, raw: new.rawData)
            tensor.docString = old.docString
            copy.graph.initializer[index] = tensor
        }
        return try copy.fileBytes()
    }
}
