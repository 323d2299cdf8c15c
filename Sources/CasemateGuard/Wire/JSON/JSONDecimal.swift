import Foundation

/// A number as it is written in a checked text, before it is known of which type it is.
struct JSONDecimal {
    let isNegative: Bool
    /// The first 19 significant digits.
    let mantissa: UInt64
    /// The number is `mantissa * 10^exponent` and what was left out.
    let exponent: Int
    /// Whether nothing but zeros was left out.
    let isExact: Bool
    /// Whether there is neither fraction nor exponent.
    let isWhole: Bool
    /// The number as written.
    let text: UnsafeBufferPointer<UInt8>

    static func isDigit(_ byte: UInt8) -> Bool { byte &- 0x30 <= 9 }
    /// Whether a number begins with the byte.
    static func begins(_ byte: UInt8) -> Bool { isDigit(byte) || byte == UInt8(ascii: "-") }
    /// Goes to the next number of a checked list of numbers.
    static func skip(_ bytes: UnsafeBufferPointer<UInt8>, _ at: inout Int) {
        while at < bytes.count, !begins(bytes[at]) { at += 1 }
    }

    /// Reads the number at a place of a checked text and goes behind it.
    init(_ bytes: UnsafeBufferPointer<UInt8>, at place: inout Int) {
        let start = place
        // why: a copy in a register; the caller's variable is written once.
        var at = place
        var (mantissa, digits, exponent) = (UInt64(0), 0, 0)
        var (isExact, isWhole) = (true, true)
        isNegative = at < bytes.count && bytes[at] == UInt8(ascii: "-")
        if isNegative { at += 1 }
        while at < bytes.count, Self.isDigit(bytes[at]) {
            if digits < 19 {
                mantissa = mantissa &* 10 &+ UInt64(bytes[at] &- 0x30)
                if mantissa != 0 { digits += 1 }
            } else {
                exponent += 1
                if bytes[at] != 0x30 { isExact = false }
            }
            at += 1
        }
        if at < bytes.count, bytes[at] == UInt8(ascii: ".") {
            isWhole = false
            at += 1
            while at < bytes.count, Self.isDigit(bytes[at]) {
                if digits < 19 {
                    mantissa = mantissa &* 10 &+ UInt64(bytes[at] &- 0x30)
                    if mantissa != 0 { digits += 1 }
                    exponent -= 1
                } else if bytes[at] != 0x30 {
                    isExact = false
                }
                at += 1
            }
        }
        if at < bytes.count, bytes[at] | 0x20 == UInt8(ascii: "e") {
            isWhole = false
            exponent += Self.exponent(bytes, &at)
        }
        (self.mantissa, self.exponent, self.isExact, self.isWhole) = (mantissa, exponent, isExact, isWhole)
        text = UnsafeBufferPointer(rebasing: bytes[start..<at])
        place = at
    }

    private static func exponent(_ bytes: UnsafeBufferPointer<UInt8>, _ at: inout Int) -> Int {
        at += 1
        var isNegative = false
        if at < bytes.count, !isDigit(bytes[at]) {
            isNegative = bytes[at] == UInt8(ascii: "-")
            at += 1
        }
        var size = 0
        while at < bytes.count, isDigit(bytes[at]) {
            if size < 100_000 { size = size * 10 + Int(bytes[at] &- 0x30) }
            at += 1
        }
        return isNegative ? -size : size
    }

    // MARK: Whole numbers

    /// The size of a whole number; `nil` beyond the range of UInt64 and for what is not written as a whole number.
    var magnitude: UInt64? {
        guard isWhole else { return nil }
        if exponent == 0 { return mantissa }
        // why: 20 digits may still fit, and only the first 19 are in the mantissa.
        guard exponent == 1, let last = text.last else { return nil }
        let (tens, isOver) = mantissa.multipliedReportingOverflow(by: 10)
        let (sum, isPast) = tens.addingReportingOverflow(UInt64(last &- 0x30))
        return isOver || isPast ? nil : sum
    }

    // MARK: Binary fractions

    /// Powers of five that 64 bits hold.
    private static let fives: [UInt64] = (0...27).map { power in (0..<power).reduce(1) { sum, _ in sum * 5 } }

    /// The nearest number of `bits` significant bits, ties to even, as `significand * 2^exponent` with the top bit of
    /// the significand set; `nil` where 64-bit arithmetic does not decide.
    ///
    /// why own: texts of 17 digits are what clients send (a float32 written as float64), and the C library takes ten
    /// times as long for them. The quotient of 64-bit integers with its remainder decides the rounding exactly.
    func rounded(to bits: Int) -> (significand: UInt64, exponent: Int)? {
        guard isExact, mantissa != 0, abs(exponent) <= 27 else { return nil }
        let five = Self.fives[abs(exponent)]
        var (digits, power, hasRest): (UInt64, Int, Bool)
        if exponent < 0 {
            let (up, down) = (mantissa.leadingZeroBitCount, five.leadingZeroBitCount)
            let scaled = mantissa << UInt64(up)
            let parts = (five << UInt64(down)).dividingFullWidth((scaled >> 1, scaled << 63))
            (digits, hasRest) = (parts.quotient, parts.remainder != 0)
            power = down - up - 63 + exponent
        } else {
            let product = mantissa.multipliedFullWidth(by: five)
            let shift = product.high.leadingZeroBitCount
            if product.high == 0 {
                (digits, hasRest, power) = (product.low, false, exponent)
            } else {
                digits = product.high << UInt64(shift)
                if shift > 0 { digits |= product.low >> UInt64(64 - shift) }
                hasRest = product.low << UInt64(shift) != 0
                power = exponent + 64 - shift
            }
        }
        let shift = digits.leadingZeroBitCount
        digits <<= UInt64(shift)
        power -= shift
        let dropped = UInt64(64 - bits)
        var kept = digits >> dropped
        let (rest, half) = (digits & (1 << dropped - 1), UInt64(1) << (dropped - 1))
        if rest > half || (rest == half && (hasRest || kept & 1 == 1)) { kept += 1 }
        if kept >> UInt64(bits) == 1 {
            kept >>= 1
            power += 1
        }
        return (kept, power + Int(dropped))
    }

    /// Runs `body` with the text, ended by a zero byte; the length of numbers is bounded.
    fileprivate func withText<Result>(_ body: (UnsafePointer<CChar>) -> Result) -> Result {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: text.count + 1) { copy in
            for index in 0..<text.count { copy[index] = CChar(bitPattern: text[index]) }
            copy[text.count] = 0
            // why: an allocation of at least one byte has an address; a zero byte stands in for the compiler.
            var end: CChar = 0
            return copy.baseAddress.map { body($0) } ?? body(&end)
        }
    }

    /// The nearest float64; infinite beyond its range.
    var double: Double {
        if mantissa == 0, isExact { return isNegative ? -0.0 : 0 }
        guard let (significand, exponent) = rounded(to: 53) else { return withText { strtod($0, nil) } }
        let bits = UInt64(exponent + 52 + 1_023) << 52 | significand & (1 << 52 - 1)
        return Double(bitPattern: isNegative ? bits | 1 << 63 : bits)
    }

    /// The nearest float32; infinite beyond its range.
    var float: Float {
        if mantissa == 0, isExact { return isNegative ? -0.0 : 0 }
        guard let (significand, exponent) = rounded(to: 24) else { return withText { strtof($0, nil) } }
        guard exponent + 23 <= 127 else { return isNegative ? -.infinity : .infinity }
        let bits = UInt32(exponent + 23 + 127) << 23 | UInt32(significand) & (1 << 23 - 1)
        return Float(bitPattern: isNegative ? bits | 1 << 31 : bits)
    }
}

/// A type of numbers that can be made of a decimal, or not.
protocol JSONNumeric {
    /// The number; `nil` when it is out of range, or no whole number where one is needed.
    static func make(_ decimal: JSONDecimal) -> Self?
}
extension JSONNumeric where Self: FixedWidthInteger {
    static func make(_ decimal: JSONDecimal) -> Self? {
        guard let size = decimal.magnitude else { return nil }
        guard decimal.isNegative else { return Self(exactly: size) }
        if size <= UInt64(Int64.max) { return Self(exactly: -Int64(size)) }
        return size == 1 << 63 ? Self(exactly: Int64.min) : nil
    }
}
extension Int8: JSONNumeric {}
extension Int16: JSONNumeric {}
extension Int32: JSONNumeric {}
extension Int64: JSONNumeric {}
extension UInt8: JSONNumeric {}
extension UInt16: JSONNumeric {}
extension UInt32: JSONNumeric {}
extension UInt64: JSONNumeric {}
extension Float: JSONNumeric {
    static func make(_ decimal: JSONDecimal) -> Float? {
        let value = decimal.float
        return value.isFinite ? value : nil
    }
}
extension Double: JSONNumeric {
    static func make(_ decimal: JSONDecimal) -> Double? {
        let value = decimal.double
        return value.isFinite ? value : nil
    }
}
