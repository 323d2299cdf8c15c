import CasemateCore
import CasemateModels
import Testing

/// Reading of properties: what is meant, what is refused, and where.
@Suite struct VnnParserTests {
    private static let declared =
        "(declare-const X_0 Real)(declare-const X_1 Real)(declare-const Y_0 Real)\n"
        + "(declare-const Y_1 Real)"
    private static let box = "(assert (<= X_0 1))(assert (>= X_0 -1))(assert (<= X_1 2))(assert (>= X_1 0.5))"

    static func property(_ text: String, limits: VnnLimits = .init()) throws -> VnnProperty {
        try VnnProperty(Array((declared + box + text).utf8), path: "p.vnnlib", limits: limits)
    }
    private static func failure(_ text: String, limits: VnnLimits = .init()) -> CasemateError? {
        do {
            _ = try VnnProperty(Array(text.utf8), path: "p.vnnlib", limits: limits)
            return nil
        } catch { return error }
    }
    private static func failure(in assertion: String) -> CasemateError? {
        failure(declared + box + "\n  (assert \(assertion))")
    }

    @Test func boxesAndInequalities() throws {
        let property = try Self.property("(assert (<= Y_0 (+ Y_1 0.25)))")
        #expect(property.inputCount == 2 && property.outputCount == 2 && property.cases.count == 1)
        let only = property.cases[0]
        #expect(only.low == [-1, 0.5] && only.high == [1, 2])
        #expect(only.inequalities == [VnnInequality([.init(.output(0), 1), .init(.output(1), -1)], bound: 0.25)])
        #expect(
            property.isMet(input: [0, 1], output: [1.25, 1]) && !property.isMet(input: [0, 1], output: [1.26, 1]))
        #expect(
            property.isMet(input: [1, 2], output: [0, 0]) && !property.isMet(input: [1.0000001, 2], output: [0, 0]))
        #expect(only.violation(input: [0, 1], output: [2, 1]) == 0.75)
        #expect(
            !property.isMet(input: [0, 1], output: [.nan, 1]) && !property.isMet(input: [.nan, 1], output: [0, 1]))
        #expect(only.violation(input: [0, 1], output: [.nan, 1]) == .infinity)
    }

    @Test(
        arguments: [
            ("1", 1), ("1.5", 1.5), ("-2", -2), ("(- 2)", -2), ("(- 2.5e-1)", -0.25), ("1e3", 1_000), ("-1.5E+2", -150),
            ("(+ 1 2 3)", 6), ("(- 1 2 3)", -4), ("(* 2 3)", 6), ("(/ 1 4)", 0.25), ("(* (- 2) (+ 1 1))", -4),
            ("5.", 5),
            ("0.1", 0.1), ("30457516339869282e-18", 0.030457516339869282), ("(- (- 3))", 3),
        ] as [(String, Double)])
    func numbersInAllForms(text: String, value: Double) throws {
        let inequality = try Self.property("(assert (<= Y_0 \(text)))").cases[0].inequalities[0]
        #expect(inequality == VnnInequality([.init(.output(0), 1)], bound: value))
        let turned = try Self.property("(assert (>= Y_0 \(text)))").cases[0].inequalities[0]
        #expect(turned == VnnInequality([.init(.output(0), -1)], bound: -value))
    }

    @Test func linearTermsAreCollected() throws {
        func terms(_ text: String) throws -> [VnnInequality] {
            try Self.property("(assert \(text))").cases[0].inequalities
        }
        #expect(
            try terms("(<= (+ (* 2 Y_0) Y_1 (- Y_0)) (* Y_1 3))")
                == [VnnInequality([.init(.output(0), 1), .init(.output(1), -2)], bound: 0)])
        #expect(try terms("(<= (- Y_0 Y_0) 1)").isEmpty)
        #expect(
            try terms("(< Y_1 X_0)") == [
                VnnInequality([.init(.input(0), -1), .init(.output(1), 1)], bound: 0, isStrict: true)
            ])
        #expect(try terms("(= Y_0 1)").count == 2)
        #expect(try terms("(<= 0 Y_0 Y_1 5)").count == 3)
        #expect(try terms("(and (<= Y_0 1) true (and))").count == 1)
        let mixed = try Self.property("(assert (<= (+ X_0 X_1) 1))").cases[0]
        #expect(!mixed.isOutputOnly && !mixed.isMet(input: [1, 1], output: [0, 0]))
        #expect(mixed.isMet(input: [0, 1], output: [0, 0]))
    }

    @Test func disjunctionsBecomeCases() throws {
        let plain = try Self.property("(assert (or (and (<= Y_0 1) (<= Y_1 2)) (and (>= Y_0 3)) (>= Y_1 4)))")
        #expect(plain.cases.map(\.inequalities.count) == [2, 1, 1] && plain.boxes == [0..<3])
        let product = try Self.property("(assert (or (<= Y_0 1) (>= Y_0 2)))(assert (or (<= Y_1 1) (>= Y_1 2)))")
        #expect(product.cases.count == 4)
        let boxes = try Self.property(
            """
            (assert (or (and (<= X_0 0) (<= Y_0 1)) (and (>= X_0 0.5) (<= X_0 0.75) (or (<= Y_0 2) (<= Y_1 2)))))
            """)
        #expect(boxes.cases.map(\.high) == [[0, 2], [0.75, 2], [0.75, 2]])
        #expect(boxes.cases.map { $0.low[0] } == [-1, 0.5, 0.5] && boxes.boxes == [0..<1, 1..<3])
        // A combination of two boxes that do not meet is left out.
        let cut = try Self.property("(assert (or (<= X_0 0) (>= X_0 0.5)))(assert (or (<= X_0 -0.5) (>= X_0 0.6)))")
        #expect(cut.cases.count == 2 && cut.contradictoryCount == 2)
        let negated = try Self.property("(assert (not (and (<= Y_0 1) (=> (<= Y_1 1) (= Y_0 2)))))")
        #expect(negated.cases.count == 3)
        #expect(negated.isMet(input: [0, 1], output: [1.5, 0]) && !negated.isMet(input: [0, 1], output: [0, 2]))
        #expect(!negated.isMet(input: [0, 1], output: [1, 2]) && negated.isMet(input: [0, 1], output: [0, 1]))
    }

    @Test func boundsAreExact() throws {
        // The last float64 x with 3 x <= 1, and with x < 1.
        let third = try Self.property("(assert (<= (* 3 X_0) 1))(assert (< X_1 1))").cases[0]
        #expect(third.high == [(1.0 / 3), 1.0.nextDown])
        for (factor, bound) in [(3.0, 1.0), (7, 0.3), (0.1, 0.05), (-3, 1), (-0.7, 0.123), (49, 0.5)] {
            let only = try Self.property("(assert (<= (* \(factor) X_0) \(bound)))").cases[0]
            let edge = factor > 0 ? only.high[0] : only.low[0]
            let beyond = factor > 0 ? edge.nextUp : edge.nextDown
            #expect((-bound).addingProduct(factor, edge) <= 0 && (-bound).addingProduct(factor, beyond) > 0)
        }
    }

    @Test func float32BoxesLieInside() throws {
        let text = """
            (declare-const X_0 Real)(declare-const Y_0 Real)(assert (>= X_0 0.1))(assert (<= X_0 0.7))(assert (<= Y_0 0))
            """
        let only = try VnnProperty(Array(text.utf8), path: "p").cases[0]
        let box = try #require(only.floatBox)
        #expect(Double(box.low[0]) >= 0.1 && Double(box.low[0].nextDown) < 0.1)
        #expect(Double(box.high[0]) <= 0.7 && Double(box.high[0].nextUp) > 0.7)
        let point = text.replacing("0.7", with: "0.1")
        let fixed = try VnnProperty(Array(point.utf8), path: "p").cases[0]
        #expect(fixed.floatBox == nil && fixed.inputWithoutFloat == 0 && only.inputWithoutFloat == nil)
        #expect(VnnCase(low: [1e300], high: [1e301], inequalities: []).floatBox == nil)
        #expect(VnnCase(low: [-1e300], high: [1e300], inequalities: []).floatBox?.high == [.greatestFiniteMagnitude])
    }

    @Test(
        arguments: [
            ("(<= Y_2 1)", "'Y_2' is not declared", 3, 15), ("(<= Y_0)", "a relation needs two terms", 3, 18),
            ("(<= Y_0 abc)", "'abc' is neither a number", 3, 19), ("(<= Y_0 0x10)", "neither a number", 3, 19),
            ("(<= Y_0 nan)", "neither a number", 3, 19), ("(<= Y_0 1e999)", "exceeds float64", 3, 19),
            ("(<= Y_0 --1)", "neither a number", 3, 19), ("(+ Y_0 1)", "no connective and no relation", 3, 12),
            ("(<= (* Y_0 Y_1) 1)", "a product of variables", 3, 16), ("(<= (/ 1 Y_0) 1)", "a division", 3, 16),
            ("(<= (/ Y_0 0) 1)", "a division", 3, 16), ("(<= (abs Y_0) 1)", "no operator", 3, 16),
            ("Y_0", "stands where a formula must", 3, 11), ("(and (<= Y_0 1)", "')' must stand there", 3, 27),
            ("(let ((a 1)) true)", "no connective", 3, 12), ("(<= Y_0 (* 1e300 1e300))", "exceed float64", 3, 12),
            ("(<= Y_0 ())", "an operator must stand there", 3, 20),
        ] as [(String, String, Int, Int)])
    func errorsNameLineAndColumn(assertion: String, what: String, line: Int, column: Int) throws {
        let error = try #require(Self.failure(in: assertion))
        #expect(error.what.contains(what), "\(error)")
        #expect(error.place == "p.vnnlib:\(line):\(column)", "\(error)")
    }

    @Test func filesThatMeanNothingAreRefused() throws {
        let y = "(declare-const Y_0 Real)"
        for (text, what) in [
            ("", "declares no variable X_0"), ("(declare-const X_0 Real)", "declares no variable Y_0"),
            ("(declare-const X_1 Real)" + y, "declares X_1 and no X_0"),
            ("(declare-const X_0 Real)(declare-const X_0 Real)" + y, "declared twice"),
            ("(declare-const Z_0 Real)" + y, "neither X_i nor Y_i"), ("(declare-const X_0 Int)" + y, "of type Real"),
            ("(declare-const X_00 Real)" + y, "neither X_i nor Y_i"), ("(check-sat", "ends inside a command"),
            ("(vnnlib-version <2.0>)", "VNN-LIB 2.0"), ("(minimize X_0)", "is not known"), ("hello", "a command in"),
            ("(declare-fun X_0 (Real) Real)", "function with arguments"), ("\"", "has no end"),
            ("(declare-const X_0 Real)" + y + "(assert (<= X_0 1))", "X_0 has no lower bound"),
            (
                "(declare-const X_0 Real)" + y
                    + "(assert (or (and (<= X_0 1) (>= X_0 0)) (and (<= Y_0 1) (>= X_0 0))))",
                "X_0 has no upper bound in case 2 of 2"
            ),
            (
                "(declare-const X_0 Real)" + y + "(assert (<= X_0 0.5))(assert (>= X_0 0.75))",
                "nothing can meet the property: X_0 must be at least 0.75 and at most 0.5"
            ), ("(declare-const X_0 Real)" + y + "(assert false)", "it asserts 'false'"),
        ] {
            let error = try #require(Self.failure(text), "\(text)")
            #expect(error.what.contains(what), "\(text): \(error)")
        }
        let older =
            "(declare-fun X_0 () Real)(declare-fun Y_0 () Real)(set-logic QF_LRA)(set-info :source |a ) b|)"
            + "(assert (and (<= X_0 1) (>= X_0 0) (<= Y_0 1)))(check-sat)(exit)"
        #expect(Self.failure(older) == nil)
    }

    @Test func limitsHold() throws {
        var limits = VnnLimits()
        let nested = String(repeating: "(and ", count: 300) + "(<= Y_0 1)" + String(repeating: ")", count: 300)
        #expect(Self.failure(in: nested)?.code == .limitExceeded)
        let doubling = String(repeating: "(assert (or (<= Y_0 1) (<= Y_1 1)))", count: 40)
        #expect(Self.failure(Self.declared + Self.box + doubling)?.code == .limitExceeded)
        limits.cases = 3
        #expect(throws: CasemateError.self) {
            try Self.property("(assert (or (<= Y_0 1) (<= Y_0 2) (<= Y_0 3) (<= Y_0 4)))", limits: limits)
        }
        limits = VnnLimits()
        limits.variables = 1
        #expect(throws: CasemateError.self) { try Self.property("", limits: limits) }
        limits = VnnLimits()
        limits.bounds = 3
        #expect(throws: CasemateError.self) {
            try Self.property("(assert (or (<= X_0 0.5) (<= X_0 0.4)))", limits: limits)
        }
    }

    /// As many alternatives as index look-ups of the competition ask for.
    @Test func manyBoxesAndManyInputsAreQuick() throws {
        let parts = (0..<50_000).map { "(and (<= X_0 0.\(10_001 + $0)) (>= X_0 0.\(10_000 + $0)) (<= Y_0 \($0)))" }
        let start = ContinuousClock.now
        #expect(try Self.property("(assert (or \(parts.joined(separator: "\n"))))").cases.count == 50_000)
        var wide = (0..<150_000).map { "(declare-const X_\($0) Real)" } + ["(declare-const Y_0 Real)"]
        wide += (0..<150_000).flatMap { ["(assert (<= X_\($0) 1))", "(assert (>= X_\($0) 0))"] }
        wide.append("(assert (or (<= Y_0 1) (>= Y_0 2)))")
        let property = try VnnProperty(Array(wide.joined(separator: "\n").utf8), path: "wide")
        #expect(property.inputCount == 150_000 && property.cases.count == 2)
        #expect(ContinuousClock.now - start < .seconds(20))
    }

    @Test func brokenTextsNeverTrap() throws {
        let seed = Array(
            (Self.declared + Self.box + """
                ; comment (
                (assert (or (and (<= X_0 0) (<= Y_0 1e-3)) (and (>= X_0 (- 0.5)) (not (>= (+ Y_0 (* 2 Y_1)) 3)))))
                (check-sat)
                """).utf8)
        let pieces = [
            "(", ")", "and", "or", "<=", "-", "X_0", "Y_1", "1e9", ";", "|", "\"", "assert", " ", "not", "=>", "*",
        ]
        var read = 0
        for number in 0..<6_000 {
            var generator = SeededGenerator(seed: UInt64(number), stream: 6)
            var bytes = seed
            for _ in 0...Int.random(in: 0..<3, using: &generator) where !bytes.isEmpty {
                let place = Int.random(in: 0..<bytes.count, using: &generator)
                switch Int.random(in: 0..<4, using: &generator) {
                case 0: bytes[place] = UInt8.random(in: 0...255, using: &generator)
                case 1: bytes.remove(at: place)
                case 2: bytes.insert(contentsOf: (pieces.randomElement(using: &generator) ?? "").utf8, at: place)
                default: bytes = Array(bytes.prefix(max(1, place)))
                }
            }
            do {
                _ = try VnnProperty(bytes, path: "p")
                read += 1
            } catch {}
        }
        #expect(read > 200)
    }
}
