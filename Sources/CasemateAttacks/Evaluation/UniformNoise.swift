import CasemateCore

/// Random points of the ball, tried one after the other: what every attack must beat.
struct UniformNoise: WhiteBoxAttack {
    static let identifier = "noise"
    static let norms: [PerturbationSet.Norm] = [.linf, .l2, .l1]
    static let access = AttackAccess.scores
    static let needsRadius = true
    /// Points for each sample.
    var trials = 10
    var settings: [String: String] { ["trials": String(trials)] }

    func search(in session: WhiteBoxSession) throws {
        var starts = RandomStarts(session)
        for _ in 0..<trials where !session.open.isEmpty {
            let lanes = session.open
            var points = session.originals(lanes)
            starts.scatter(&points, of: lanes)
            _ = try session.forward(&points, of: lanes)
        }
    }
}
