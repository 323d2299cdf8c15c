import CasemateCore

extension TrainingSettings {
    /// Refuses settings that make no sense.
    func check() throws(CasemateError) {
        func require(_ holds: Bool, _ name: String, _ what: String, _ help: String) throws(CasemateError) {
            if !holds { throw CasemateError(.invalidSetting, at: "training.\(name)", what, help: help) }
        }
        try require((1...1_000_000).contains(epochs), "epochs", "\(epochs) is not possible", "use 1 to 1000000")
        try require((1...1 << 24).contains(batchSize), "batchSize", "\(batchSize) is not possible", "use 1 or more")
        try require(
            optimiser.rate.isFinite && optimiser.rate > 0, "rate", "\(optimiser.rate) is no learning rate",
            "use a positive number such as 0.001")
        try require(
            optimiser.decay.isFinite && optimiser.decay >= 0, "weightDecay", "\(optimiser.decay) is not possible",
            "use 0 or a small positive number")
        switch optimiser {
        case .sgd(_, let momentum, let isNesterov, _):
            try require((0..<1).contains(momentum), "momentum", "\(momentum) is outside 0..<1", "use 0.9 or 0")
            try require(
                !isNesterov || momentum > 0, "isNesterov", "needs a momentum", "set a momentum such as 0.9")
        case .adam(_, let beta1, let beta2, let epsilon, _), .adamW(_, let beta1, let beta2, let epsilon, _):
            let range = 0.0..<1.0
            try require(
                range.contains(beta1) && range.contains(beta2), "beta", "\(beta1) and \(beta2) must lie in 0..<1",
                "use 0.9 and 0.999")
            try require(epsilon.isFinite && epsilon > 0, "epsilon", "\(epsilon) is not possible", "use 1e-8")
        }
        switch schedule {
        case .constant: break
        case .step(let every, let factor):
            try require(
                every >= 1 && factor.isFinite && factor > 0, "schedule", "every \(every) by \(factor) is not possible",
                "use at least 1 epoch and a positive factor")
        case .cosine(let floor):
            try require((0...1).contains(floor), "schedule", "floor \(floor) is outside 0...1", "use 0")
        }
    }
}
