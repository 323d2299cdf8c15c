/// A way to change a text so that a reader still takes it for the same.
public enum TextOperator: String, Hashable, Sendable, Codable, CaseIterable {
    /// Words typical of the other class behind the text, the best first. A reader sees stray words at the end.
    ///
    /// Source: Lowd and Meek, "Good word attacks on statistical spam filters", CEAS 2005, best-N-words.
    case goodWords = "good_words"
    /// The same with good words in the order in which they were found (first-N-words): cheaper to find, weaker.
    case firstGoodWords = "first_good_words"
    /// Words left out. A reader sees a terser text; of all operators this one takes most meaning away.
    case removal
    /// One letter of a word left out, doubled, swapped with its neighbour, or hit beside the key (QWERTY). A reader
    /// sees a slip of the finger. First and last letter stay.
    case typos
    /// Letters replaced by letters of other alphabets, digits by mathematical digits that look the same. A reader sees
    /// no difference.
    case homoglyphs
    /// Characters without width within words. A reader sees no difference.
    case zeroWidth = "zero_width"
    /// Letters replaced by digits and signs: `fr3e`, `ca$h`. A reader sees slang.
    case leet
    /// A space within a word, or none between two words. A reader sees a slip.
    case whitespace
    /// A neighbour from a file in place of a word. A reader sees another word of like meaning, as good as the file.
    case synonyms

    /// Operators that change words where they stand.
    static let ofWords: [TextOperator] = [
        .removal, .typos, .homoglyphs, .zeroWidth, .leet, .whitespace, .synonyms,
    ]
    /// Whether it appends words.
    var isInsertion: Bool { self == .goodWords || self == .firstGoodWords }
    /// Whether normalising a text is meant to undo it.
    public var isUndoneByNormalisation: Bool { self == .homoglyphs || self == .zeroWidth || self == .leet }
    /// What reports call it.
    public var title: String {
        switch self {
        case .goodWords: "good words, best first"
        case .firstGoodWords: "good words, as found"
        case .removal: "words left out"
        case .typos: "typing errors"
        case .homoglyphs: "look-alike letters"
        case .zeroWidth: "invisible characters"
        case .leet: "digits for letters"
        case .whitespace: "words split and joined"
        case .synonyms: "synonyms"
        }
    }
}
