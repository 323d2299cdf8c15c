/// The stages that ship, in the order in which a request passes them; answers pass them in the same order.
public let builtInStages: [any GuardStage.Type] = [
    LimitsStage.self, ValidationStage.self, AnomalyStage.self, SecondOpinionStage.self, PatternStage.self,
    WatermarkStage.self, AnswerStage.self,
]
