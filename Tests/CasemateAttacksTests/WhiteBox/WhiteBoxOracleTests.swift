import CasemateAttacks
import CasemateCore
import CasemateModels
import Testing

/// The models that the other tests trust: their gradients agree with central differences.
@Suite struct WhiteBoxOracleTests {
    @Test(arguments: ClassificationLoss.allCases, [0, 7])
    func gradientsAgreeWithDifferences(loss: ClassificationLoss, hidden: Int) throws {
        for seed in 0..<10 as Range<UInt64> {
            let classes = max(loss.fewestClasses, 2 + Int(seed % 4))
            let network = SmallNetwork(size: 5, hidden: hidden, classes: classes, seed: seed)
            let samples = try LabelledSamples(network, count: 1, seed: seed)
            let label = Int(seed) % classes
            let target = (label + 1) % classes
            let answer = try network.evaluate(
                loss, rows: samples.rows, count: 1, labels: [Int32(label)],
                targets: loss.isTargeted ? [Int32(target)] : [],
                cancellation: Cancellation())
            for index in 0..<5 {
                var (up, down) = (samples.rows, samples.rows)
                up[index] += 1e-3
                down[index] -= 1e-3
                func value(_ row: [Float]) -> Double {
                    ReferenceLoss.value(loss, network.logits(row[...]), label: label, target: target).loss
                }
                // why: at a tie of two logits the losses have a kink, where differences mean nothing.
                let (above, below) = (network.logits(up[...]), network.logits(down[...]))
                func order(_ logits: [Double]) -> [Int] { logits.indices.sorted { logits[$0] > logits[$1] } }
                guard order(above) == order(below) else { continue }
                let difference = (value(up) - value(down)) / Double(up[index] - down[index])
                #expect(
                    abs(difference - Double(answer.gradients[index])) < 2e-3 * max(1, abs(difference)),
                    "seed \(seed) value \(index)")
            }
        }
    }
}
