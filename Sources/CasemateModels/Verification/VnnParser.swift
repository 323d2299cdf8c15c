import CasemateCore

/// Reads the commands of a property file.
struct VnnParser {
    var lexer: VnnLexer
    let limits: VnnLimits
    /// What must hold, one formula for each `assert`.
    private(set) var assertions: [VnnFormula] = []
    private(set) var inputs: Set<Int> = [], outputs: Set<Int> = []
    /// How many brackets are open.
    var depth = 0

    init(_ bytes: [UInt8], path: String, limits: VnnLimits) {
        lexer = VnnLexer(bytes, path: path)
        self.limits = limits
    }

    /// Number of inputs and outputs.
    /// - Throws: `malformed` when there is none or a number is left out.
    func counts() throws(CasemateError) -> (inputs: Int, outputs: Int) {
        for (letter, declared) in [("X", inputs), ("Y", outputs)] {
            guard let largest = declared.max() else {
                throw CasemateError(
                    .malformed, at: lexer.path, "declares no variable \(letter)_0",
                    help: "declare each input as X_i and each output as Y_i, from 0 on")
            }
            guard largest == declared.count - 1 else {
                let missing = (0..<largest).first { !declared.contains($0) } ?? 0
                throw CasemateError(
                    .malformed, at: lexer.path, "declares \(letter)_\(largest) and no \(letter)_\(missing)",
                    help: "declare each input as X_i and each output as Y_i, from 0 on")
            }
        }
        return (inputs.count, outputs.count)
    }

    /// Reads the file to its end.
    mutating func run() throws(CasemateError) {
        while true {
            switch try lexer.next() {
            case .end: return
            case .open: try command()
            default: throw lexer.malformed("a command in brackets must stand there")
            }
        }
    }

    private mutating func command() throws(CasemateError) {
        guard case .word(let name) = try lexer.next() else {
            throw lexer.malformed("the name of a command must stand there")
        }
        if lexer.matches(name, "assert") {
            assertions.append(try formula(negated: false))
            return try close()
        }
        if lexer.matches(name, "declare-const") { return try declaration(isFunction: false) }
        if lexer.matches(name, "declare-fun") { return try declaration(isFunction: true) }
        for known in ["set-logic", "set-info", "set-option", "check-sat", "get-model", "exit"] as [StaticString]
        where lexer.matches(name, known) { return try skip() }
        if lexer.matches(name, "vnnlib-version") || lexer.matches(name, "declare-network") {
            throw lexer.unsupported("the file is of VNN-LIB 2.0")
        }
        throw lexer.unsupported("the command '\(lexer.shown(name))' is not known")
    }

    private mutating func declaration(isFunction: Bool) throws(CasemateError) {
        guard case .word(let name) = try lexer.next() else {
            throw lexer.malformed("the name of a variable must stand there")
        }
        guard let variable = variable(name) else {
            throw lexer.unsupported("the variable '\(lexer.shown(name))' is neither X_i nor Y_i")
        }
        let isNew: Bool
        switch variable {
        case .input(let index): isNew = inputs.insert(index).inserted
        case .output(let index): isNew = outputs.insert(index).inserted
        }
        guard isNew else { throw lexer.malformed("'\(lexer.shown(name))' is declared twice") }
        guard max(inputs.count, outputs.count) <= limits.variables else {
            throw CasemateError(
                .limitExceeded, at: lexer.place(), "more than \(limits.variables) variables", help: "raise the limit")
        }
        if isFunction {
            guard case .open = try lexer.next(), case .close = try lexer.next() else {
                throw lexer.unsupported("a function with arguments")
            }
        }
        guard case .word(let type) = try lexer.next(), lexer.matches(type, "Real") else {
            throw lexer.unsupported("a variable must be of type Real")
        }
        try close()
    }

    mutating func close() throws(CasemateError) {
        guard case .close = try lexer.next() else { throw lexer.malformed("')' must stand there") }
    }

    /// Passes over the rest of a command.
    private mutating func skip() throws(CasemateError) {
        var open = 1
        while open > 0 {
            switch try lexer.next() {
            case .open: open += 1
            case .close: open -= 1
            case .word: continue
            case .end: throw lexer.malformed("the file ends inside a command")
            }
        }
    }

    /// The variable that a word names: `X_12`, `Y_0`.
    func variable(_ word: Range<Int>) -> VnnInequality.Variable? {
        guard (3...10).contains(word.count), lexer.bytes[word.lowerBound + 1] == UInt8(ascii: "_") else { return nil }
        var index = 0
        for byte in lexer.bytes[word.lowerBound + 2..<word.upperBound] {
            guard (48...57).contains(byte) else { return nil }
            index = 10 * index + Int(byte - 48)
        }
        // why: X_01 would be a second name for X_1.
        guard word.count == 3 || lexer.bytes[word.lowerBound + 2] != 48 else { return nil }
        switch lexer.bytes[word.lowerBound] {
        case UInt8(ascii: "X"): return .input(index)
        case UInt8(ascii: "Y"): return .output(index)
        default: return nil
        }
    }
}
