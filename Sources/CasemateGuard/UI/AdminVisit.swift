import CasemateCore
import Foundation

/// One request for a page or from a form.
struct AdminVisit {
    let request: WireRequest
    let generation: GuardGeneration
    let sessions: AdminSessions

    init(_ request: WireRequest, _ generation: GuardGeneration) {
        (self.request, self.generation) = (request, generation)
        let clock = generation.clock
        sessions = generation.memory.object("guard.sessions") { AdminSessions(clock: clock) }
    }

    /// Who looks, and the word that forms bring back; headers need none, since a browser never sends them by itself.
    private struct Viewer {
        let client: String
        let formToken: String
        let isSession: Bool
    }

    func answer(_ page: String) async throws -> WireResponse {
        if page == "style.css" { return AdminPages.style }
        if page == "sign-in" { return try await signIn() }
        guard let viewer = try await viewer() else {
            return request.head.method == "POST"
                ? AdminPages.redirect(to: "/ui/sign-in")
                : AdminPages.page("sign-in", ["title": "Sign in", "hasError": false, "error": ""], status: 401)
        }
        if request.head.method == "POST" { return try posted(page, viewer) }
        let pages = AdminPages(generation, who: viewer.client, formToken: viewer.formToken)
        switch page {
        case "clients": return try pages.clients()
        case "review": return try pages.review()
        case "decisions": return try pages.decisions()
        default: return try pages.overview()
        }
    }

    private var cookie: String? {
        let pairs = (request.head["cookie"] ?? "").prefix(4_096).split(separator: ";")
        let name = AdminSessions.cookie + "="
        return pairs.map { $0.drop { $0 == " " } }.first { $0.hasPrefix(name) }.map { String($0.dropFirst(name.count)) }
    }

    private func viewer() async throws -> Viewer? {
        if let session = sessions.session(cookie) {
            return Viewer(client: session.client, formToken: session.formToken, isSession: true)
        }
        let credentials = Credentials(request.head, trusting: generation.server)
        guard credentials.authorization != nil || credentials.apiKey != nil else { return nil }
        let client = try await generation.authenticator.authenticate(credentials)
        guard client.scopes.contains(.admin) else {
            throw GuardRefusal(.forbidden, "the pages need a key with the scope 'admin'")
        }
        return Viewer(client: client.id, formToken: "", isSession: false)
    }

    private func signIn() async throws -> WireResponse {
        func form(_ error: String, _ status: Int) -> WireResponse {
            AdminPages.page(
                "sign-in", ["title": "Sign in", "hasError": !error.isEmpty, "error": error], status: status)
        }
        guard request.head.method == "POST" else { return form("", 200) }
        let key = FormFields(request.body)["key"].filter { !$0.isWhitespace }
        let head = request.head
        let address = Credentials(head, trusting: generation.server).address
        do {
            let credentials = Credentials(apiKey: key, address: address)
            let client = try await generation.authenticator.authenticate(credentials)
            guard !key.isEmpty, client.method == .apiKey, client.scopes.contains(.admin) else {
                return form("That key does not open these pages.", 403)
            }
            let cookie = sessions.begin(for: client.id)
            var response = AdminPages.redirect(to: "/ui")
            let secure = head.isSecure ? "; Secure" : ""
            response.headers.append(
                .init(
                    "set-cookie",
                    "\(AdminSessions.cookie)=\(cookie); Path=/ui; HttpOnly; SameSite=Strict; Max-Age=28800\(secure)"))
            return response
        } catch let refusal as GuardRefusal {
            guard [.unauthenticated, .forbidden].contains(refusal.kind) else { throw refusal }
            return form("That key does not open these pages.", refusal.kind.status)
        }
    }

    private func posted(_ page: String, _ viewer: Viewer) throws -> WireResponse {
        let fields = FormFields(request.body)
        guard !viewer.isSession || fields["token"] == viewer.formToken else {
            throw GuardRefusal(.forbidden, "the form is out of date; load the page again")
        }
        switch page {
        case "sign-out":
            sessions.end(cookie)
            return AdminPages.redirect(to: "/ui/sign-in")
        case "decide":
            guard let decision = ReviewQueue.Decision(rawValue: fields["decision"]) else {
                throw GuardRefusal(.malformed, "the decision is 'approve' or 'deny'", field: "decision")
            }
            guard let queue = ReviewQueue.shared(in: generation.memory) else {
                throw GuardRefusal(.unavailable, "there is no review queue", retryAfter: 5)
            }
            try queue.decide(
                id: fields["id"], decision: decision, note: String(fields["note"].prefix(2_000)), who: viewer.client)
            return AdminPages.redirect(to: "/ui/review")
        default:
            let standings = generation.memory.object(ClientStandings.memoryName) { ClientStandings() }
            let clock = generation.clock
            let traffic = generation.memory.object("guard.traffic") { TrafficMonitor(clock: clock) }
            let (id, standing) = (fields["id"], standings.standing(of: fields["id"]))
            guard standing != nil || traffic.snapshot().clients[id] != nil else {
                throw GuardRefusal(.notFound, "no client of this name has asked", field: "id")
            }
            // why first: a standing that is cleared without a trace would hide whoever was let go.
            try generation.log.noteClearing(of: id, standing: standing, who: viewer.client)
            standings.clear(id)
            return AdminPages.redirect(to: "/ui/clients")
        }
    }
}
