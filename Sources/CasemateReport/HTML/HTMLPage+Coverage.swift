import CasemateCore

extension HTMLPage {
    /// The coverage matrix: what was tested, what was not, and why.
    var coverage: HTMLFields.Members {
        let lines = report.coverage.map { line -> HTMLFields.Members in
            [
                "title": line.title, "probe": line.probe, "status": line.status.inWords, "isCached": line.isCached,
                "anchor": anchor(of: line.probe) ?? "", "hasAnchor": anchor(of: line.probe) != nil,
                "icon": TrustedMarkup(renderText: HTMLIcons.status(line.status)),
                "places": [
                    line.taxonomy.stages.map(\.rawValue), [line.taxonomy.influence?.rawValue].compactMap { $0 },
                    line.taxonomy.violations.map(\.rawValue), line.taxonomy.knowledge.map(\.rawValue),
                ].map(Self.place),
                "reason": line.reason.map { HTMLFields.parts($0) } ?? [], "hasReason": line.reason != nil,
            ]
        }
        return ["coverage": lines, "coverageCount": report.coverageInWords]
    }

    private static func place(_ words: [String]) -> HTMLFields.Members {
        ["words": words.isEmpty ? "–" : words.joined(separator: ", "), "isEmpty": words.isEmpty]
    }

    /// What is needed to repeat the run.
    var reproduction: HTMLFields.Members {
        let run = report.reproduction
        let inputs = report.inputs.map { [$0.role, $0.path, Numerals.bytes($0.bytes), $0.sha256] }
        let engines =
            [["casemate", report.version]] + run.engines.sorted { $0.key < $1.key }.map { [$0.key, $0.value] }
        let times = report.coverage.filter { $0.status != .notTested }
            .map { [$0.title, Numerals.duration($0.seconds) + ($0.isCached ? " (from the cache)" : "")] }
        let facts = [
            ("Seed", String(run.seed)), ("Threads", "\(run.threads) (results do not depend on it)"),
            ("Platform", run.platform), ("Started", run.dateInWords), ("Duration", Numerals.duration(run.seconds)),
            ("Schema", report.schema),
        ]
        return [
            "command": run.command, "runFacts": facts.map { ["name": $0.0, "value": $0.1] as HTMLFields.Members },
            "runTables": [
                HTMLFields.table(title: "Inputs", columns: ["Role", "Path", "Size", "SHA-256"], rows: inputs),
                HTMLFields.table(title: "Versions", columns: ["Program or engine", "Version"], rows: engines),
                HTMLFields.table(title: "Time spent", columns: ["Probe", "Duration"], rows: times),
            ],
        ]
    }
}
