import CasemateCore
import CasemateReport
import Foundation
import TestSupport
import Testing

#if canImport(FoundationXML)
    import FoundationXML
#endif

/// What an attacker writes into names, cells and files stays text in every format.
struct HostileTests {
    static let steering: [Unicode.Scalar] = [
        "\u{1B}", "\u{7}", "\u{0}", "\u{202E}", "\u{2066}", "\u{2028}", "\u{FEFF}", "\u{FFFF}", "\r",
    ]

    @Test(arguments: reportFormats.map { $0.identifier })
    func nothingSteers(format: String) throws {
        for report in [Hostile.report, Hostile.empty] {
            let text = String(decoding: try report.render(as: format), as: UTF8.self)
            for scalar in Self.steering {
                let isThere = text.unicodeScalars.contains(scalar)
                #expect(!isThere, "U+\(String(scalar.value, radix: 16)) in \(format)")
            }
        }
    }

    @Test func pageHoldsNoForeignMarkup() throws {
        let text = String(decoding: try Hostile.report.render(as: "html"), as: UTF8.self)
        let page = text.unicodeScalars.map { String($0) }.joined(separator: "\u{1}").replacing("\u{1}", with: "")
        for foreign in ["<script", "<img", "</svg>\u{FFFD}", "--> {", "x<", "a' --"] {
            #expect(page.range(of: foreign, options: .literal) == nil, "\(foreign)")
        }
        // Every attribute is closed by us: the mark behind a quotation mark did not hide it from the escaping.
        #expect(page.range(of: "\"\u{301}", options: .literal) == nil)
        #expect(page.range(of: "<\u{301}", options: .literal) == nil)
        #expect(page.components(separatedBy: "<style>").count == 2)
        #expect(page.components(separatedBy: "</style>").count == 2)
    }

    @Test func pageAsksNothingOfTheNetwork() throws {
        for report in [Sample.report(), Hostile.report, Hostile.empty] {
            let page = String(decoding: try report.render(as: "html"), as: UTF8.self)
            let sources = page.matches(of: /(?:src|href|action|data|poster|srcset)="([^"]*)"/).map { String($0.1) }
            #expect(sources.allSatisfy { $0.hasPrefix("#") || $0 == "data:," }, "\(sources)")
            #expect(page.matches(of: /url\((?!#clip-)/).isEmpty)
            #expect(
                !page.contains("@import") && !page.contains("<script") && !page.contains("<link rel=\"stylesheet\""))
            #expect(page.contains("default-src 'none'; style-src 'unsafe-inline'; img-src data:"))
        }
    }

    @Test func pageStaysSmall() throws {
        for report in [Sample.report(), Hostile.report, Hostile.long()] {
            let page = try report.render(as: "html")
            #expect(page.count < 2_000_000)
        }
        var many = Hostile.long()
        many.probes = Array(repeating: many.probes[0], count: 12)
        #expect(try many.render(as: "html").count < 2_000_000)
    }

    @Test func pageHoldsOnlyOurTagsAndAttributes() throws {
        let elements = Set(
            ("html head meta link title style body a header div p span strong svg path circle h1 h2 h3 h4 dl dt dd nav ul "
                + "ol li main section article figure figcaption details summary table caption thead tbody tr th td code b "
                + "footer desc g rect line text clipPath").split(separator: " "))
        let attributes = Set(
            ("lang charset content name rel href class viewBox d cx cy r id role tabindex scope colspan open x y x1 x2 y1 y2 "
                + "width height focusable").split(separator: " "))
        for report in [Sample.report(), Hostile.report, Hostile.empty] {
            let page = String(decoding: try report.render(as: "html"), as: UTF8.self)
                .replacing("<!doctype html>", with: "")
            let tag = /<\/?([a-zA-Z0-9]+)((?:\s+[a-zA-Z0-9-]+(?:="[^"<>]*")?)*)\s*\/?>/.matchingSemantics(
                .unicodeScalar)
            let tags = page.matches(of: tag)
            let brackets = page.unicodeScalars.count { $0 == "<" }
            #expect(tags.count == brackets, "a bracket that opens no tag of ours")
            for match in tags {
                #expect(elements.contains(match.1), "<\(match.1)>")
                let name = /([a-zA-Z0-9-]+)(?:="[^"]*")?/.matchingSemantics(.unicodeScalar)
                for part in match.2.matches(of: name) where !attributes.contains(part.1) {
                    let isKnown =
                        ["http-equiv", "text-anchor", "clip-path"].contains(part.1) || part.1.hasPrefix("aria-")
                    #expect(isKnown, "attribute \(part.1)")
                }
            }
        }
    }

    @Test func pageIsWellFormed() throws {
        for report in [Sample.report(), Hostile.report, Hostile.empty] {
            let page = String(decoding: try report.render(as: "html"), as: UTF8.self)
            var open: [Substring] = []
            let empty: Set<Substring> = ["meta", "link", "br", "!doctype"]
            for tag in page.matches(of: /<(\/?)([!a-zA-Z0-9]+)[^>]*?(\/?)>/) {
                if empty.contains(tag.2) || !tag.3.isEmpty { continue }
                if tag.1.isEmpty { open.append(tag.2) } else { #expect(open.popLast() == tag.2, "</\(tag.2)>") }
            }
            #expect(open.isEmpty)
            let levels = page.matches(of: /<h([1-6])/).compactMap { Int($0.1) }
            #expect(levels.first == 1 && levels.filter { $0 == 1 }.count == 1)
            #expect(zip(levels, levels.dropFirst()).allSatisfy { $1 <= $0 + 1 }, "headings skip a level")
            let names = page.matches(of: /\ id="([^"]*)"/).map { String($0.1) }
            #expect(Set(names).count == names.count, "identifiers are not unique")
            for target in page.matches(of: /(?:aria-labelledby|href)="#?([a-z][^" ]*)/).map({ String($0.1) })
            where target != "data:," { #expect(names.contains(target), "\(target)") }
            let drawings = page.matches(of: /<svg class="plot"/).count
            #expect(page.matches(of: /<svg class="plot" role="img"/).count == drawings)
            #expect(page.matches(of: /The numbers as a table/).count == drawings)
        }
    }

    @Test func suiteIsWellFormed() throws {
        #expect(XMLParser(data: try Hostile.report.render(as: "junit")).parse())
        #expect(XMLParser(data: try Hostile.long().render(as: "junit")).parse())
    }

    @Test func sarifHoldsNoLinksAndNoFolders() throws {
        let text = String(decoding: try Hostile.report.render(as: "sarif"), as: UTF8.self)
        #expect(!text.contains("](https"))
        #expect(
            text.matches(of: /"uri" : "([^"]*)"/).allSatisfy {
                $0.1.contains(/^[A-Za-z0-9._~%\/-]+$/) && !$0.1.contains("..")
            })
    }

    @Test(arguments: reportFormats.map { $0.identifier })
    func redactedReportsDoNotHoldTheValues(format: String) throws {
        let secret = "Zaphod-4711"
        let change = RowChange(
            row: 8_675_309, steps: [RowChange.Step(feature: "name", before: secret, after: secret + "x")],
            decisionBefore: "no", decisionAfter: "yes", distance: 1)
        var probe = ProbeOutcome(probe: "evasion", title: "Evasion", taxonomy: Sample.evasion)
        probe.changes = [change]
        probe.findings = [
            Finding(
                id: "evasion.x", probe: "evasion", severity: .high, title: "t", evidence: [.change(change)],
                remedy: "r",
                taxonomy: Sample.evasion, subject: "m")
        ]
        func report(isRedacted: Bool) -> Report {
            Report(
                version: "1", verb: "audit", subject: "m", facts: [], verdict: .fail, exitStatus: 1, reason: "r",
                policy: [], probes: [probe], inputs: [], reproduction: Sample.reproduction, isRedacted: isRedacted)
        }
        let masked = String(decoding: try report(isRedacted: true).render(as: format), as: UTF8.self)
        #expect(!masked.contains(secret) && !masked.contains("8675309") && !masked.contains("8,675,309"))
        guard format != "text" else { return }
        #expect(String(decoding: try report(isRedacted: false).render(as: format), as: UTF8.self).contains(secret))
        #expect(masked.contains("name"))
    }
}
