import CasemateCore
import CasemateData
import Foundation

extension OutlierEnsemble {
    func write(to writer: inout OutlierWriter) {
        space.write(to: &writer)
        forest.write(to: &writer)
        writer.put(neighbours.neighbours)
        writer.put(neighbours.seed)
        writer.put(neighbours.rows)
        for scatter in [robust, plain] {
            writer.put(scatter.location)
            writer.put(scatter.precision)
        }
        writer.put(network != nil)
        if let network {
            writer.put(network.usual)
            writer.put(network.file)
        }
    }

    init(
        from reader: inout OutlierReader, _ settings: OutlierSettings, place: String, cancellation: Cancellation
    ) throws {
        let space = try OutlierSpace(from: &reader)
        let forest = try IsolationForest(from: &reader, width: space.features.count)
        let near = try reader.int(1...1_000, "a number of neighbours")
        let seed = try reader.word()
        let rows = try reader.floats(upTo: 1 << 27, "values of rows")
        guard rows.count.isMultiple(of: space.width), rows.count / space.width >= near else {
            throw reader.malformed("\(rows.count) values do not make rows of \(space.width)")
        }
        let neighbours = try NeighbourDistance(
            rows, width: space.width, neighbours: near, seed: seed, cancellation: cancellation)
        let robust = try RobustMahalanobis(from: &reader, width: space.width)
        let plain = try RobustMahalanobis(from: &reader, width: space.width)
        var network: ReconstructionError?
        if try reader.bool() {
            let usual = try reader.floats(upTo: 2_048, count: space.width, "usual errors")
            guard usual.allSatisfy({ $0 > 0 }) else { throw reader.malformed("a usual error is not positive") }
            network = try ReconstructionError(
                file: try reader.blob(upTo: 1 << 26, "the autoencoder"), usual: usual, at: place)
        }
        self.init(
            space: space, forest: forest, neighbours: neighbours, robust: robust, plain: plain, network: network)
    }
}

extension RobustMahalanobis {
    init(from reader: inout OutlierReader, width: Int) throws(CasemateError) {
        let location = try reader.doubles(upTo: 2_048, count: width, "coordinates of a centre")
        let precision = try reader.doubles(upTo: 1 << 22, count: width * width, "values of a scatter")
        self.init(location: location, precision: precision)
    }
}

extension IsolationForest {
    func write(to writer: inout OutlierWriter) {
        writer.put(sampleSize)
        writer.put(roots)
        writer.put(nodes.count)
        for node in nodes {
            writer.put(node.kind.rawValue)
            writer.put(node.missingGoesLeft)
            for number in [node.feature, node.left, node.right, node.count] { writer.put(Int(number)) }
            writer.put(Double(node.path))
            writer.put(Double(node.threshold))
            writer.put(node.levels)
        }
    }

    init(from reader: inout OutlierReader, width: Int) throws(CasemateError) {
        let sampleSize = try reader.int(2...65_536, "a number of rows of a tree")
        let roots = try reader.wholes(upTo: 10_000, in: 0...Int32.max - 1, "roots")
        let count = try reader.int(1...1 << 26, "a number of nodes")
        var nodes: [Node] = []
        for place in 0..<count {
            guard let kind = Node.Kind(rawValue: try reader.byte()) else {
                throw reader.malformed("a node is of an unknown kind")
            }
            var node = Node(count: 0)
            node.kind = kind
            node.missingGoesLeft = try reader.bool()
            node.feature = Int32(try reader.int(0...max(0, width - 1), "the column of a node"))
            // why: nodes below stand behind their parent, so that every walk ends.
            let below = kind == .leaf ? 0...0 : place + 1...max(place + 1, count - 1)
            node.left = Int32(try reader.int(below, "a node below another"))
            node.right = Int32(try reader.int(below, "a node below another"))
            node.count = Int32(try reader.int(0...65_536, "the rows of a node"))
            node.path = Float(try reader.double("a depth"))
            node.threshold = Float(try reader.double("a threshold"))
            node.levels = try reader.word()
            guard node.path.isFinite, node.threshold.isFinite, max(node.left, node.right) < count else {
                throw reader.malformed("a node does not fit the forest")
            }
            nodes.append(node)
        }
        guard !roots.isEmpty, roots.allSatisfy({ $0 < count }) else { throw reader.malformed("a root is no node") }
        self.init(nodes: nodes, roots: roots, sampleSize: sampleSize, width: width)
    }
}
