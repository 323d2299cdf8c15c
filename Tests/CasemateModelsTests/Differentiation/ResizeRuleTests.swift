import CasemateCore
import CasemateModels
import TestSupport
import Testing

/// Copying and interpolation of every kind, which are linear, against differences with a large step.
@Suite struct ResizeRuleTests {
    static let transformations = [
        "half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel", "half_pixel_symmetric",
    ]

    @Test(arguments: transformations, ["floor", "ceil", "round_prefer_floor", "round_prefer_ceil"])
    func nearest(transformation: String, rounding: String) {
        for scales in [[1, 1, 2, 2], [1, 1, 3, 2], [1, 1, 1.5, 0.6], [1, 1, 1.2, 1]] {
            RuleCheck(
                "Resize", [.real([2, 2, 4, 5]), .none, .singles(scales)],
                [
                    .text("mode", "nearest"), .text("nearest_mode", rounding),
                    .text("coordinate_transformation_mode", transformation),
                ], opset: 19, isBatched: true, reference: .linear
            ).verify(seeds: 0..<1)
        }
    }

    @Test(arguments: transformations, ["linear", "cubic"]) func interpolated(transformation: String, mode: String) {
        let settings: [OnnxAttributeProto] = [
            .text("mode", mode), .text("coordinate_transformation_mode", transformation),
        ]
        for scales in [[1, 1, 2, 2], [1, 1, 1.7, 0.6], [1, 1, 1, 3]] {
            RuleCheck(
                "Resize", [.real([2, 2, 4, 5]), .none, .singles(scales)], settings, opset: 19, isBatched: true,
                reference: .linear
            ).verify(seeds: 0..<1)
        }
        for sizes in [[2, 2, 8, 10], [2, 2, 7, 3], [2, 2, 1, 1]] {
            RuleCheck(
                "Resize", [.real([2, 2, 4, 5]), .none, .none, .wholes(sizes)], settings, opset: 19, reference: .linear
            ).verify(seeds: 0..<1)
        }
    }

    /// Stated axes, smoothed shrinking, a part of the image, other ranks and versions.
    @Test func otherForms() {
        let linear: [OnnxAttributeProto] = [.text("mode", "linear")]
        let cases: [([RuleCheck.Operand], [OnnxAttributeProto], Int, Bool)] = [
            ([.real([2, 3, 4, 5]), .none, .none, .wholes([6, 9])], linear + [.ints("axes", [2, 3])], 18, true),
            ([.real([2, 3, 4, 5]), .none, .singles([1.5, 2])], linear + [.ints("axes", [-1, 2])], 18, true),
            (
                [.real([2, 3, 8, 9]), .none, .none, .wholes([3, 4])],
                linear
                    + [.ints("axes", [2, 3]), .int("antialias", 1)], 18, true
            ),
            (
                [.real([2, 3, 8, 9]), .none, .singles([1, 1, 0.5, 0.4])],
                [.text("mode", "cubic"), .int("antialias", 1), .int("exclude_outside", 1)], 18, true
            ),
            (
                [.real([2, 3, 6, 5]), .singles([0, 0, 0.1, 0.2, 1, 1, 0.8, 1.3]), .none, .wholes([2, 3, 7, 8])],
                linear + [
                    .text("coordinate_transformation_mode", "tf_crop_and_resize"), .float("extrapolation_value", 0),
                ], 13, false
            ),
            ([.real([2, 3, 6]), .none, .singles([1, 1, 2])], [.text("mode", "nearest")], 13, true),
            ([.real([1, 2, 2, 3, 2]), .none, .singles([1, 1, 2, 2, 3])], [.text("mode", "nearest")], 13, false),
            ([.real([1, 2, 2, 3, 2]), .none, .singles([1, 1, 2, 1.5, 2])], linear, 13, false),
            ([.real([3, 4]), .none, .singles([2, 1.5])], linear, 13, false),
            ([.real([2, 2, 3, 3]), .singles([1, 1, 2, 2])], [.text("mode", "nearest")], 10, true),
            ([.real([2, 2, 3, 3]), .singles([1, 1, 2, 3])], linear, 10, true),
        ]
        for (operands, settings, opset, isBatched) in cases {
            RuleCheck("Resize", operands, settings, opset: opset, isBatched: isBatched, reference: .linear).verify(
                seeds: 0..<1)
        }
        for mode in ["nearest", "linear"] {
            RuleCheck(
                "Upsample", [.real([2, 2, 3, 4]), .singles([1, 1, 2, 2])], [.text("mode", mode)], opset: 9,
                isBatched: true, reference: .linear
            ).verify(seeds: 0..<1)
        }
    }
}
