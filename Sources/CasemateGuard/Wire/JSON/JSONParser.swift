/// Checks a JSON text in one pass and notes where its values stand. Recursion ends at the bound on nesting.
///
/// Source: RFC 8259. Stricter where that leaves a choice: no byte order mark, no doubled names, no half of a surrogate
/// pair, no bytes that are not UTF-8.
struct JSONParser {
    let bytes: UnsafeBufferPointer<UInt8>
    let limits: JSONDocument.Limits
    var at = 0
    private var tokens: [JSONDocument.Token] = []
    /// Members up to which names are compared one by one; above, a set of them is kept.
    private static let fewNames = 24

    init(_ bytes: UnsafeBufferPointer<UInt8>, limits: JSONDocument.Limits) {
        (self.bytes, self.limits) = (bytes, limits)
        tokens.reserveCapacity(min(64, bytes.count))
    }

    mutating func document() throws(JSONFault) -> [JSONDocument.Token] {
        if bytes.count >= 3, bytes[0] == 0xEF, bytes[1] == 0xBB, bytes[2] == 0xBF {
            throw fault("it begins with a byte order mark")
        }
        try value(0)
        skipSpace()
        guard at == bytes.count else { throw fault("something follows the value") }
        return tokens
    }

    func fault(_ what: String) -> JSONFault { JSONFault(what, at: at) }

    mutating func skipSpace() {
        while at < bytes.count, bytes[at] <= 0x20,
            bytes[at] == 0x20 || bytes[at] == 0x0A || bytes[at] == 0x0D || bytes[at] == 0x09
        {
            at += 1
        }
    }

    private mutating func value(_ depth: Int) throws(JSONFault) {
        skipSpace()
        guard at < bytes.count else { throw fault("it ends early") }
        switch bytes[at] {
        case UInt8(ascii: "{"): try object(depth)
        case UInt8(ascii: "["): try list(depth)
        case UInt8(ascii: "\""): try add(text())
        case UInt8(ascii: "t"): try word("true", .yes)
        case UInt8(ascii: "f"): try word("false", .no)
        case UInt8(ascii: "n"): try word("null", .null)
        default:
            let start = Int32(at)
            let isWhole = try number()
            try add(.init(kind: .number, mark: isWhole, start: start, end: Int32(at)))
        }
    }

    private mutating func add(_ token: JSONDocument.Token) throws(JSONFault) {
        guard tokens.count < limits.values else {
            throw JSONFault("it holds more than \(limits.values) values", at: at, isTooLarge: true)
        }
        var token = token
        token.next = Int32(tokens.count + 1)
        tokens.append(token)
    }

    private mutating func word(_ word: StaticString, _ kind: JSONDocument.Token.Kind) throws(JSONFault) {
        let (start, count) = (at, word.utf8CodeUnitCount)
        guard at + count <= bytes.count else { throw fault("unexpected letters") }
        for index in 0..<count where bytes[at + index] != word.utf8Start[index] { throw fault("unexpected letters") }
        at += count
        try add(.init(kind: kind, start: Int32(start), end: Int32(at)))
    }

    private func deeper(_ depth: Int) throws(JSONFault) {
        guard depth < limits.depth else { throw fault("it is nested deeper than \(limits.depth) levels") }
    }

    /// Whether `end` closes the value here; if not, a comma has been taken.
    private mutating func closes(_ end: UInt8) throws(JSONFault) -> Bool {
        skipSpace()
        guard at < bytes.count else { throw fault("it ends early") }
        guard bytes[at] == end || bytes[at] == UInt8(ascii: ",") else { throw fault("a comma or an end is missing") }
        at += 1
        return bytes[at - 1] == end
    }

    // MARK: Lists

    private mutating func list(_ depth: Int) throws(JSONFault) {
        try deeper(depth)
        let own = tokens.count
        at += 1
        let start = at
        try add(.init(kind: .list, start: Int32(start), end: Int32(start)))
        skipSpace()
        guard at < bytes.count else { throw fault("it ends early") }
        if bytes[at] == UInt8(ascii: "]") {
            at += 1
            return
        }
        if JSONDecimal.begins(bytes[at]) {
            if try numbers(own, start) { return }
            // why: other things stand among the numbers; each gets its token, and the numbers are read once more.
            at = start
        }
        var count = 0
        repeat {
            do throws(JSONFault) { try value(depth + 1) } catch { throw error.inside(.item(count)) }
            count += 1
        } while try !closes(UInt8(ascii: "]"))
        close(own, count)
    }

    private mutating func close(_ own: Int, _ count: Int) {
        tokens[own].count = Int32(count)
        tokens[own].end = Int32(at - 1)
        tokens[own].next = Int32(tokens.count)
    }

    /// Reads a list of numbers into one token; `false` when something else is among them.
    private mutating func numbers(_ own: Int, _ start: Int) throws(JSONFault) -> Bool {
        var (count, areWhole) = (0, true)
        repeat {
            skipSpace()
            guard at < bytes.count else { throw fault("it ends early") }
            guard JSONDecimal.begins(bytes[at]) else { return false }
            do throws(JSONFault) { areWhole = try number() && areWhole } catch { throw error.inside(.item(count)) }
            count += 1
        } while try !closes(UInt8(ascii: "]"))
        tokens[own] = .init(kind: .numbers, mark: areWhole, start: Int32(start), end: Int32(at - 1))
        close(own, count)
        return true
    }

    // MARK: Objects

    private mutating func object(_ depth: Int) throws(JSONFault) {
        try deeper(depth)
        let own = tokens.count
        at += 1
        try add(.init(kind: .object, start: Int32(at), end: Int32(at)))
        skipSpace()
        guard at < bytes.count else { throw fault("it ends early") }
        if bytes[at] == UInt8(ascii: "}") {
            at += 1
            return
        }
        var count = 0
        var names: JSONNameTable?
        repeat {
            skipSpace()
            guard at < bytes.count else { throw fault("it ends early") }
            guard bytes[at] == UInt8(ascii: "\"") else { throw fault("a name is missing") }
            let place = at
            var name = try text()
            name.count = hash(name)
            try add(name)
            guard isNew(own, count, &names) else { throw JSONFault("a name is there twice", at: place) }
            skipSpace()
            guard at < bytes.count, bytes[at] == UInt8(ascii: ":") else { throw fault("a colon is missing") }
            at += 1
            do throws(JSONFault) { try value(depth + 1) } catch { throw error.inside(.member(shown(name))) }
            count += 1
        } while try !closes(UInt8(ascii: "}"))
        close(own, count)
    }

    /// Whether the last token, a name, is none of the first `count` names of the object with token `own`.
    private func isNew(_ own: Int, _ count: Int, _ names: inout JSONNameTable?) -> Bool {
        let last = tokens.count - 1
        guard count >= Self.fewNames else {
            var isNew = true
            forEachName(own, count) { index in
                if tokens[index].count == tokens[last].count, isSame(tokens[index], tokens[last]) { isNew = false }
            }
            return isNew
        }
        func insert(_ index: Int, _ table: inout JSONNameTable) -> Bool {
            table.insert(index, hash: { seeded(tokens[$0]) }, isSame: { isSame(tokens[$0], tokens[$1]) })
        }
        var table = names ?? JSONNameTable()
        // why: the table is taken out of the variable while it changes, so that it is not copied.
        let isFirst = names == nil
        names = nil
        if isFirst { forEachName(own, count) { index in _ = insert(index, &table) } }
        let isNew = insert(last, &table)
        names = table
        return isNew
    }

    private func forEachName(_ own: Int, _ count: Int, _ body: (Int) -> Void) {
        var index = own + 1
        for _ in 0..<count {
            body(index)
            index = Int(tokens[index + 1].next)
        }
    }

    private func seeded(_ name: JSONDocument.Token) -> Int {
        var hasher = Hasher()
        if name.mark {
            Self.content(bytes, name).withUnsafeBytes { hasher.combine(bytes: $0) }
        } else {
            hasher.combine(
                bytes: UnsafeRawBufferPointer(UnsafeBufferPointer(rebasing: bytes[Int(name.start)..<Int(name.end)])))
        }
        return hasher.finalize()
    }

    private func isSame(_ one: JSONDocument.Token, _ other: JSONDocument.Token) -> Bool {
        if one.mark || other.mark { return Self.content(bytes, one) == Self.content(bytes, other) }
        let count = Int(one.end - one.start)
        guard count == Int(other.end - other.start) else { return false }
        for index in 0..<count where bytes[Int(one.start) + index] != bytes[Int(other.start) + index] { return false }
        return true
    }

    /// A hash of a name, to spare comparing most of them (FNV-1a); equal names have equal hashes.
    private func hash(_ name: JSONDocument.Token) -> Int32 {
        var hash: UInt32 = 2_166_136_261
        func mix(_ byte: UInt8) { hash = (hash ^ UInt32(byte)) &* 16_777_619 }
        if name.mark {
            for byte in Self.content(bytes, name) { mix(byte) }
        } else {
            for index in Int(name.start)..<Int(name.end) { mix(bytes[index]) }
        }
        return Int32(bitPattern: hash)
    }

    /// Names that the protocols define; any other is text of a caller and not shown.
    private static let known: Set<String> = [
        "id", "parameters", "inputs", "outputs", "name", "shape", "datatype", "data", "instances", "dataframe_split",
        "dataframe_records", "columns", "index", "params",
    ]
    private func shown(_ name: JSONDocument.Token) -> String {
        let text = String(decoding: Self.content(bytes, name), as: UTF8.self)
        return Self.known.contains(text) ? text : "?"
    }
}
