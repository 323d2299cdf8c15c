import CasemateModels
import Foundation
import NIOCore
import NIOHTTP1

/// A call of an upstream that gave no answer: what the caller is told, and what it says about the server.
struct UpstreamFailure: Error, Sendable {
    let refusal: GuardRefusal
    let outcome: CircuitBreaker.Outcome

    static let timeout = UpstreamFailure(
        refusal: GuardRefusal(.upstreamTimeout, "the model's server took too long", reason: "upstream_timeout"),
        outcome: .failure)

    init(refusal: GuardRefusal, outcome: CircuitBreaker.Outcome) { (self.refusal, self.outcome) = (refusal, outcome) }

    /// What a call without an answer means.
    init(_ failure: UpstreamClient.Failure) {
        switch failure {
        case .timeout: self = Self.timeout
        case .noConnection:
            self.init(
                refusal: GuardRefusal(
                    .unavailable, "the model's server cannot be reached", retryAfter: 5, reason: "upstream_down"),
                outcome: .failure)
        case .broken: self = Self.failed("upstream_reset")
        case .tooLarge: self = Self.failed("upstream_too_large")
        }
    }

    private static func failed(_ reason: String, _ outcome: CircuitBreaker.Outcome = .failure) -> UpstreamFailure {
        UpstreamFailure(
            refusal: GuardRefusal(.upstreamFailed, "the model's server failed", reason: reason), outcome: outcome)
    }

    /// An answer that is not what was promised.
    static func lie(_ lie: ServingLie) -> UpstreamFailure {
        // why neither: what one caller's values do to the model must not close the door for the others.
        lie.isNotNumber
            ? UpstreamFailure(
                refusal: GuardRefusal(.upstreamFailed, "the model's answer is not a number", reason: "not_a_number"),
                outcome: .neither)
            : failed("upstream_answer")
    }

    /// Sorts statuses; returns for 200 alone.
    static func check(_ reply: UpstreamClient.Reply) throws(UpstreamFailure) {
        switch reply.status {
        case 200: return
        // why success: a server that refuses values works; and its words may hold the values, so that none is passed on.
        case 400, 422:
            throw UpstreamFailure(
                refusal: GuardRefusal(
                    .unprocessable, "the model's server does not accept these values", reason: "upstream_rejected"),
                outcome: .success)
        case 413:
            throw UpstreamFailure(
                refusal: GuardRefusal(
                    .tooLarge, "the model's server takes no request of this size", reason: "upstream_rejected"),
                outcome: .success)
        case 429, 503:
            let wait = reply.headers.first(name: "retry-after").flatMap { Double($0) } ?? 1
            throw UpstreamFailure(
                refusal: GuardRefusal(
                    .unavailable, "the model's server is busy", retryAfter: wait.isFinite ? min(60, max(1, wait)) : 1,
                    reason: "upstream_busy"),
                outcome: reply.status == 429 ? .neither : .failure)
        case 504: throw timeout
        default: throw failed("upstream_status")
        }
    }
}
