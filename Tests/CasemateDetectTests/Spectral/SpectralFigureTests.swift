import CasemateCore
import CasemateDetect
import TestSupport
import Testing

/// Scores, flags and clusters beside numpy and scikit-learn (`make_spectral_figures.py`).
@Suite struct SpectralFigureTests {
    private let figures: Figures, rows: [Float], count: Int, width: Int

    init() throws {
        figures = try Figures("figures/spectral.json")
        rows = figures["rows"].doubles.map { Float($0) }
        (count, width) = (try #require(figures["count"].int), try #require(figures["width"].int))
    }

    @Test func scoresAndFlagsAgree() throws {
        let signature = try SpectralSignature(rows, count: count, width: width)
        let expected = figures["scores"].doubles
        #expect(signature.scores.count == expected.count)
        // why 1e-4: the iteration stops when variances stand still, which leaves the direction the root of that error.
        for (one, other) in zip(signature.scores, expected) { #expect(agree(one, other, tolerance: 1e-4)) }
        for (share, removed) in figures["removed"].members {
            #expect(signature.removed(assuming: try #require(Double(share))) == removed.ints)
        }
    }

    @Test func componentsAndClustersAgree() throws {
        let token = Cancellation()
        let components = try PrincipalComponents(rows, count: count, width: width, number: 3, cancellation: token)
        for (one, other) in zip(components.variances, figures["variances"].doubles) {
            #expect(agree(one, other, tolerance: 1e-6))
        }
        let clusters = try ActivationClusters(
            components.projected(rows), count: count, width: 3, clusters: 2, seed: 0, cancellation: token)
        #expect(clusters.members.map(\.count).sorted() == figures["clusters"].ints)
        #expect(agree(clusters.silhouette, figures["silhouette"].double, tolerance: 1e-3))
    }

    /// The paper's rule removes rows of any data; the robust rule leaves rows without a tail alone.
    @Test func nothingIsFlaggedBecauseAMethodAlwaysFlags() throws {
        var generator = SeededGenerator(seed: 3)
        let even = (0..<400 * 4).map { _ in generator.uniform() }
        let signature = try SpectralSignature(even, count: 400, width: 4)
        #expect(signature.removed(assuming: 0.33).count == 198)
        #expect(signature.outliers(5).isEmpty)
    }
}
