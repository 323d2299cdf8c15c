import CasemateCore

/// Sets of text pieces as short signatures that tell how much two sets share.
///
/// One permutation with optimal densification: the hashes of a set are dealt into bins, each keeps its least, and an
/// empty bin borrows from another one. The share of equal bins estimates the Jaccard index J with a standard error of
/// sqrt(J (1 - J) / bins), at most 0.044 for 128 bins. Sources: Broder, "On the resemblance and containment of
/// documents", 1997; Shrivastava, "Optimal densification for fast and accurate minwise hashing", ICML 2017.
package struct MinHash: Hashable, Sendable {
    /// Values of a signature.
    package static let bins = 128
    /// Bands into which signatures are cut for looking up, and values of a band.
    package static let bands = 32, bandRows = 4
    /// Letters of a piece.
    package static let shingle = 5

    /// The different pieces of five letters of a text, as ascending hashes: small letters, runs of blanks as one, at most
    /// 20,000 bytes. Empty for a text of fewer than 20 letters.
    package static func shingles(_ text: String) -> [UInt64] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(min(text.utf8.count, 20_000))
        for byte in text.lowercased().utf8.prefix(20_000) {
            let isBlank = byte == 32 || (9...13).contains(byte)
            if !isBlank {
                bytes.append(byte)
            } else if let last = bytes.last, last != 32 {
                bytes.append(32)
            }
        }
        guard bytes.count >= 20 else { return [] }
        var hashes: [UInt64] = []
        hashes.reserveCapacity(bytes.count)
        for first in 0...(bytes.count - shingle) {
            var word: UInt64 = 0
            for offset in 0..<shingle { word = word << 8 | UInt64(bytes[first + offset]) }
            hashes.append(mixed(word))
        }
        hashes.sort()
        var result: [UInt64] = []
        result.reserveCapacity(hashes.count)
        for hash in hashes where result.last != hash { result.append(hash) }
        return result
    }

    /// The signature of a set of hashes, `[bins]`; the set must not be empty.
    package static func signature(_ set: [UInt64]) -> [UInt32] {
        var least = [UInt32](repeating: .max, count: bins)
        var isFilled = [Bool](repeating: false, count: bins)
        for hash in set {
            let (bin, value) = (Int(hash >> 57), UInt32(truncatingIfNeeded: hash))
            if !isFilled[bin] || value < least[bin] { least[bin] = value }
            isFilled[bin] = true
        }
        guard !set.isEmpty else { return least }
        var result = least
        for bin in 0..<bins where !isFilled[bin] {
            var attempt: UInt64 = 1
            while true {
                let other = Int(mixed(UInt64(bin) << 32 | attempt) % UInt64(bins))
                if isFilled[other] {
                    result[bin] = least[other]
                    break
                }
                attempt += 1
            }
        }
        return result
    }

    /// Estimate of the Jaccard index of the sets behind two signatures.
    package static func estimate(_ one: [UInt32], _ other: [UInt32]) -> Double {
        Double(zip(one, other).count { $0 == $1 }) / Double(bins)
    }

    /// The Jaccard index of two ascending sets; 0 where both are empty.
    package static func jaccard(_ one: [UInt64], _ other: [UInt64]) -> Double {
        var (left, right, shared) = (0, 0, 0)
        while left < one.count, right < other.count {
            if one[left] == other[right] {
                shared += 1
                left += 1
                right += 1
            } else if one[left] < other[right] {
                left += 1
            } else {
                right += 1
            }
        }
        let union = one.count + other.count - shared
        return union > 0 ? Double(shared) / Double(union) : 0
    }

    /// The keys of a signature's bands.
    static func keys(_ signature: [UInt32]) -> [UInt64] {
        (0..<bands).map { band in
            var key = mixed(UInt64(band) + 1)
            for row in 0..<bandRows { key = mixed(key ^ UInt64(signature[band * bandRows + row])) }
            return key
        }
    }

    /// The finaliser of SplitMix64. Source: Steele, Lea, Flood, 2014.
    static func mixed(_ value: UInt64) -> UInt64 {
        var z = value &+ 0x9E37_79B9_7F4A_7C15
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
