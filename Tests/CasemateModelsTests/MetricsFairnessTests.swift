import CasemateCore
import CasemateModels
import TestSupport
import Testing

/// Hand tables against SciPy, statsmodels and fairlearn, to 1e-9: `Tests/Reference/make_figures.py`.
@Suite struct MetricsFairnessTests {
    private func groups(_ table: Figures) throws -> [GroupCounts] {
        try table["groups"].list.map { group in
            GroupCounts(
                name: try #require(group["group"].text), truePositives: try #require(group["tp"].int),
                falsePositives: try #require(group["fp"].int), trueNegatives: try #require(group["tn"].int),
                falseNegatives: try #require(group["fn"].int))
        }
    }

    @Test(arguments: ["highestRate", "named"]) func handTablesAgree(choice: String) throws {
        let tables = try Figures("figures/fairness.json")["tables"].list
        #expect(tables.count >= 20)
        for table in tables {
            let name = "\(table["name"].text ?? ""), \(choice)"
            let expected = table[choice]
            let reference = expected["reference"].text
            let ours = GroupFairness(try groups(table), reference: choice == "named" ? reference : nil)
            #expect(ours?.reference.name == reference, "\(name)")
            guard let ours else { continue }
            let odds = table["odds"]["equalizedOddsDifference"].double
            #expect(agree(ours.equalisedOddsDifference, odds), "\(name): equalised odds")
            for figure in expected["groups"].list {
                guard let row = ours.rows.first(where: { $0.group.name == figure["group"].text }) else { continue }
                expectRow(row, figure, "\(name): \(row.group.name)")
            }
            #expect(
                ours.rows.count == expected["groups"].list.filter { $0["group"].text != reference }.count, "\(name)")
        }
    }

    private func expectRow(_ row: GroupFairness.Row, _ figure: Figures, _ name: String) {
        #expect(agree(row.selection.ratio, figure["air"].double), "\(name): AIR")
        if row.selection.intervalMethod.hasPrefix("Katz") {
            #expect(agree(row.selection.ratioInterval?.low, figure["airInterval"][0].double), "\(name): Katz")
            #expect(agree(row.selection.ratioInterval?.high, figure["airInterval"][1].double), "\(name): Katz")
        }
        #expect(row.selection.intervalMethod.hasPrefix("Katz") == !(figure["smallCell"].bool ?? true), "\(name)")
        #expect(agree(row.marginalEffect, figure["marginalEffect"].double), "\(name): marginal effect")
        let p = (figure["smallCell"].bool ?? true) ? figure["fisherP"] : figure["zP"]
        if row.group.count > 0 { #expect(agree(row.selection.pValue, p.double, tolerance: 1e-8), "\(name): p") }
        let odds = figure["averageOddsDifference"].double
        #expect(agree(row.averageOddsDifference, odds), "\(name): average odds")
        for rate in ErrorRate.allCases {
            let (comparison, expected) = (row.errorRates[rate], figure[rate.rawValue])
            #expect(agree(comparison?.difference, expected["difference"].double), "\(name): \(rate)")
            #expect(agree(comparison?.ratio, expected["ratio"].double), "\(name): \(rate) ratio")
            let low = expected["differenceNewcombe"][0].double
            #expect(agree(comparison?.differenceInterval?.low, low), "\(name): \(rate) Newcombe")
        }
    }

    @Test func standardisedMeanDifferencesAgree() throws {
        for figure in try Figures("figures/fairness.json")["smd"].list {
            let (base, own) = (figure["groups"]["ref"].doubles, figure["groups"]["prot"].doubles)
            let all = figure["groups"].members.values.flatMap(\.doubles)
            let ours = StandardisedMeanDifference(group: own, reference: base, all: all)
            let name = figure["name"].text ?? ""
            #expect(agree(ours.value, figure["smdSample"].double), "\(name)")
            guard ours.interval != nil else { continue }
            let interval = figure["welch"]["smdSampleInterval"]
            #expect(agree(ours.interval?.low, interval[0].double, tolerance: 1e-8), "\(name): interval")
            #expect(agree(ours.interval?.high, interval[1].double, tolerance: 1e-8), "\(name): interval")
            #expect(agree(ours.pValue, figure["welch"]["p"].double, tolerance: 1e-8), "\(name): p")
        }
    }

    @Test func noGroupsAreNoComparison() {
        #expect(GroupFairness([]) == nil)
        let empty = GroupCounts(
            name: "a", truePositives: 0, falsePositives: 0, trueNegatives: 0, falseNegatives: 0)
        #expect(GroupFairness([empty]) == nil)
    }
}
