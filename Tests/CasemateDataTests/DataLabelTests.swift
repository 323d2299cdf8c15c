import CasemateCore
import CasemateData
import TestSupport
import Testing

@Suite struct DataLabelTests {
    @Test(arguments: [
        ("1\n0\n1\n", "1.0", ["0", "1"], 1), ("1.0\n0.0\n1.0\n", "1", ["0", "1"], 1),
        ("1\n0\n1\n", "true", ["0", "1"], 1),
        ("True\nFalse\nTrue\n", "1", ["false", "true"], 1), ("True\nFalse\nTrue\n", "false", ["false", "true"], 0),
        ("yes\nno\nyes\n", "yes", ["no", "yes"], 1), ("10\n9\n10\n", "9", ["9", "10"], 0),
        ("\"yes, maybe\"\nno\n\"yes, maybe\"\n", "yes, maybe", ["no", "yes, maybe"], 1),
    ])
    func favourableIsFoundByItsCanonicalText(
        cells: String, favourable: String, classes: [String], index: Int
    ) throws {
        let rows = cells.split(separator: "\n").map { "\($0),k\n" }.joined()
        let label = try LabelColumn(try DataSupport.open("y,k\n" + rows), target: "y", favourable: favourable)
        #expect(label.classes == classes)
        #expect(label.favourable == index)
        #expect(label.isFavourable == label.labels.map { Int($0) == index })
        #expect(label.labels == [1, 0, 1])
        #expect(label.counts == [1, 2])
    }

    private func failure(_ text: String, target: String = "approve", favourable: String? = nil) throws -> CasemateError
    {
        let table = try DataSupport.open(text)
        return try #require(throws: CasemateError.self) {
            try LabelColumn(table, target: target, favourable: favourable)
        }
    }

    @Test func targetsThatCannotServe() throws {
        let absent = try failure("approved,k\n1,2\n0,2\n")
        #expect(absent.code == .notFound)
        #expect(absent.what == "no column 'approve', did you mean 'approved'?")
        let constant = try failure("approve,k\n1,2\n1,2\n")
        #expect(constant.code == .unusableData)
        #expect(constant.what == "target 'approve' is '1' in every row")
        let missing = try failure("approve,k\n1,2\n,2\n0,3\n,5\n")
        #expect(missing.code == .unusableData)
        #expect(missing.place.hasSuffix(":row 2"))
        #expect(missing.what == "target 'approve' is missing in 2 of 4 rows")
        let unknown = try failure("approve,k\nyes,2\nno,2\n", favourable: "Yes")
        #expect(unknown.code == .mismatch)
        #expect(unknown.what == "favourable value 'Yes' does not occur in target 'approve'")
        #expect(unknown.help == "its values: 'no', 'yes'")
        let many = try failure("approve,k\n" + (0..<1001).map { "\($0),1\n" }.joined())
        #expect(many.what == "target 'approve' has more than 1000 different values")
        #expect(try failure("approve,k\nnan,2\n1,2\n").what == "column 'approve' holds a written-out NaN")
    }
}
