import CasemateCore

/// What the operators make of a word where it stands.
struct WordVariants: Sendable {
    /// Variants of one word by one operator, at most.
    static let most = 4
    let neighbours: WordNeighbours?

    /// Changes of the word at a piece, none where the operator finds nothing to change. The same generator state gives
    /// the same changes.
    func changes(
        of piece: Int, in text: TextPieces, by kind: TextOperator, _ generator: inout SeededGenerator
    ) -> [TextChange] {
        let word = text.pieces[piece]
        switch kind {
        case .goodWords, .firstGoodWords: return []
        case .removal: return [removal(piece, text)]
        case .whitespace: return spaces(piece, text, &generator)
        case .synonyms: return synonyms(piece, word)
        case .typos: return typos(piece, word, &generator)
        case .homoglyphs:
            return letters(piece, word, .homoglyphs, &generator) { LookAlikes.of($0).map { [$0] } ?? [] }
        case .leet: return letters(piece, word, .leet, &generator) { LookAlikes.leet[lower($0)] ?? [] }
        case .zeroWidth:
            return inner(word).shuffled(using: &generator).prefix(Self.most).enumerated()
                .map { index, position in
                    var changed = word
                    changed.insert(LookAlikes.invisible[index % LookAlikes.invisible.count], at: position)
                    return TextChange(.zeroWidth, [(piece, changed)], edits: 1, words: 1)
                }
        }
    }

    /// The word and the white space that sets it apart.
    private func removal(_ piece: Int, _ text: TextPieces) -> TextChange {
        // why only within the text: white space at its ends may stand beside two removed words.
        let space = piece + 1 < text.pieces.count ? piece + 1 : piece
        guard space != piece else {
            return TextChange(.removal, [(piece, [])], edits: text.pieces[piece].count, words: 1)
        }
        let edits = text.pieces[piece].count + text.pieces[space].count
        return TextChange(.removal, [(piece, []), (space, [])], edits: edits, words: 1)
    }

    /// A space within the word, at up to three places, and none behind it.
    private func spaces(_ piece: Int, _ text: TextPieces, _ generator: inout SeededGenerator) -> [TextChange] {
        let word = text.pieces[piece]
        var changes = inner(word).shuffled(using: &generator).prefix(Self.most - 1)
            .map { position -> TextChange in
                var changed = word
                changed.insert(" ", at: position)
                return TextChange(.whitespace, [(piece, changed)], edits: 1, words: 2)
            }
        if piece + 2 < text.pieces.count {
            // why the word, too: it may not be split as well, which would leave the reader nothing.
            changes.append(
                TextChange(
                    .whitespace, [(piece, word), (piece + 1, []), (piece + 2, text.pieces[piece + 2])],
                    edits: text.pieces[piece + 1].count, words: 2))
        }
        return changes
    }

    /// One slip of each kind: a letter left out, doubled, swapped with the next, hit beside its key.
    private func typos(_ piece: Int, _ word: [Unicode.Scalar], _ generator: inout SeededGenerator) -> [TextChange] {
        let places = word.indices.dropFirst().dropLast().filter { index in
            isLetter(word[index]) && isLetter(word[index - 1]) && isLetter(word[index + 1]) && isAlone(word, index + 1)
        }
        guard !places.isEmpty else { return [] }
        return (0..<Self.most).compactMap { kind in
            let place = places[Int(generator.next() % UInt64(places.count))]
            var changed = word
            switch kind {
            case 0: changed.remove(at: place)
            case 1: changed.insert(word[place], at: place)
            case 2:
                guard place + 1 < word.count - 1, word[place] != word[place + 1] else { return nil }
                changed.swapAt(place, place + 1)
            default:
                guard let near = LookAlikes.keys[lower(word[place])] else { return nil }
                let key = near[Int(generator.next() % UInt64(near.count))]
                changed[place] = word[place] == lower(word[place]) ? key : upper(key)
            }
            return TextChange(.typos, [(piece, changed)], edits: kind == 2 ? 2 : 1, words: 1)
        }
    }

    /// One letter replaced, at up to three places, and all that can be.
    private func letters(
        _ piece: Int, _ word: [Unicode.Scalar], _ by: TextOperator, _ generator: inout SeededGenerator,
        _ others: (Unicode.Scalar) -> [Unicode.Scalar]
    ) -> [TextChange] {
        let places = word.indices.filter { index in
            isAlone(word, index) && !others(word[index]).isEmpty && word.count { isPlain($0) } > 1
        }
        var changes = places.shuffled(using: &generator).prefix(Self.most - 1).map { place -> TextChange in
            let choice = others(word[place])
            var changed = word
            changed[place] = choice[Int(generator.next() % UInt64(choice.count))]
            return TextChange(by, [(piece, changed)], edits: 1, words: 1)
        }
        if places.count > 1 {
            var changed = word
            for place in places { changed[place] = others(word[place])[0] }
            changes.append(TextChange(by, [(piece, changed)], edits: places.count, words: 1))
        }
        return changes
    }

    private func synonyms(_ piece: Int, _ word: [Unicode.Scalar]) -> [TextChange] {
        guard let neighbours, let first = word.firstIndex(where: isLetter), let last = word.lastIndex(where: isLetter)
        else { return [] }
        let core = word[first...last]
        let isCapital = upper(core[first]) == core[first]
        let isShout = isCapital && core.count > 1 && core.allSatisfy { !isLetter($0) || upper($0) == $0 }
        return neighbours.of(core.map(lower)).prefix(2 * Self.most).map { other in
            var letters = Array(other.unicodeScalars)
            if isShout { letters = letters.map(upper) } else if isCapital { letters[0] = upper(letters[0]) }
            let edits = max(core.count, letters.count)
            return TextChange(
                .synonyms, [(piece, word[..<first] + letters + word[(last + 1)...])], edits: edits, words: 1)
        }
    }

    // MARK: Letters

    /// Positions between two letters or digits of a word.
    private func inner(_ word: [Unicode.Scalar]) -> [Int] {
        word.indices.dropFirst().filter { isPlain(word[$0 - 1]) && isPlain(word[$0]) }
    }
    /// Whether nothing combines with the character: an accent behind it would lose its letter.
    private func isAlone(_ word: [Unicode.Scalar], _ index: Int) -> Bool {
        index + 1 == word.count || !word[index + 1].properties.isGraphemeExtend
    }
    /// A letter of a script that knows capitals.
    private func isLetter(_ scalar: Unicode.Scalar) -> Bool {
        scalar.isASCII ? scalar.properties.isAlphabetic : scalar.properties.isCased
    }
    /// A letter of any script, or a digit; no mark.
    private func isPlain(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .lowercaseLetter, .uppercaseLetter, .titlecaseLetter, .otherLetter, .decimalNumber: true
        default: false
        }
    }
    private func lower(_ scalar: Unicode.Scalar) -> Unicode.Scalar {
        (65...90).contains(scalar.value) ? Unicode.Scalar(UInt8(scalar.value + 32)) : scalar
    }
    private func upper(_ scalar: Unicode.Scalar) -> Unicode.Scalar {
        (97...122).contains(scalar.value) ? Unicode.Scalar(UInt8(scalar.value - 32)) : scalar
    }
}
