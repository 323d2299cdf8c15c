import CasemateCore
import CasemateData
import CasemateGuard
import Foundation
import TestSupport
import Testing

/// Learned ranges let real rows pass and catch rows that are shifted or garbage.
@Suite struct ValidationProfileTests {
    private func verdicts(
        _ stage: ValidationStage, _ rows: FeatureMatrix, _ model: ModelDescription
    ) async throws -> [StageVerdict] {
        var verdicts: [StageVerdict] = []
        for row in 0..<rows.count {
            var exchange = CheckSupport.exchange()
            verdicts.append(try await stage.examine(CheckSupport.request(rows, row: row, model), &exchange))
        }
        return verdicts
    }

    private func stage(_ mortgage: CheckSupport.Mortgage, _ yaml: String, _ model: ModelDescription) throws
        -> ValidationStage
    {
        try Repository.withTemporaryFolder { folder in
            try mortgage.profile.write(to: folder + "/p")
            return try ValidationStage(
                try CheckSupport.settings("profile: p\n" + yaml, ValidationStage.keys),
                setup: CheckSupport.setup(model, folder: folder))
        }
    }

    @Test func cleanRowsPassAndBadRowsDoNot() async throws {
        let mortgage = try CheckSupport.strictMortgage()
        let stage = try stage(mortgage, "", mortgage.model)
        let clean = try await verdicts(stage, mortgage.test, mortgage.model)
        let alarms = clean.count { $0 != .pass }
        // why the cross-fitted interval: constants and rare flags of 1,392 rows cannot be held to one in a thousand.
        let held = try #require(mortgage.profile.profile.heldOut.first { $0.threshold == "ranges" })
        let interval = try #require(Intervals.clopperPearson(successes: alarms, trials: clean.count, confidence: 0.99))
        #expect(interval.low <= held.high && interval.high >= held.low, "\(alarms) of \(clean.count), \(held)")
        #expect(Double(alarms) <= 0.01 * Double(clean.count), "\(alarms)")

        var thousand = mortgage.test, shuffled = mortgage.test
        let width = mortgage.test.features.count
        for row in 0..<thousand.count {
            for column in 0..<width {
                thousand.values[row * width + column] *= 1_000
                shuffled.values[row * width + column] = mortgage.test.values[row * width + (column + 1) % width]
            }
        }
        let scaled = try await verdicts(stage, thousand, mortgage.model).count { $0 != .pass }
        let moved = try await verdicts(stage, shuffled, mortgage.model).count { $0 != .pass }
        #expect(scaled == thousand.count && moved == shuffled.count, "\(scaled) \(moved)")
        // Names of the data, although the model's file has none.
        #expect(try await verdicts(stage, thousand, mortgage.model)[0].reasons.contains("range:loanamt"))
    }

    @Test func aMarginOfNothingIsTheSeenRange() async throws {
        let mortgage = try CheckSupport.strictMortgage()
        let strict = try stage(mortgage, "margin: 0", mortgage.model)
        let found = try await verdicts(strict, mortgage.test, mortgage.model)
        let columns = mortgage.profile.profile.features
        for (row, verdict) in found.enumerated() {
            let values = Array(mortgage.test[row: row])
            let isInside = zip(values, columns).allSatisfy { value, column in
                value.isNaN
                    ? column.missing > 0
                    : Double(value) >= (column.low ?? 0) - 1e-4 && Double(value) <= (column.high ?? 0) + 1e-4
                        && (!column.isWhole || value == value.rounded())
            }
            #expect((verdict == .pass) == isInside, "row \(row): \(verdict.reasons)")
        }
    }

    @Test func featuresAreFoundByNameInAnotherOrder() async throws {
        let mortgage = try CheckSupport.strictMortgage()
        let names = mortgage.profile.profile.features.map(\.name)
        let turned = CheckSupport.matrixModel(
            names.reversed().map { Feature($0) }, sha256: mortgage.profile.profile.model.sha256)
        let stage = try stage(mortgage, "", turned)
        var row = Array(mortgage.test[row: 0].reversed())
        var exchange = CheckSupport.exchange()
        #expect(try await stage.examine(CheckSupport.request([row], turned), &exchange) == .pass)
        row[row.count - 1] = -5
        #expect(try await stage.examine(CheckSupport.request([row], turned), &exchange).reasons == ["range:loanamt"])
    }

    @Test func aProfileOfAnotherModelIsAnError() throws {
        let mortgage = try CheckSupport.strictMortgage()
        let other = CheckSupport.matrixModel(mortgage.model.features)
        let error = #expect(throws: CasemateError.self) { try stage(mortgage, "", other) }
        #expect(error?.code == .mismatch && error?.help.contains("allow_other_model") == true)
        _ = try stage(mortgage, "allow_other_model: true", other)
        let few = CheckSupport.matrixModel([Feature("x")], sha256: mortgage.profile.profile.model.sha256)
        #expect(throws: CasemateError.self) { try stage(mortgage, "", few) }
    }
}
