import CasemateModels

/// JSON of tokens and keys: an object, nothing doubled in it at any depth, nothing but JSON's own numbers.
struct TokenJSON {
    private let members: [RemoteJSON.Member]

    /// Reads bytes; `nil` for what is no such object.
    init?(_ bytes: [UInt8]) {
        guard bytes.first == UInt8(ascii: "{") else { return nil }
        let read = bytes.withUnsafeBytes { bytes in
            Result { () throws(RemoteJSON.Problem) in try RemoteJSON.read(bytes, depth: 8) }
        }
        guard case .success(let value) = read, Self.isPlain(value), case .object(let members) = value else {
            return nil
        }
        self.members = members
    }
    private init(_ members: [RemoteJSON.Member]) { self.members = members }

    private static func isPlain(_ value: RemoteJSON) -> Bool {
        switch value {
        case .null, .flag, .text: return true
        case .number(let number): return number.isFinite
        case .numbers(let numbers, _): return numbers.allSatisfy(\.isFinite)
        case .list(let items): return items.allSatisfy(isPlain)
        case .object(let members):
            // why bytes: texts that Unicode calls equal are different names here.
            var names: Set<[UInt8]> = []
            return members.allSatisfy { names.insert(Array($0.name.utf8)).inserted && isPlain($0.value) }
        }
    }

    private func value(_ name: String) -> RemoteJSON? {
        members.first { $0.name.utf8.elementsEqual(name.utf8) }?.value
    }
    /// Whether there is a member of that name, whatever its value.
    func has(_ name: String) -> Bool { value(name) != nil }
    /// A text.
    func text(_ name: String) -> String? {
        if case .text(let text)? = value(name) { text } else { nil }
    }
    /// A number.
    func number(_ name: String) -> Double? {
        if case .number(let number)? = value(name) { number } else { nil }
    }
    /// Texts: of a list that holds nothing else, or one alone.
    func texts(_ name: String) -> [String]? {
        switch value(name) {
        case .text(let text): return [text]
        case .list(let items):
            let texts = items.compactMap { item -> String? in
                if case .text(let text) = item { text } else { nil }
            }
            return texts.count == items.count ? texts : nil
        default: return nil
        }
    }
    /// Objects of a list that holds nothing else.
    func objects(_ name: String) -> [TokenJSON]? {
        guard case .list(let items)? = value(name) else { return nil }
        let objects = items.compactMap { item -> TokenJSON? in
            if case .object(let members) = item { TokenJSON(members) } else { nil }
        }
        return objects.count == items.count ? objects : nil
    }
}

/// Base 64 for URLs without padding, in its one canonical form. Source: RFC 7515, appendix C.
enum Base64URL {
    private static let values: [UInt8] = {
        var values = [UInt8](repeating: 0xFF, count: 256)
        let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
        for (value, digit) in alphabet.utf8.enumerated() { values[Int(digit)] = UInt8(value) }
        return values
    }()

    /// The bytes; `nil` for other characters, padding and bits that are left over.
    static func bytes(_ text: some Collection<UInt8>) -> [UInt8]? {
        guard text.count % 4 != 1 else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count * 3 / 4)
        var (held, bits) = (UInt32(0), UInt32(0))
        for digit in text {
            let value = values[Int(digit)]
            guard value < 64 else { return nil }
            held = held << 6 | UInt32(value)
            bits += 6
            if bits >= 8 {
                bits -= 8
                bytes.append(UInt8(truncatingIfNeeded: held >> bits))
                held &= (1 << bits) - 1
            }
        }
        return held == 0 ? bytes : nil
    }
}
