/// Operators that gradients go through, as `docs/reference/operators.md` lists them.
package enum OperatorCatalogue {
    /// Names in order, with the domain in front where it is not the standard one.
    package static var operators: [String] {
        var names = Set(Differentiator.operators)
        names.formUnion(OperatorLowering.compoundRewrites.keys)
        names.formUnion(OperatorLowering.normRewrites.keys)
        names.formUnion(OperatorLowering.recurrentRewrites.keys)
        names.formUnion(OperatorLowering.classifierRewrites.keys)
        // Old names that a version rewrite turns into present ones.
        names.formUnion(["Upsample", "Scatter"])
        return names.sorted()
    }
}
