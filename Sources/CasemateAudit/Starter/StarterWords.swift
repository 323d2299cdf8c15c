import Foundation

/// Names that columns of a kind go by, in the languages that data are often named in. A name is only a hint: what it
/// leads to stands in the written file, with the reason beside it.
enum StarterWords {
    /// The words of a name, in lower case and without accents: `isHispanic_orLatino` is `is hispanic or latino`.
    static func words(of name: String) -> [String] {
        var words: [String] = []
        var isBehindLower = false
        for scalar in folded(name).unicodeScalars {
            let isUpper = scalar.properties.isUppercase
            guard scalar.properties.isAlphabetic else {
                if words.last?.isEmpty == false { words.append("") }
                isBehindLower = false
                continue
            }
            if words.isEmpty || (isUpper && isBehindLower && words.last?.isEmpty == false) { words.append("") }
            words[words.count - 1] += String(scalar).lowercased()
            isBehindLower = !isUpper
        }
        return words.filter { !$0.isEmpty }
    }

    private static func folded(_ name: String) -> String {
        String(name.prefix(200)).replacing("ß", with: "ss").replacing("ä", with: "ae").replacing("ö", with: "oe")
            .replacing("ü", with: "ue").folding(
                options: .diacriticInsensitive, locale: Locale(identifier: "en_US_POSIX"))
    }

    private static func set(_ text: String) -> Set<String> { Set(text.split(separator: " ").map(String.init)) }

    private static let targets = set(
        """
        target label labels class klasse clase classe y outcome response result default defaulted approve approved \
        approval accept accepted granted reject rejected denied fraud isfraud spam churn churned hired admitted \
        survived diagnosis decision ziel zielvariable zielgroesse etiqueta objetivo cible etiquette
        """)
    private static let values = set(
        "price charges charge cost costs premium amount salary value sales preis kosten praemie prix precio precios")
    private static let good = set(
        "approve approved approval accept accepted granted grant hired admitted survived pass passed selected eligible")
    private static let bad = set(
        "default defaulted fraud isfraud spam churn churned reject rejected denied refused delinquent bankrupt failed")
    private static let goodClasses = set(
        "good approved approve accepted accept granted grant pass passed hired admitted eligible gut genehmigt "
            + "bewilligt accorde aprobado aceptado bueno")
    private static let badClasses = set(
        "bad denied deny rejected reject refused refuse fail failed ineligible schlecht abgelehnt "
            + "refusee rechazado malo"
    )

    /// Whether the name is one that predicted columns go by; `isValue` adds names of amounts.
    static func isTarget(_ name: String, isValue: Bool) -> Bool {
        let words = words(of: name)
        return words.contains { targets.contains($0) } || isValue && words.contains { values.contains($0) }
    }

    /// Which of two classes people want, by the names of column and classes, with the word that says so.
    static func favourable(target: String, classes: [String]) -> (index: Int, word: String, isWanted: Bool)? {
        guard classes.count == 2 else { return nil }
        for (list, isWanted) in [(goodClasses, true), (badClasses, false)] {
            let found = classes.indices.filter { words(of: classes[$0]).contains { list.contains($0) } }
            if found.count == 1 { return (isWanted ? found[0] : 1 - found[0], classes[found[0]], isWanted) }
        }
        let truth = classes.map { $0 == "1" || $0.lowercased() == "true" }
        let isNumbered = classes.allSatisfy { ["0", "1", "true", "false"].contains($0.lowercased()) }
        guard isNumbered, let yes = truth.firstIndex(of: true), truth.count(where: { $0 }) == 1 else { return nil }
        let own = words(of: target)
        if let word = own.first(where: { bad.contains($0) }) { return (1 - yes, word, false) }
        if let word = own.first(where: { good.contains($0) }), !own.contains("not"), !own.contains("no") {
            return (yes, word, true)
        }
        return nil
    }

    private static let protected = set(
        """
        sex gender race ethnicity ethnic ethnie age marital married marriage religion religious nationality \
        citizenship citizen foreign foreigner disability disabled handicap handicapped pregnant pregnancy hispanic \
        latino minority female male birth birthdate birthday dob orientation caste \
        geschlecht alter familienstand konfession staatsangehoerigkeit nationalitaet behinderung schwerbehindert \
        herkunft rasse auslaender gastarbeiter geburtsdatum geburtsjahr verheiratet heirat ethnizitaet \
        sexe genre matrimoniale matrimonial familiale nationalite origine naissance marie \
        sexo genero edad civil discapacidad nacionalidad raza etnia extranjero nacimiento casado embarazo
        """)
    /// Whose age or origin it is when it is nobody's.
    private static let things = set(
        "loan account company firm vehicle car house building policy business employment credit file tenure job")

    /// Whether the name is one that protected attributes go by.
    static func isProtected(_ name: String) -> Bool {
        let words = words(of: name)
        guard words.contains(where: { protected.contains($0) }) else { return false }
        return !words.contains { things.contains($0) } || words.contains { $0 == "foreign" || $0 == "sex" }
    }

    /// Whether the name is an age in years.
    static func isAge(_ name: String) -> Bool {
        isProtected(name) && words(of: name).contains { ["age", "alter", "edad"].contains($0) }
    }

    private static let identifiers = set(
        "id ids uid uuid guid identifier key number no nr nummer kennung aktenzeichen identifiant numero application "
            + "applicant customer index row rowid unnamed")
    /// Whether the name is one that row names go by.
    static func isIdentifier(_ name: String) -> Bool {
        let words = words(of: name)
        return words.isEmpty || words.contains { identifiers.contains($0) }
            || (words.count == 1 && words[0].hasSuffix("id"))
    }

    private static let weights = set("weight weights sampleweight wt gewicht gewichtung poids peso")
    /// Whether the name is one that row weights go by.
    static func isWeight(_ name: String) -> Bool { words(of: name).contains { weights.contains($0) } }

    private static let times = set(
        "date datetime time timestamp year month quarter datum zeit zeitpunkt jahr monat mois annee fecha ano mes "
            + "created submitted")
    /// Whether the name is one that times go by.
    static func isTime(_ name: String) -> Bool { words(of: name).contains { times.contains($0) } }

    private static let sources = set(
        "source branch channel site office store agent broker filiale quelle kanal zweigstelle agence canal sucursal "
            + "fuente lender provider")
    /// Whether the name is one that sources go by.
    static func isSource(_ name: String) -> Bool { words(of: name).contains { sources.contains($0) } }
}
