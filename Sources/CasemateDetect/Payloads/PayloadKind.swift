public import CasemateCore

/// What hides in a text that should be data.
public enum PayloadKind: String, Hashable, Sendable, CaseIterable {
    /// A formula that calls out of the sheet or runs a program when the file is opened in a spreadsheet.
    case activeFormula = "formula that runs or fetches"
    /// Any other formula.
    case formula
    /// Markup or a link that runs in a browser.
    case script
    /// An expression that template engines evaluate.
    case template = "template expression"
    /// What ends one statement of SQL and begins another.
    case sql = "SQL injection"
    /// A command for a shell.
    case shell = "shell command"
    /// A serialised object that runs code when it is read.
    case object = "serialised object"
    /// A program.
    case program
    /// Signs that say in which direction text runs, where no text runs that way.
    case bidirectional = "bidirectional control"
    /// Signs that nobody sees.
    case invisible = "invisible characters"
    /// Control characters of terminals.
    case control = "control characters"
    /// Letters of another alphabet that look like those of the word that they stand in.
    case lookalike = "look-alike letters"
    /// An instruction to a language model.
    case prompt = "instruction to a language model"
    /// A cell far longer than the others.
    case oversized = "oversized field"

    /// How bad a few such cells are. Nothing here harms before something opens, renders or runs it.
    public var severity: Severity {
        switch self {
        case .activeFormula, .object, .program: .high
        case .formula, .script, .template, .sql, .shell, .bidirectional, .invisible, .control: .medium
        case .lookalike, .prompt, .oversized: .low
        }
    }
    /// How likely a cell in which it was found is there to do harm.
    var strength: Double {
        switch self {
        case .activeFormula, .object, .program: 0.95
        case .script, .sql, .shell, .template: 0.8
        case .formula, .bidirectional, .invisible: 0.6
        case .control, .lookalike: 0.4
        case .prompt: 0.3
        case .oversized: 0.2
        }
    }
    /// A regular expression of RE2 that every cell of this kind matches; `nil` where code alone decides.
    var pattern: String? {
        switch self {
        case .activeFormula, .formula: #"^[\s"']*[=+\-@]"#
        case .script:
            #"(?i)<\s*(script|iframe|object|embed|applet|meta\s+http-equiv)\b|"#
                + #"<[a-z][^<>]*[\s/"']on[a-z]{3,20}\s*=|(javascript|vbscript)\s*:\s*[a-z(\[/%]|data:text/html"#
        case .template:
            #"\{\{[^{}]*([*+()\[]|__|\|\s*safe|config|self\.)[^{}]*\}\}|\{%\s*(if|for|set|import|include|raw)\b[^%]*%\}|"#
                + #"\$\{[^{}]*(\(|jndi|T\s*\(|env:|sys:|::-)|\$\{jndi:|<%[=\s][^%]*%>|#\{[^{}]*\([^{}]*\}"#
        case .sql:
            #"(?i)'\s*(or|and)\s+('[^']*'\s*=\s*'|\d+\s*=\s*\d+)|\bunion\s+(all\s+)?select\s+[\w*'"]+[\s,]|"#
                + #";\s*(drop|truncate|alter)\s+table\s|;\s*(insert\s+into|delete\s+from|update\s+\w+\s+set|shutdown)\b|"#
                + #"\bxp_cmdshell\b|\bwaitfor\s+delay\s+'|'\s*;\s*--|\bor\s+1\s*=\s*1\s*(--|#|/\*|$)"#
        case .shell:
            #"(?i)[;&|`(]\s*(rm\s+-[rf]|cat\s+/etc/|nc\s+-|bash\s+-[ic]|sh\s+-c|chmod\s+[0-7+]|wget\s+\S*/|curl\s+\S*/)|"#
                + #"\$\(\s*(curl|wget|cat|id|whoami|nc|bash|sh|rm|nslookup|ping)\b|"#
                + #"`\s*(curl|wget|cat|id|whoami|nc|bash|sh|rm|nslookup|ping)\b[^`]*`|\|\s*(ba|z|k)?sh\b\s*(-|$|<)|"#
                + #"/dev/tcp/|(\.\./){3,}|\.\./\.\./etc/|/etc/(passwd|shadow)\b|powershell(\.exe)?\s+-|"#
                + #"\bcmd(\.exe)?\s*/c\b|\(\)\s*\{\s*:;\s*\}\s*;"#
        case .object:
            #"gA[I-X][A-Za-z0-9+/_-]|(?i:(^|[^0-9a-z])(\\x)?80(\\x)?0[2-5](\\x)?[0-9a-f]{2})|rO0AB|(?i:aced0005)|"#
                + #"\x{80}[\x{02}-\x{05}]|(^|\n)c(os|posix|nt|subprocess|builtins|__builtin__|sys|runpy|pty|importlib)\s|"#
                + #"\bO:\d+:"[\w\\]+":\d+:\{|AAEAAAD/////|!!python/|!!javax?\.|!ruby/(object|hash)|_\$\$ND_FUNC\$\$_|"#
                + #"(?i:"py/(object|reduce|type)"\s*:)|"\$type"\s*:\s*"System\.|BAhv|/wEy"#
        case .program: #"TVqQAAMAAAAEAAAA|f0VMRg[IE]|(?i:7f454c460[12]01)|(?i:4d5a90000300000004)"#
        case .bidirectional: #"[\x{202A}-\x{202E}\x{2066}-\x{2069}\x{200E}\x{200F}\x{061C}]"#
        case .invisible:
            #"[\x{200B}-\x{200D}\x{2060}-\x{2064}\x{FEFF}\x{00AD}\x{180E}\x{034F}\x{115F}\x{1160}\x{3164}\x{FFA0}"#
                + #"\x{FFF9}-\x{FFFB}\x{E0000}-\x{E007F}\x{E0100}-\x{E01EF}\x{FE00}-\x{FE0E}]"#
        case .control: #"[\x01-\x08\x0b\x0e-\x1f\x7f]"#
        case .lookalike:
            #"[A-Za-z][\x{0370}-\x{03FF}\x{0400}-\x{052F}\x{0530}-\x{058F}\x{13A0}-\x{13FF}\x{FF21}-\x{FF5A}\x{1D400}-\x{1D7FF}]|"#
                + #"[\x{0370}-\x{03FF}\x{0400}-\x{052F}\x{0530}-\x{058F}\x{13A0}-\x{13FF}\x{FF21}-\x{FF5A}\x{1D400}-\x{1D7FF}][A-Za-z]"#
        case .prompt:
            #"(?i)\b(ignore|disregard|forget)\s+(all\s+|any\s+|the\s+|your\s+|of\s+)*(previous|prior|above|earlier|preceding|"#
                + #"system)\s+(instruction|prompt|direction|message|rule|guideline)|\b(reveal|print|repeat)\s+(your|the)\s+"#
                + #"system\s+prompt|<\|im_(start|end)\|>|\[/?INST\]|<\|(system|endoftext)\|>"#
        case .oversized: nil
        }
    }
}
