/// The attacks with a model's gradients or logits that ship, in the order reports show them.
public let whiteBoxAttacks: [any WhiteBoxAttack.Type] = [
    FastGradientSign.self, ProjectedGradientDescent.self, MomentumIterative.self, AutoPGDCrossEntropy.self,
    AutoPGDLogitsRatio.self, AutoPGDTargeted.self, FastAdaptiveBoundary.self, TargetedFastAdaptiveBoundary.self,
    SquareAttack.self, AutoAttack.self, DeepFool.self, DecoupledDirection.self, FastMinimumNorm.self,
    CarliniWagner.self, AttackPool.self,
]
