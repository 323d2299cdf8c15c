import CasemateCore

/// The work behind `LedgerReview`.
struct LedgerExaminer {
    typealias Problem = LedgerReview.Problem
    private let content: LedgerContent, trusted: [VerifyingKey]
    private var parsed: [Int: LedgerReview.Placed] = [:]
    /// Lines that are not what they were.
    private var damaged: Set<Int> = []
    private(set) var problems: [Problem] = []
    private(set) var ledger: String?
    /// Entries that are what they were, each once.
    private(set) var sound: [LedgerReview.Placed] = []

    init(_ content: LedgerContent, trusted: [VerifyingKey]) { (self.content, self.trusted) = (content, trusted) }

    mutating func run() {
        parse()
        checkLedger()
        checkSignatures()
        checkLinks()
        sound = parsed.keys.sorted().filter { !damaged.contains($0) }.compactMap { parsed[$0] }
        dropRepeated()
        checkOrder()
        checkGaps()
        if let torn = content.torn {
            let note = "The last line has no end (\(torn.count) bytes): writing it was interrupted, or it was cut."
            problems.append(
                Problem(kind: .torn, sequence: nil, position: content.lines.count, sentence: note))
        }
        problems.sort { ($0.position ?? .max, $0.sequence ?? .max) < ($1.position ?? .max, $1.sequence ?? .max) }
    }

    private mutating func blame(_ position: Int, _ sentence: String) {
        guard damaged.insert(position).inserted else { return }
        problems.append(
            Problem(
                kind: .altered, sequence: parsed[position]?.entry.sequence, position: position, sentence: sentence))
    }

    private mutating func parse() {
        for (position, line) in content.lines.enumerated() {
            guard line.count <= LedgerContent.longestLine else {
                blame(position, "Line \(position + 1) is longer than any entry.")
                continue
            }
            do throws(LedgerFault) {
                let entry = try LedgerEntry(line: line)
                parsed[position] = LedgerReview.Placed(
                    entry: entry, hash: LedgerEntry.hash(line), position: position)
            } catch {
                blame(position, "Line \(position + 1) is no entry: \(error.what).")
            }
        }
    }

    /// All entries carry the identifier of one ledger.
    private mutating func checkLedger() {
        var counts: [String: Int] = [:]
        for placed in parsed.values { counts[placed.entry.ledger, default: 0] += 1 }
        ledger = counts.max { ($0.value, $1.key) < ($1.value, $0.key) }?.key
        for (position, placed) in parsed.sorted(by: { $0.key < $1.key }) where placed.entry.ledger != ledger {
            blame(position, "Line \(position + 1) belongs to another ledger.")
        }
    }

    private mutating func checkSignatures() {
        let keys = Dictionary(trusted.map { ($0.identifier, $0) }, uniquingKeysWith: { first, _ in first })
        for (position, placed) in parsed.sorted(by: { $0.key < $1.key }) {
            let entry = placed.entry
            guard entry.isSignedConsistently == false else { continue }
            let who = entry.signer.map { "key \($0.identifier.prefix(16))…" } ?? "any key"
            let known = entry.signer.flatMap { keys[$0.identifier] } == nil ? "" : ", which is trusted"
            blame(
                position,
                entry.signature == nil
                    ? "Entry \(entry.sequence) names \(who) and its signature is gone."
                    : "The signature of entry \(entry.sequence) does not fit \(who)\(known): the entry or the signature "
                        + "was altered.")
        }
    }

    /// A line that the next one does not vouch for was altered, unless the next one is itself damaged or gone.
    private mutating func checkLinks() {
        let vouched = Set(parsed.values.map(\.entry.previous))
        var holders: [Int: [Int]] = [:]
        for (position, placed) in parsed { holders[placed.entry.sequence, default: []].append(position) }
        let places = Dictionary(parsed.values.map { ($0.hash, $0) }, uniquingKeysWith: { first, _ in first })
        // why from the end: whether a line is damaged decides what its want of a successor says about the one before.
        for position in parsed.keys.sorted(by: >) {
            guard let placed = parsed[position], !damaged.contains(position) else { continue }
            let entry = placed.entry
            if let before = places[entry.previous], before.entry.sequence + 1 != entry.sequence {
                blame(position, "Line \(position + 1) says that it is entry \(entry.sequence) and follows another one.")
                continue
            }
            if entry.sequence == 0, entry.previous != LedgerEntry.genesis {
                blame(position, "Entry 0 names an entry before it.")
                continue
            }
            guard !vouched.contains(placed.hash) else { continue }
            let next = (holders[entry.sequence + 1] ?? []).filter { !damaged.contains($0) }.min()
            guard let next, let successor = parsed[next] else { continue }
            blameLink(placed, successor, isVouched: vouched.contains(successor.hash))
        }
    }

    /// Two neighbours do not fit: the signature, or the one behind them, tells which one was altered.
    private mutating func blameLink(
        _ one: LedgerReview.Placed, _ next: LedgerReview.Placed, isVouched: Bool
    ) {
        let (first, second) = (isGenuine(one), isGenuine(next))
        let note = "entry \(next.entry.sequence) does not continue it"
        if first && !second {
            blame(
                next.position, "Entry \(next.entry.sequence) names another entry before it than the one that is there.")
        } else if second || isVouched {
            blame(one.position, "Entry \(one.entry.sequence) was altered: \(note).")
        } else {
            blame(
                one.position,
                "Entry \(one.entry.sequence) was altered, or the link in entry \(next.entry.sequence): \(note).")
        }
    }

    /// Whether a signature says that an entry is as it was written.
    private func isGenuine(_ placed: LedgerReview.Placed) -> Bool {
        guard placed.entry.isSignedConsistently == true else { return false }
        return trusted.isEmpty || trusted.contains { $0.identifier == placed.entry.signer?.identifier }
    }

    private mutating func dropRepeated() {
        var first: [String: Int] = [:]
        var kept: [LedgerReview.Placed] = []
        for placed in sound {
            if let earlier = first[placed.hash] {
                problems.append(
                    Problem(
                        kind: .repeated, sequence: placed.entry.sequence, position: placed.position,
                        sentence: "Entry \(placed.entry.sequence) stands twice, in lines \(earlier + 1) and "
                            + "\(placed.position + 1)."))
            } else {
                first[placed.hash] = placed.position
                kept.append(placed)
            }
        }
        sound = kept
    }

    /// Lines that stand outside the longest ascending run of sequence numbers are in the wrong place.
    private mutating func checkOrder() {
        var tails: [Int] = [], before = [Int?](repeating: nil, count: sound.count)
        for index in sound.indices {
            let sequence = sound[index].entry.sequence
            var low = 0, high = tails.count
            while low < high {
                let middle = (low + high) / 2
                if sound[tails[middle]].entry.sequence < sequence { low = middle + 1 } else { high = middle }
            }
            before[index] = low > 0 ? tails[low - 1] : nil
            if low == tails.count { tails.append(index) } else { tails[low] = index }
        }
        var run: Set<Int> = []
        var index = tails.last
        while let current = index {
            run.insert(current)
            index = before[current]
        }
        // A line that was taken elsewhere shifts all in between, two that changed places shift none: the smaller set of
        // lines that would have to move is what happened.
        let ranks = sound.map(\.entry.sequence).sorted()
        let shifted = sound.indices.filter { sound[$0].entry.sequence != ranks[$0] }
        let strays = sound.indices.filter { !run.contains($0) }
        for index in shifted.count <= strays.count ? shifted : strays {
            let placed = sound[index]
            problems.append(
                Problem(
                    kind: .reordered, sequence: placed.entry.sequence, position: placed.position,
                    sentence: "Entry \(placed.entry.sequence) stands in line \(placed.position + 1), out of order."))
        }
    }

    /// Sequence numbers that are missing and that no damaged line in between can have had.
    private mutating func checkGaps() {
        let ordered = sound.sorted { ($0.entry.sequence, $0.position) < ($1.entry.sequence, $1.position) }
        var expected = 0, position = -1
        for placed in ordered {
            let sequence = placed.entry.sequence
            if sequence > expected {
                let between = damaged.count { $0 > position && $0 < placed.position }
                for missing in (expected..<sequence).dropFirst(between).prefix(100) {
                    problems.append(
                        Problem(
                            kind: .removed, sequence: missing, position: nil,
                            sentence: "Entry \(missing) is missing: it was removed from between its neighbours."))
                }
            }
            (expected, position) = (sequence + 1, max(position, placed.position))
        }
    }
}
