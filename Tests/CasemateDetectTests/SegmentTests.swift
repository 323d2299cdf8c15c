import CasemateData
import CasemateDetect
import Testing

@Suite struct SegmentTests {
    @Test func saysItsConditionsAndTestsRows() {
        let features = [Feature("age"), Feature("home", .categorical(levels: ["own", "rent"]))]
        let segment = Segment([
            Segment.Condition(feature: 0, low: 30), Segment.Condition(feature: 1, low: 1, high: 1),
        ])
        #expect(segment.described(over: features) == "age from 30 on and home rent")
        #expect(segment.contains([30, 1]))
        #expect(!segment.contains([29.5, 1]) && !segment.contains([30, 0]) && !segment.contains([.nan, 1]))
        #expect(Segment([Segment.Condition(feature: 0, isMissing: true)]).contains([.nan, 0]))
        #expect(Segment([]).contains([1, 1]))
    }
}
