import CasemateCore

/// What an attack may still ask for a sample: the run's limit, and a number of its own where the run sets none.
struct QueryAllowance {
    private let session: EvasionSession
    private let before: [Int]
    private let most: Int

    /// Counts from now on.
    init(_ session: EvasionSession, most: Int) {
        (self.session, self.most) = (session, most)
        before = Array(session.queries.values)
    }

    /// Queries left.
    func left(_ sample: Int) -> Int {
        min(session.remaining(sample), most - (session.queries[sample] - before[sample]))
    }

    /// Refuses a setting of an attack.
    static func require(
        _ isRight: Bool, _ attack: String, _ setting: String, _ value: String, _ help: String
    ) throws(CasemateError) {
        guard !isRight else { return }
        throw CasemateError(.invalidSetting, at: "\(attack).\(setting)", "'\(value)' makes no sense", help: help)
    }
}
