/// Short names of the catalogue entries that reports cite; an identifier without one is shown alone.
///
/// Sources: MITRE ATLAS 5.6.0, OWASP Machine Learning Security Top 10 (2023), NIST AI 100-2 E2025; in short words.
enum TaxonomyNames {
    /// The short name of an identifier.
    static func name(of identifier: String) -> String? {
        let bare = identifier.hasPrefix("AML.") ? String(identifier.dropFirst(4)) : identifier
        return atlas[bare] ?? owasp[bare] ?? nist[bare]
    }

    private static let atlas = [
        "T0005": "proxy model", "T0010": "supply chain", "T0010.001": "supply chain: software",
        "T0010.002": "supply chain: data", "T0010.003": "supply chain: model", "T0011": "user execution",
        "T0011.000": "unsafe artifacts", "T0011.001": "malicious package", "T0015": "evasion",
        "T0018": "manipulated model", "T0018.000": "poisoned model", "T0018.001": "modified architecture",
        "T0018.002": "embedded malware", "T0019": "published poisoned data", "T0020": "poisoned training data",
        "T0024": "exfiltration through inference", "T0024.000": "membership inference", "T0024.001": "model inversion",
        "T0024.002": "model extraction", "T0029": "denial of service", "T0031": "eroded integrity",
        "T0034": "cost harvesting", "T0040": "access to inference", "T0043": "crafted adversarial data",
        "T0043.000": "white-box crafting", "T0043.001": "black-box crafting", "T0043.002": "black-box transfer",
        "T0043.003": "manual modification", "T0043.004": "inserted backdoor trigger",
        "T0044": "full access to the model",
        "T0046": "chaff data", "T0048.004": "theft of intellectual property", "T0058": "published poisoned model",
        "T0059": "eroded data set", "T0074": "masquerading", "T0076": "corrupted model",
    ]

    private static let owasp = [
        "ML01": "input manipulation", "ML02": "data poisoning", "ML03": "model inversion",
        "ML04": "membership inference", "ML05": "model theft", "ML06": "supply chain", "ML07": "transfer learning",
        "ML08": "model skewing", "ML09": "output integrity", "ML10": "model poisoning",
    ]

    private static let nist = [
        "NISTAML.01": "availability", "NISTAML.011": "model poisoning", "NISTAML.012": "clean-label poisoning",
        "NISTAML.013": "data poisoning", "NISTAML.014": "energy-latency", "NISTAML.02": "integrity",
        "NISTAML.021": "clean-label backdoor", "NISTAML.022": "evasion", "NISTAML.023": "backdoor poisoning",
        "NISTAML.024": "targeted poisoning", "NISTAML.025": "black-box evasion", "NISTAML.026": "model poisoning",
        "NISTAML.03": "privacy", "NISTAML.031": "model extraction", "NISTAML.032": "reconstruction",
        "NISTAML.033": "membership inference", "NISTAML.034": "property inference",
        "NISTAML.037": "training data attacks",
        "NISTAML.038": "data extraction", "NISTAML.05": "supply chain", "NISTAML.051": "model poisoning",
    ]
}
