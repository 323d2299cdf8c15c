import CasemateAttacks
import CasemateCore
import Foundation
import TestSupport
import Testing

@Suite struct TextFormTests {
    /// The banded count equals the plain recurrence on random texts, and says so when the limit is exceeded.
    @Test func recountEqualsTheRecurrence() {
        var generator = SeededGenerator(seed: 2)
        for _ in 0..<2_000 {
            func random() -> String {
                String((0..<Int(generator.next() % 14)).map { _ in "ab c\u{301}"[Int(generator.next() % 4)] })
            }
            let (one, other) = (random(), random())
            let limit = Int(generator.next() % 9)
            let edits = slowDistance(Array(one.unicodeScalars), Array(other.unicodeScalars))
            #expect(TextRecount.edits(from: one, to: other, limit: limit) == (edits <= limit ? edits : nil))
            let words = slowDistance(one.split(separator: " "), other.split(separator: " "))
            #expect(TextRecount.words(from: one, to: other, limit: limit) == (words <= limit ? words : nil))
        }
    }

    /// Normalisation undoes what no reader sees, and slang; ordinary texts of any script stay as they are.
    @Test func normalisationUndoesWhatIsHidden() {
        let normaliser = TextNormaliser()
        let pairs = [
            ("fr\u{435}e pr\u{456}z\u{435}", "free prize"), ("\u{421}A\u{405}H", "CASH"),
            ("fr\u{200B}ee c\u{AD}as\u{2060}h", "free cash"),
            ("\u{FEFF}w\u{200C}i\u{200D}n", "win"), ("ｆｒｅｅ", "free"),
            ("\u{1D7F6}\u{1D7FF}00 \u{1D41F}ree", "0900 free"),
            ("fr3e ca$h w1n m0n3y", "free cash win money"), ("pr1z3", "prize"), ("4ccount", "account"),
        ]
        for (changed, plain) in pairs { #expect(normaliser.normalise(changed) == plain) }
        let honest = [
            "", "See you at 5, or 5.30?", "call 08001234567 now", "50p a min, £100", "win 1000", "👨‍👩‍👧 ❤️ ok",
            "Привет, как дела?", "नमस्ते क्\u{200D}ष", "a\r\nb", "4u m8 b4 2nite", "18yrs 150ppm 7pm 1st 3G",
            "éa naïve",
        ]
        for text in honest {
            #expect(normaliser.normalise(text).unicodeScalars.elementsEqual(text.unicodeScalars), "\(text)")
        }
    }

    /// Whatever the hidden operators make of a text, normalisation takes it back.
    @Test func normalisationTakesBackTheOperators() throws {
        let text = "Urgent! You have won a guaranteed prize, call now to claim the money from our office"
        let words = BagOfWords.words(text)
        let weights = Dictionary(uniqueKeysWithValues: Set(words).map { ($0, 1.0) })
        for bias in [-3.5, -7.5, -10.5] {
            let oracle = BagOfWords(weights, bias: bias)
            var settings = TextAttackSettings()
            (settings.operators, settings.words, settings.edits) = ([.homoglyphs, .zeroWidth, .leet], 30, 99)
            let problem = try TextProblem(
                texts: [text, text, text, text], labels: [1, 1, 1, 1], identifiers: [1, 2, 3, 4])
            let result = try TextAttack(settings).run(problem, oracle: oracle, context: RunContext(seed: 8))
            for attack in result.attacks {
                #expect(attack.found.count == 4, "\(attack.name) \(bias)")
                #expect(attack.found.allSatisfy { !$0.survivesNormalisation }, "\(attack.name) \(bias)")
                for sample in attack.found where attack.by != .leet && attack.by != nil {
                    #expect(TextNormaliser().normalise(sample.text ?? "") == text)
                }
            }
        }
    }

    /// Changes are marked word by word; what no reader sees is written out.
    @Test func changesAreMarked() {
        let cases = [
            ("a free prize", "a fr\u{435}e prize", "a [free → fr\\u{435}e] prize"),
            ("a free prize", "a free prize lunch", "a free prize [+ lunch]"),
            ("a free prize", "a prize", "a [- free] prize"),
            ("win it now", "w\u{200B}in it nwo", "[win → w\\u{200B}in] it [now → nwo]"),
            ("win it now", "winit now", "[win it → winit] now"), ("", "", ""), ("", "x", "[+ x]"),
            ("a\u{7}b c", "a\u{7}b d", "a\\u{7}b [c → d]"),
        ]
        for (before, after, marked) in cases { #expect(TextMarks.marked(from: before, to: after) == marked) }
        #expect(TextMarks.escaped("a\nb\u{202E}c\td") == "a\\nb\\u{202E}c\\u{9}d")
    }

    /// Files of neighbours: a header, tabs and commas are read; what is wrong is told with its line.
    @Test func neighboursFile() throws {
        try Repository.withTemporaryFolder { folder in
            func read(_ text: String) throws -> WordNeighbours {
                try text.write(toFile: folder + "/n.csv", atomically: true, encoding: .utf8)
                return try WordNeighbours(path: folder + "/n.csv")
            }
            let table = try read("word,neighbour,similarity\r\nbig,large,0.9\r\nbig\thuge\t0.8\n\n")
            #expect(table.count == 1)
            for (text, place) in [("a,b\n", ":1"), ("a,b,1\na,b,x\n", ":2"), ("a,b,1\na,b,7", ":2")] {
                let error = #expect(throws: CasemateError.self) { try read(text) }
                #expect(error.map { "\($0)".contains("n.csv\(place)") } == true)
            }
            #expect(throws: CasemateError.self) { try WordNeighbours(path: folder + "/none.csv") }
        }
    }
}

extension String {
    fileprivate subscript(position: Int) -> Unicode.Scalar { Array(unicodeScalars)[position] }
    fileprivate init(_ scalars: [Unicode.Scalar]) {
        var view = UnicodeScalarView()
        view.append(contentsOf: scalars)
        self.init(view)
    }
}
