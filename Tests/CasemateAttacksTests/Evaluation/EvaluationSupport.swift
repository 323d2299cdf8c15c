import CasemateAttacks
import CasemateCore
import CasemateData
import CasemateModels
import TestSupport

/// Networks and images that evaluations are tested on.
enum EvaluationSupport {
    static let runtime = Result { try OnnxRuntime(Repository.engines) }
    /// The folder of MNIST, where it is there.
    static let mnist = Repository.shared.map { $0 + "/data/images/mnist" }
    static var hasMnist: Bool { mnist.map { SampleReader.serves($0 + "/t10k-images-idx3-ubyte.gz") } ?? false }

    static func network(_ name: String) -> String { Repository.path("Tests/Fixtures/networks/\(name).onnx") }

    /// The first test images, values in 0...1.
    static func digits(_ count: Int, epsilon: Double) throws -> RobustnessProblem {
        let path = (mnist ?? "") + "/t10k-images-idx3-ubyte.gz"
        let set = try SampleReader().read(SampleSource(path)).samples(0..<count)
        return try RobustnessProblem(
            rows: set.values.map { $0 / 255 }, shape: [1, 28, 28], labels: set.labels ?? [],
            set: PerturbationSet(norm: .linf, epsilon: epsilon, low: 0, high: 1))
    }

    /// Evaluates a file.
    static func evaluate(
        _ path: String, _ problem: RobustnessProblem, _ plan: RobustnessEvaluation = .init(),
        context: RunContext = RunContext()
    ) throws -> EvaluationResult {
        let runtime = try runtime.get()
        let model = try OnnxModel(path: path, runtime: runtime)
        var plan = plan
        plan.straightThrough = { try DifferentiableModel(path: path, runtime: runtime, steps: .straightThrough) }
        return try plan.run(
            problem, model: model, differentiable: DifferentiableModel(path: path, runtime: runtime), context: context)
    }
}

extension EvaluationResult {
    /// Numbers of the checks that failed.
    var failed: [Int] { findings.map(\.number) }
    /// Findings as a reader sees them, for messages of tests.
    var story: String { findings.map { "\($0.number): \($0.detail)" }.joined(separator: "\n") }
}
