import CasemateCore
import CasemateData
import TestSupport
import Testing

@Suite struct DataReadingTests {
    @Test func matrixAgreesWithTheColumns() throws {
        var generator = SeededGenerator(seed: 7)
        var text = "a,b,flag,level,code,n,v,c\n"
        for _ in 0..<5000 {
            let level = ["x", "y", "", "z z"].randomElement(using: &generator) ?? ""
            let number = Bool.random(using: &generator) ? "\(Double.random(in: -5...5, using: &generator))" : ""
            text += "\(Int.random(in: 0...9, using: &generator)),\(number),\(Bool.random(using: &generator)),\(level),"
            text += "\(Int.random(in: 1...3, using: &generator)).0,1,2,3\n"
        }
        let table = try DataSupport.open(text)
        let features = [
            Feature("level", .categorical(levels: ["z z", "x", "y"])), Feature("b"), Feature("flag"), Feature("a"),
            Feature("code", .categorical(levels: ["3", "1", "2"])),
            Feature("flag", .categorical(levels: ["true", "false"])),
        ]
        let matrix = try table.matrix(features)
        for (index, feature) in features.enumerated() {
            let expected: [Float]
            if let levels = feature.levels {
                expected = try table.texts(feature.name).map { $0.flatMap(levels.firstIndex).map(Float.init) ?? .nan }
            } else {
                expected = try table.numbers(feature.name).map { Float($0) }
            }
            let found = (0..<matrix.count).map { matrix.values[$0 * features.count + index] }
            #expect(zip(found, expected).allSatisfy { $0 == $1 || $0.isNaN && $1.isNaN }, "\(feature.name)")
        }
        for name in ["n", "v", "c"] { #expect(try table.distinct(name, limit: 2).count == 1) }
    }

    @Test func unseenLevelsAreNamedWithTheirRow() throws {
        let table = try DataSupport.open("k,n\na,1\nb,2\nc,3\n")
        let feature = Feature("k", .categorical(levels: ["a", "b"]))
        let error = try #require(throws: CasemateError.self) { try table.matrix([Feature("n"), feature]) }
        #expect(error.code == .mismatch)
        #expect(error.place.hasSuffix("data.csv:row 3"))
        #expect(error.what == "column 'k' holds 'c', which is none of the 2 known levels")
        let matrix = try table.matrix([feature], allowUnseen: true)
        #expect(matrix.values == [0, 1, -1])
        #expect(matrix.text(row: 2, feature: 0) == "unknown")
        let wrong = try #require(throws: CasemateError.self) { try table.matrix([Feature("k")]) }
        #expect(wrong.code == .mismatch)
        #expect(wrong.what == "column 'k' holds text, not numbers")
        let absent = try #require(throws: CasemateError.self) { try table.numbers("N") }
        #expect(absent.code == .notFound)
        #expect(absent.what == "no column 'N', did you mean 'n'?")
    }

    @Test func distinctValuesAndLevels() throws {
        let table = try DataSupport.open("k,n\nb,10\na,2.50\nb,10.0\n,2.5\nc,-1\n")
        #expect(try table.distinct("k", limit: 10).map(\.value) == ["b", "a", "c"])
        #expect(try table.distinct("k", limit: 10).map(\.count) == [2, 1, 1])
        #expect(try table.distinct("k", limit: 1).map(\.value) == ["b"])
        #expect(try table.levels("n") == ["-1", "2.5", "10"])
        let error = try #require(throws: CasemateError.self) { try table.levels("k", limit: 2) }
        #expect(error.code == .limitExceeded)
    }

    @Test(arguments: [
        ("nan", "a written-out NaN"), ("NaN", "a written-out NaN"), ("inf", "an infinity or a number beyond float64"),
        ("-Infinity", "an infinity or a number beyond float64"), ("1e400", "an infinity or a number beyond float64"),
        ("1e39", "a number beyond float32"), ("-3.5e38", "a number beyond float32"),
    ])
    func numbersThatAreNoneAreRefused(cell: String, what: String) throws {
        let table = try DataSupport.open("ok,v,t,rowid\n1,2,x,1\n,\(cell),x,1\n3,,inf,1\n3,\(cell),nan,1\n")
        try table.rejectNonFinite(["ok", "t"])
        let error = try #require(throws: CasemateError.self) { try table.rejectNonFinite(["ok", "v", "t"]) }
        #expect(error.code == .unusableData)
        #expect(error.place.hasSuffix(":row 2"))
        #expect(error.what == "column 'v' holds \(what) (and 1 other row)")
        #expect(throws: error) { try table.matrix([Feature("ok"), Feature("v")]) }
    }

    @Test func theLargestFloatIsAllowed() throws {
        let table = try DataSupport.open("v,k\n3.4028234663852886e38,1\n-3.4028234663852886e38,1\n")
        try table.rejectNonFinite(["v"])
        let largest = Float.greatestFiniteMagnitude
        #expect(try table.matrix([Feature("v")]).values == [largest, -largest])
    }
}
