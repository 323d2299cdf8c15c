extension Credentials {
    /// Reads credentials off a request. What proxies say of the caller's address counts only from those that are listed.
    package init(_ head: WireHead, trusting settings: ServerSettings) {
        self.init(
            authorization: head["authorization"], apiKey: head["x-api-key"], certificateNames: head.certificateNames,
            address: Self.address(head, trusting: settings))
    }

    /// The address of the caller: the last entry of `X-Forwarded-For` that no trusted proxy stands behind, else of the
    /// connection. Entries before it are whatever the caller wrote.
    private static func address(_ head: WireHead, trusting settings: ServerSettings) -> String {
        guard !settings.trustedProxies.isEmpty, settings.isTrusted(head.peer) else { return head.peer }
        let lines = head.headers.filter { $0.name == "x-forwarded-for" }.map(\.value).joined(separator: ",")
        var caller = head.peer
        // why a limit: nobody stands behind more proxies, and a header may carry thousands of commas.
        for entry in lines.split(separator: ",").suffix(16).reversed() {
            guard let bytes = AddressRange.bytes(numeric(entry)) else { break }
            caller = AddressRange.text(bytes)
            guard settings.isTrusted(caller) else { break }
        }
        return caller
    }

    /// An entry without spaces, brackets and port.
    private static func numeric(_ entry: Substring) -> String {
        let bare = entry.filter { $0 != " " && $0 != "\t" }
        if bare.hasPrefix("["), let end = bare.firstIndex(of: "]") {
            return String(bare[bare.index(after: bare.startIndex)..<end])
        }
        guard bare.contains("."), let colon = bare.lastIndex(of: ":"), bare.firstIndex(of: ":") == colon else {
            return bare
        }
        return String(bare[..<colon])
    }
}
