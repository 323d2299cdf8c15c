import CasemateModels

/// A spam filter by token scores over one column of texts.
struct TokenVictim: RoniVictim {
    struct Prepared: Sendable {
        let filter: TokenFilter
        let validation: [Int]
    }
    let trusted: TokenRows, suspects: TokenRows
    let trustedLabels: [Int], suspectLabels: [Int]

    init(trusted: [String], trustedLabels: [Int], suspects: [String], suspectLabels: [Int]) {
        let words = trusted.map { TextTokens.words($0) }
        let other = suspects.map { TextTokens.words($0) }
        // why: words of suspect texts alone have no score to poison, yet they count once the text is learnt.
        let vocabulary = TextVocabulary(words + other)
        (self.trusted, self.suspects) = (vocabulary.rows(words), vocabulary.rows(other))
        (self.trustedLabels, self.suspectLabels) = (trustedLabels, suspectLabels)
    }

    func prepare(_ pair: RoniPair) -> Prepared {
        var filter = TokenFilter(width: trusted.width)
        for row in pair.training { filter.learn(trusted[row], class: trustedLabels[row]) }
        return Prepared(filter: filter, validation: pair.validation)
    }

    func score(_ prepared: Prepared, adding: [RoniCandidate]) -> RoniScore {
        var filter = prepared.filter
        for candidate in adding {
            switch candidate {
            case .trusted(let row): filter.learn(trusted[row], class: trustedLabels[row])
            case .suspect(let row): filter.learn(suspects[row], class: suspectLabels[row])
            }
        }
        var score = RoniScore()
        var counts = [0.0, 0.0]
        for row in prepared.validation {
            let label = trustedLabels[row]
            let one = filter.score(trusted[row])
            score.right[label] += label == 1 ? one : 1 - one
            counts[label] += 1
        }
        for label in 0...1 { score.right[label] /= max(1, counts[label]) }
        return score
    }

    func doubts(training: [Int]) -> [Double] {
        let filter = prepare(RoniPair(training: training, validation: [])).filter
        return suspectLabels.indices.map { row in
            let one = filter.score(suspects[row])
            return suspectLabels[row] == 1 ? 1 - one : one
        }
    }
}
