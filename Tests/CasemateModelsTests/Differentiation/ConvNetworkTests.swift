import CasemateCore
import CasemateModels
import TestSupport
import Testing

/// Whole networks with convolutions, pools and normalisations against PyTorch's gradients in double precision
/// (`Tests/Reference/make_gradient_figures.py`).
@Suite struct ConvNetworkTests {
    static let figures = (try? Figures("figures/gradients.json"))?["networks"]
    static let names = (figures?.members.keys.sorted() ?? []).filter { name in
        let operators = figures?[name]["operators"].texts ?? []
        return !Set(operators).isDisjoint(with: ["Conv", "ConvTranspose", "LayerNormalization", "Resize"])
    }

    @Test func thereAreNetworks() { #expect(Self.names.count > 8) }

    @Test(arguments: names) func gradientsAgree(name: String) throws {
        let figures = try #require(Self.figures?[name])
        let path = Repository.path("Tests/Fixtures/networks/\(try #require(figures["file"].text))")
        let runtime = try OnnxFixtures.runtime.get()
        let model = try DifferentiableModel(path: path, runtime: runtime)
        let rows = figures["inputsTimes64"].list.flatMap(\.doubles).map { Float($0 / 64) }
        let count = figures["inputsTimes64"].list.count
        let labels = figures["labels"].ints.map { Int32($0) }
        let targets = figures["targets"].ints.map { Int32($0) }
        for loss in ClassificationLoss.allCases where model.classCount >= loss.fewestClasses {
            let expected = figures["losses"][loss.rawValue]
            guard !expected.isNull else { continue }
            let found = try model.evaluate(
                loss, rows: rows, count: count, labels: labels, targets: targets, cancellation: Cancellation())
            for row in 0..<count {
                let gradient = Array(found.gradients[row * model.rowSize..<(row + 1) * model.rowSize])
                let norm = gradient.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
                let wanted = expected["gradients"][row].doubles
                let all = figures["positions"].ints
                let positions = wanted.count == all.count ? all : figures["fewPositions"].ints
                let size = try #require(expected["norms"][row].double)
                let place = "\(name), \(loss), row \(row)"
                #expect(agree(Double(found.losses[row]), expected["values"][row].double, tolerance: 1e-4), "\(place)")
                #expect(abs(norm - size) <= 1e-4 * size, "\(place)")
                #expect(positions.count == wanted.count && !wanted.isEmpty, "\(place)")
                for (position, value) in zip(positions, wanted) {
                    #expect(abs(Double(gradient[position]) - value) <= 1e-4 * size, "\(place), position \(position)")
                }
            }
        }
    }
}
