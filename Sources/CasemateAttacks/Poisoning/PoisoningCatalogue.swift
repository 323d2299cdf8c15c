/// The poisoning attacks that ship, in the order reports show them.
public let poisoningAttacks: [any PoisoningAttack.Type] = [
    RandomFlips.self, TargetedFlips.self, InsiderApproval.self, TableTrigger.self, DictionaryAttack.self,
    FocusedAttack.self, GoodWordsRounds.self, TokenTrigger.self, PatchTrigger.self, BlendedTrigger.self,
]
