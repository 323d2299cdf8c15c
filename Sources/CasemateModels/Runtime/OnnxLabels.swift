import CasemateCore

/// Finds the index of a class that a graph names by a number or a text.
struct OnnxLabels: Hashable {
    let names: [String]
    private let bytes: [[UInt8]]
    private let numbers: [Int64: Int32]
    /// Whether class 0 is `0`, class 1 is `1`, and so on.
    private let isPlain: Bool

    /// Prepares for the class names as the graph writes them.
    init(_ names: [String]) {
        self.names = names
        bytes = names.map { Array($0.utf8) }
        numbers = Dictionary(
            names.enumerated().compactMap { index, name in Int64(name).map { ($0, Int32(index)) } },
            uniquingKeysWith: { first, _ in first })
        isPlain = names.enumerated().allSatisfy { Int64($1) == Int64($0) }
    }

    /// The class of a number.
    func index(of number: Int64) -> Int32? {
        if isPlain { return number >= 0 && number < names.count ? Int32(number) : nil }
        return numbers[number]
    }

    /// The class of a text.
    func index(of text: UnsafeBufferPointer<UInt8>) -> Int32? {
        for (index, name) in bytes.enumerated() where name.count == text.count {
            if name.elementsEqual(text) { return Int32(index) }
        }
        return nil
    }
}
