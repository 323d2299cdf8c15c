/// What is wrong with a text that is no JSON that the guard takes. Holds nothing of the text.
package struct JSONFault: Error, Hashable {
    /// A step on the way to a value.
    enum Step: Hashable {
        /// A member; its name where it is one that protocols define, else `?`, so that no text of a caller is shown.
        case member(String)
        /// An item of a list, from 0.
        case item(Int)
    }
    /// What is wrong, a clause.
    package let what: String
    /// Where, from 0.
    package let byte: Int
    /// Whether a bound was passed that has to do with size alone.
    package let isTooLarge: Bool
    /// The way to the value, innermost step first.
    private var steps: [Step] = []

    init(_ what: String, at byte: Int, isTooLarge: Bool = false) {
        (self.what, self.byte, self.isTooLarge) = (what, byte, isTooLarge)
    }

    /// The same fault as seen from the value around it.
    func inside(_ step: Step) -> JSONFault {
        var outer = self
        outer.steps.append(step)
        return outer
    }

    /// The way to the value, such as `inputs[0].data[3]`; empty for the whole text.
    package var place: String {
        var text = ""
        for step in steps.reversed() {
            switch step {
            case .member(let name): text += text.isEmpty ? name : "." + name
            case .item(let index): text += "[\(index)]"
            }
        }
        return text
    }

    /// The same as a refusal: 400, or 413 for what is too large.
    package var refusal: GuardRefusal {
        GuardRefusal(
            isTooLarge ? .tooLarge : .malformed, "the body is no JSON that is served: \(what), at byte \(byte)",
            field: place, reason: "json")
    }
}
