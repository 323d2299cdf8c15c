import CasemateCore
import CasemateData
import CasemateDetect
import CasemateGuard
import Foundation
import TestSupport
import Testing

/// A profile is what was learnt, comes back from its folder as it was, and refuses whatever is not that.
@Suite struct GuardProfileTests {
    /// A profile of rows with two numbers for a model of two.
    private func small(_ names: [String], missing: Bool = false, rows: Int = 400) throws -> GuardFit.Result {
        var generator = SeededGenerator(seed: 3)
        var lines = [names.joined(separator: ",") + ",y"]
        for row in 0..<rows {
            let x = generator.uniformDouble() * 10
            let other = missing && row % 9 == 0 ? "" : "\(Int(generator.uniformDouble() * 20))"
            lines.append("\(x),\(other),\(row % 2)")
        }
        return try Repository.withTemporaryFolder { folder in
            try lines.joined(separator: "\n").write(toFile: folder + "/t.csv", atomically: true, encoding: .utf8)
            var plan = GuardFit.Plan(
                data: folder + "/t.csv", model: Repository.path("Tests/Fixtures/models/linear_2.onnx"))
            (plan.features, plan.rate) = (names, 0.01)
            (plan.outliers.steps, plan.outliers.trees) = (20, 10)
            return try GuardFit(plan, search: Repository.engines).run(context: RunContext(seed: 1, threads: 2))
        }
    }

    @Test func holdsWhatTheRowsShow() throws {
        let mortgage = try CheckSupport.mortgage()
        let profile = mortgage.profile.profile
        #expect(profile.rows == 1_392 && profile.features.count == 36 && profile.model.classes == ["0", "1"])
        let table = try DataEngine(Repository.engines).open(
            Repository.path("Examples/mortgage/train.csv"), name: "train")
        for column in profile.features {
            let values = try table.numbers(column.name)
            let known = values.filter { !$0.isNaN }
            #expect(
                agree(column.low ?? .nan, known.min() ?? 0, tolerance: 1e-6)
                    && agree(column.high ?? .nan, known.max() ?? 0, tolerance: 1e-6))
            #expect((column.usualLow ?? 1) <= (column.low ?? 0) && (column.usualHigh ?? 0) >= (column.high ?? 1))
            #expect(agree(column.missing, Double(values.count - known.count) / Double(values.count), tolerance: 1e-12))
            #expect(column.isWhole == known.allSatisfy { $0 == $0.rounded() }, "\(column.name)")
        }
        #expect(agree(profile.answers.shares.reduce(0, +), 1, tolerance: 1e-9))
        #expect(profile.heldOut.map(\.threshold) == ["ranges", "anomaly"])
        #expect(profile.heldOut.allSatisfy { $0.low <= $0.share && $0.share <= $0.high })
    }

    @Test func rowsThatTheModelCannotAnswerAreAnError() throws {
        let error = #expect(throws: CasemateError.self) { try small(["x0", "x1"], missing: true) }
        #expect(error?.code == .unusableData)
    }

    /// Thresholds of a handful of rows would be enforced as if they meant something.
    @Test(arguments: [1, 2, 49]) func tooFewRowsTeachNothing(rows: Int) throws {
        let error = #expect(throws: CasemateError.self) { try small(["x0", "x1"], rows: rows) }
        #expect(error?.code == .unusableData && error?.what.contains("too few") == true)
    }

    /// Columns that are called like those of the answers do not hide them.
    @Test func referenceRowsKeepTheirAnswers() throws {
        let result = try small(["p1", "pred"])
        let file = try #require(result.files.first { $0.name == GuardProfile.referenceFile })
        try Repository.withTemporaryFolder { folder in
            try file.content.write(to: URL(fileURLWithPath: folder + "/r.csv.gz"))
            let table = try DataEngine(Repository.engines).open(folder + "/r.csv.gz", name: "r")
            #expect(table.columns.map(\.name) == ["feature.p1", "feature.pred", "pred", "p1", "p2"])
            #expect(
                try Set(table.numbers("pred")).isSubset(of: [0, 1]) && table.numbers("p1").allSatisfy { $0 >= 0.5 })
        }
        #expect(result.profile.features.map(\.name) == ["p1", "pred"])
    }

    @Test func comesBackFromItsFolder() throws {
        let result = try CheckSupport.mortgage().profile
        try Repository.withTemporaryFolder { root in
            let folder = root + "/new/profile"
            try result.write(to: folder)
            #expect(try GuardProfile(folder: folder) == result.profile)
            let files = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
            #expect(files == ["outliers.bin", "profile.json", "reference.csv.gz"])
            for (path, rights) in [(folder, 0o700)] + files.map({ ("\(folder)/\($0)", 0o600) }) {
                let facts = try FileManager.default.attributesOfItem(atPath: path)
                #expect(facts[.posixPermissions] as? Int == rights, "\(path)")
            }
            let detector = try result.profile.detector(in: folder)
            #expect(detector.features == result.profile.features.map(\.feature))
            try result.write(to: folder)
            #expect(try FileManager.default.contentsOfDirectory(atPath: root + "/new") == ["profile"])

            let reference = try DataEngine(Repository.engines).open(folder + "/reference.csv.gz", name: "r")
            #expect(reference.columns.map(\.name) == result.profile.features.map(\.name) + ["pred", "p1", "p2"])
            #expect(reference.count == 1_392)
            let (first, second) = (try reference.numbers("p1"), try reference.numbers("p2"))
            #expect(zip(first, second).allSatisfy { $0 >= $1 && abs($0 + $1 - 1) < 1e-4 })
            let low = zip(first, second).count { $0 - $1 < 0.1 }
            #expect(agree(result.profile.answers.lowMargin ?? -1, Double(low) / 1_392, tolerance: 1e-3))
            let labels = try reference.numbers("pred")
            #expect(agree(result.profile.answers.shares[1], labels.reduce(0, +) / 1_392, tolerance: 1e-9))

            try Data("other".utf8).write(to: URL(fileURLWithPath: folder + "/outliers.bin"))
            #expect(throws: CasemateError.self) { try result.profile.detector(in: folder) }
        }
        let missing = #expect(throws: CasemateError.self) { try GuardProfile(folder: "/nowhere/profile") }
        #expect(missing?.code == .notFound && missing?.help.contains("guard fit") == true)
    }

    @Test func theSameSeedGivesTheSameBytes() throws {
        let one = try CheckSupport.strictMortgage().profile
        let two = try CheckSupport.make(rate: 0.001, steps: 0).profile
        #expect(one.files.map(\.content) == two.files.map(\.content))
    }

    /// Every byte may be wrong: nothing traps, and what is read makes a stage or an error.
    @Test func mutatedProfilesNeverTrap() throws {
        let mortgage = try CheckSupport.mortgage()
        let json = try mortgage.profile.profile.json()
        #expect(try GuardProfile(json: json, place: "same") == mortgage.profile.profile)
        var generator = SeededGenerator(seed: 5)
        var refused = 0
        let words = ["-1", "1e308", "null", "[]", "{}", "\"\"", "9223372036854775807", "1e999", "true", "0.1"].map {
            Array($0.utf8)
        }
        for mutation in 0..<3_000 {
            var bytes = Array(json)
            switch mutation % 4 {
            case 0: bytes = Array(bytes.prefix(Int.random(in: 0..<bytes.count, using: &generator)))
            case 1:
                for _ in 0..<4 {
                    bytes[Int.random(in: 0..<bytes.count, using: &generator)] = UInt8.random(
                        in: 0...255, using: &generator)
                }
            default:
                // why words: a broken number or list is past the reader more often than a broken letter.
                let colons = bytes.indices.filter { bytes[$0] == UInt8(ascii: ":") }
                let start = try #require(colons.randomElement(using: &generator)) + 1
                let end = bytes[start...].firstIndex { $0 == UInt8(ascii: ",") || $0 == UInt8(ascii: "\n") } ?? start
                bytes.replaceSubrange(start..<end, with: try #require(words.randomElement(using: &generator)))
            }
            do {
                let profile = try GuardProfile(json: Data(bytes), place: "mutated")
                #expect(profile.features.allSatisfy { ($0.low ?? 0) <= ($0.high ?? 0) })
            } catch is CasemateError { refused += 1 }
        }
        #expect(refused > 1_500, "\(refused)")
    }

    @Test func hostileProfilesAreRefused() throws {
        let json = String(decoding: try CheckSupport.mortgage().profile.profile.json(), as: UTF8.self)
        let changes: [(String, String)] = [
            ("casemate.guard-profile/1", "casemate.guard-profile/2"), ("casemate.guard-profile/1", "other"),
            ("\"rows\" : 1392", "\"rows\" : 0"), ("\"rate\" : 0.01", "\"rate\" : 2"),
            ("\"name\" : \"loanamt\"", "\"name\" : \"price\""), ("\"name\" : \"loanamt\"", "\"name\" : \"\""),
            ("\"task\" : \"binary\"", "\"task\" : \"regression\""), ("\"isWhole\" : true", "\"isWhole\" : 3"),
        ]
        for (from, to) in changes {
            #expect(json.contains(from), "\(from)")
            let changed = json.replacingOccurrences(of: from, with: to)
            #expect(throws: CasemateError.self, "\(to)") { try GuardProfile(json: Data(changed.utf8), place: "p") }
        }
        let deep = String(repeating: "[", count: 100_000)
        #expect(throws: CasemateError.self) { try GuardProfile(json: Data(deep.utf8), place: "p") }
        #expect(throws: CasemateError.self) {
            try GuardProfile(
                json: Data("{\"schema\":\"casemate.guard-profile/1\",\"features\":\(deep)".utf8), place: "p")
        }
    }

    @Test func aModelOfTextsHasNoProfile() throws {
        var plan = GuardFit.Plan(
            data: Repository.path("Examples/spam/test.csv"), model: Repository.path("Examples/spam/filter.onnx"))
        plan.excluded = ["label"]
        let error = #expect(throws: CasemateError.self) {
            try GuardFit(plan, search: Repository.engines).run(context: RunContext())
        }
        #expect(error?.code == .unsupported)
    }
}
