package import CasemateCore
package import CasemateModels
package import Foundation

/// How badly a network that learnt to repair rows gives a row back: an autoencoder with a narrow middle.
///
/// Source: Hawkins, He, Williams, Baxter, "Outlier detection using replicator neural networks", DaWaK 2002; trained on
/// rows of which some cells were exchanged with those of other rows, as in Vincent et al., "Extracting and composing
/// robust features with denoising autoencoders", ICML 2008. It is kept as an ONNX file and evaluated here, a row at a
/// time, since an engine's call costs more than the row.
package struct ReconstructionError: Hashable, Sendable {
    /// How it is trained.
    package struct Settings: Hashable, Sendable {
        /// Steps, and rows of a step.
        package var steps = 4_000, batch = 128
        /// Share of the cells that are exchanged.
        var exchanged: Float = 0.05
        var rate = 3e-3
        /// Makes settings.
        package init(steps: Int = 4_000) { self.steps = steps }
    }
    /// The network as the bytes of an ONNX file.
    package let file: Data
    /// Mean squared error of each number on rows like those it learnt from.
    let usual: [Float]
    private let layers: [DenseLayer]
    /// Numbers of a row.
    var width: Int { usual.count }
    /// Largest number of values between two layers, a multiple of 8.
    var roomSize: Int { (layers.flatMap { [$0.inputs, $0.outputs] }.max() ?? 0) + 8 }

    /// Largest width of a hidden layer.
    private static let widest = 128

    /// Trains on rows `[count, width]`.
    /// - Parameters:
    ///   - owners: For each number its column, from 0; numbers of a column are exchanged together.
    ///   - context: Where its deadline passes, training ends early.
    /// - Throws: what training throws; `Cancelled`.
    package init(
        _ rows: [Float], width: Int, owners: [Int], settings: Settings = .init(), runtime: OnnxRuntime,
        context: RunContext
    ) throws {
        let count = rows.count / width
        let hidden = min(Self.widest, max(16, 3 * width))
        let middle = max(1, min(48, Int((0.7 * Double(width)).rounded())))
        let network = try NetworkBuilder(seed: context.seed).autoencoder(inputs: width, hidden: [hidden, middle])
        let batch = max(8, min(settings.batch, count / 8))
        // why bounded: a damaged copy of each row that is seen would not fit for wide rows; those are then seen again.
        let copies = max(batch, min(settings.steps * batch, 6_000_000 / width))
        let training = TrainingSettings(
            loss: .meanSquaredError, optimiser: .adam(rate: settings.rate, weightDecay: 1e-5), schedule: .cosine(),
            epochs: max(1, (settings.steps * batch + copies - 1) / copies), batchSize: batch)
        let data = Self.damaged(rows, width: width, owners: owners, copies: copies, settings, seed: context.seed)
        let trained = try Trainer(network, runtime: runtime, settings: training, context: context).train(data)
        let part = Array(rows.prefix(min(count, 2_000) * width))
        let layers = try Self.layers(trained.bytes, width: width, at: "autoencoder")
        let first = Self(file: trained.bytes, usual: [Float](repeating: 1, count: width), layers: layers)
        self.init(file: trained.bytes, usual: first.meanErrors(part), layers: layers)
    }

    /// Reads a network that was kept.
    /// - Throws: what `OnnxFile` throws; `malformed` for a network of another form.
    init(file: Data, usual: [Float], at place: String) throws(CasemateError) {
        self.init(file: file, usual: usual, layers: try Self.layers(file, width: usual.count, at: place))
    }

    private init(file: Data, usual: [Float], layers: [DenseLayer]) {
        (self.file, self.usual, self.layers) = (file, usual, layers)
    }

    /// Copies of rows of which cells were exchanged, with the rows as they were.
    private static func damaged(
        _ rows: [Float], width: Int, owners: [Int], copies: Int, _ settings: Settings, seed: UInt64
    ) -> TrainingData {
        let count = rows.count / width
        var generator = SeededGenerator(seed: seed, stream: 0xAE)
        var inputs = [Float](repeating: 0, count: copies * width)
        var targets = inputs
        let columns = (owners.max() ?? 0) + 1
        var donors = [Int](repeating: 0, count: columns)
        var order = Array(0..<count)
        for copy in 0..<copies {
            if copy % count == 0 { order.shuffle(using: &generator) }
            let row = order[copy % count]
            for column in 0..<columns {
                let isExchanged = generator.uniform() < settings.exchanged
                donors[column] = isExchanged ? Int.random(in: 0..<count, using: &generator) : row
            }
            for place in 0..<width {
                targets[copy * width + place] = rows[row * width + place]
                inputs[copy * width + place] = rows[donors[owners[place]] * width + place]
            }
        }
        return TrainingData(rows: inputs, count: copies, targets: targets)
    }

    private func meanErrors(_ rows: [Float]) -> [Float] {
        var sums = [Double](repeating: 0, count: width)
        var room = [Float](repeating: 0, count: roomSize * 3)
        var input = [Float](repeating: 0, count: (width + 7) / 8 * 8)
        let count = rows.count / width
        for row in 0..<count {
            for place in 0..<width { input[place] = rows[row * width + place] }
            room.withUnsafeMutableBufferPointer { room in
                guard let base = room.baseAddress else { return }
                let output = run(input, base)
                for place in 0..<width {
                    let gap = Double(output[place] - input[place])
                    sums[place] += gap * gap
                }
            }
        }
        return sums.map { Float($0 / Double(max(1, count))) + 0.02 }
    }

    /// The output for a row that is zero behind its end up to a multiple of 8; it lies in `room`, of `3 * roomSize`.
    private func run(
        _ input: UnsafePointer<Float>, _ room: UnsafeMutablePointer<Float>
    ) -> UnsafeMutablePointer<Float> {
        var (source, target, other) = (input, room, room + roomSize)
        for layer in layers {
            layer.run(source, target)
            source = UnsafePointer(target)
            swap(&target, &other)
        }
        return other
    }

    /// The output for a row of `width` numbers.
    package func output(for row: [Float]) -> [Float] {
        let input = row + [Float](repeating: 0, count: (width + 7) / 8 * 8 - width)
        var room = [Float](repeating: 0, count: roomSize * 3)
        return room.withUnsafeMutableBufferPointer { room in
            guard let base = room.baseAddress else { return [] }
            return Array(UnsafeBufferPointer(start: run(input, base), count: width))
        }
    }

    /// The mean over the numbers of a row of their squared errors in units of the usual ones.
    func error(of row: UnsafePointer<Float>, _ room: UnsafeMutablePointer<Float>) -> Double {
        let output = run(row, room)
        var sum: Float = 0
        for place in 0..<width {
            let gap = output[place] - row[place]
            sum += gap * gap / usual[place]
        }
        return Double(sum) / Double(max(1, width))
    }

    /// Adds to `parts`, one a number, its squared error in units of the usual one.
    func add(
        parts: UnsafeMutablePointer<Double>, of row: UnsafePointer<Float>, _ room: UnsafeMutablePointer<Float>
    ) {
        let output = run(row, room)
        for place in 0..<width {
            let gap = output[place] - row[place]
            parts[place] += Double(gap * gap / usual[place])
        }
    }
}
