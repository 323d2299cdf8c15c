import CasemateModels
import Foundation
import TestSupport
import Testing

/// The page that lists operators is the catalogue.
@Suite struct OperatorCatalogueTests {
    @Test func thePageListsEveryOperatorOnce() throws {
        let page = try String(contentsOfFile: Repository.path("docs/reference/operators.md"), encoding: .utf8)
        let rows = page.split(separator: "\n").filter { $0.hasPrefix("| `") }
        let listed = rows.flatMap { row -> [String] in
            let cell = row.split(separator: "|")[0]
            return cell.split(separator: "`").map { String($0) }.filter { $0.contains(where: \.isLetter) }
        }
        let counts = Dictionary(listed.map { ($0, 1) }, uniquingKeysWith: +)
        #expect(counts.filter { $0.value > 1 }.isEmpty)
        #expect(Set(listed).subtracting(OperatorCatalogue.operators).isEmpty, "the page lists what has no gradient")
        #expect(Set(OperatorCatalogue.operators).subtracting(listed).isEmpty, "the page does not list all")
    }

    @Test func everyListedOperatorIsOneOfTheStandardOrTheEngine() {
        #expect(OperatorCatalogue.operators.count > 120)
        #expect(Set(OperatorCatalogue.operators).count == OperatorCatalogue.operators.count)
    }
}
