public import CasemateCore

/// Labels of random rows become another class: what careless or hostile labelling does to every decision.
///
/// Source: Biggio, Nelson, Laskov, "Support vector machines under adversarial label noise", ACML 2011 (random flips).
/// Success is any wrong decision on the test rows.
public struct RandomFlips: PoisoningAttack {
    /// Name on the command line.
    public static let identifier = "random_flips"
    /// Heading in reports.
    public static let title = "Random label flips"
    /// Labels stand beside every kind of sample.
    public static let media = PoisoningMedium.allCases
    /// Decisions become worse for everybody.
    public static let violation = Taxonomy.Violation.availability
    /// Creates the attack.
    public init() {}

    /// Takes rows of any class.
    public func aim(in session: PoisoningSession) throws -> PoisoningAim {
        PoisoningAim(
            "labels of random rows become another class", target: nil, attacked: session.problem.test,
            rows: session.shuffledRows { _ in true })
    }

    /// Flips the first rows.
    public func plants(_ count: Int, trial: Int, for aim: PoisoningAim, in session: PoisoningSession) -> [Plant] {
        let classes = Int32(session.problem.classes.count)
        var generator = session.generator(1)
        return aim.rows.prefix(count).map { row in
            let step = Int32.random(in: 1..<max(2, classes), using: &generator)
            return Plant(row: row, .unchanged, label: (session.problem.train.labels[row] + step) % classes)
        }
    }
}
