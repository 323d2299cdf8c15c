import CasemateCore

/// A regular expression of the subset of RE2 that DuckDB and this matcher read alike, searched for anywhere in a text.
///
/// Matching takes time in proportion to text times pattern, whatever the pattern: states are advanced together, never
/// tried one after another. Sources: Thompson, "Regular expression search algorithm", CACM 1968; Cox, "Regular
/// expression matching: the virtual machine approach", 2009; the syntax page of google/re2.
struct TextPattern: Hashable, Sendable {
    /// Code points that match one position.
    struct Letters: Hashable, Sendable {
        /// Ascending ranges that do not overlap.
        let ranges: [ClosedRange<UInt32>]

        /// Ranges in any order.
        init(_ ranges: [ClosedRange<UInt32>], isNegated: Bool = false) {
            var merged: [ClosedRange<UInt32>] = []
            for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
                if let last = merged.last, range.lowerBound <= last.upperBound &+ 1 {
                    merged[merged.count - 1] = last.lowerBound...max(last.upperBound, range.upperBound)
                } else {
                    merged.append(range)
                }
            }
            self.ranges = isNegated ? Self.gaps(merged) : merged
        }
        private static func gaps(_ ranges: [ClosedRange<UInt32>]) -> [ClosedRange<UInt32>] {
            var gaps: [ClosedRange<UInt32>] = []
            var next: UInt32 = 0
            for range in ranges {
                if range.lowerBound > next { gaps.append(next...range.lowerBound - 1) }
                next = range.upperBound &+ 1
            }
            return next <= 0x10FFFF ? gaps + [next...0x10FFFF] : gaps
        }
        func contains(_ letter: UInt32) -> Bool {
            for range in ranges where letter <= range.upperBound { return letter >= range.lowerBound }
            return false
        }
    }
    /// Conditions on a place between two letters.
    enum Assertion: Hashable, Sendable { case start, end, boundary }
    /// A step of the program that looks for the pattern.
    enum Step: Hashable, Sendable {
        case letters(Letters), assertion(Assertion), split(Int, Int), jump(Int), match
    }
    /// The pattern as it was written.
    let text: String
    let steps: [Step]

    /// The longest pattern, in code points, and the most steps of its program.
    static let lengthLimit = 1000, stepLimit = 1000

    /// Reads a pattern that stands at `offset` in a rule.
    init(_ text: String, at offset: Int) throws(ConstraintFault) {
        self.text = text
        var parser = try TextPatternParser(text, at: offset)
        let tree = try parser.whole()
        var steps: [Step] = []
        try Self.emit(tree, into: &steps, offset)
        steps.append(.match)
        self.steps = steps
    }

    private static func add(_ step: Step, to steps: inout [Step], _ offset: Int) throws(ConstraintFault) {
        guard steps.count < stepLimit else {
            throw ConstraintFault(
                .limitExceeded, at: offset, "the pattern repeats too much", help: "use smaller counts of repetition")
        }
        steps.append(step)
    }

    private static func emit(
        _ tree: TextPatternParser.Tree, into steps: inout [Step], _ offset: Int
    ) throws(ConstraintFault) {
        switch tree {
        case .letters(let letters): try add(.letters(letters), to: &steps, offset)
        case .assertion(let assertion): try add(.assertion(assertion), to: &steps, offset)
        case .sequence(let parts): for part in parts { try emit(part, into: &steps, offset) }
        case .either(let parts):
            var ends: [Int] = []
            for part in parts.dropLast() {
                let split = steps.count
                try add(.split(split + 1, 0), to: &steps, offset)
                try emit(part, into: &steps, offset)
                ends.append(steps.count)
                try add(.jump(0), to: &steps, offset)
                steps[split] = .split(split + 1, steps.count)
            }
            if let last = parts.last { try emit(last, into: &steps, offset) }
            for end in ends { steps[end] = .jump(steps.count) }
        case .repeated(let part, let least, let most):
            for _ in 0..<least { try emit(part, into: &steps, offset) }
            if let most {
                var splits: [Int] = []
                for _ in least..<most {
                    splits.append(steps.count)
                    try add(.split(steps.count + 1, 0), to: &steps, offset)
                    try emit(part, into: &steps, offset)
                }
                for split in splits { steps[split] = .split(split + 1, steps.count) }
            } else {
                let split = steps.count
                try add(.split(split + 1, 0), to: &steps, offset)
                try emit(part, into: &steps, offset)
                try add(.jump(split), to: &steps, offset)
                steps[split] = .split(split + 1, steps.count)
            }
        }
    }

    /// Whether the pattern occurs anywhere in `text`.
    func matches(_ text: String) -> Bool {
        var marks = [Int](repeating: -1, count: steps.count)
        var waiting: [Int] = [], reached: [Int] = [], stack: [Int] = []
        var before: UInt32?
        var scalars = text.unicodeScalars.makeIterator()
        var letter = scalars.next()?.value
        var position = 0
        while true {
            reached.removeAll(keepingCapacity: true)
            // why here: a match may begin anywhere.
            waiting.append(0)
            for start in waiting {
                stack.append(start)
                while let step = stack.popLast() {
                    guard marks[step] != position else { continue }
                    marks[step] = position
                    switch steps[step] {
                    case .match: return true
                    case .jump(let target): stack.append(target)
                    case .split(let one, let other):
                        stack.append(other)
                        stack.append(one)
                    case .assertion(let assertion):
                        if Self.holds(assertion, before, letter) { stack.append(step + 1) }
                    case .letters: reached.append(step)
                    }
                }
            }
            guard let current = letter else { return false }
            waiting.removeAll(keepingCapacity: true)
            for step in reached {
                if case .letters(let letters) = steps[step], letters.contains(current) { waiting.append(step + 1) }
            }
            (before, letter) = (current, scalars.next()?.value)
            position += 1
        }
    }

    private static func holds(_ assertion: Assertion, _ before: UInt32?, _ after: UInt32?) -> Bool {
        switch assertion {
        case .start: before == nil
        case .end: after == nil
        case .boundary: isWord(before) != isWord(after)
        }
    }
    private static func isWord(_ letter: UInt32?) -> Bool {
        guard let scalar = letter.flatMap(Unicode.Scalar.init) else { return false }
        return scalar.isWordStart || scalar.isDigit
    }
}
