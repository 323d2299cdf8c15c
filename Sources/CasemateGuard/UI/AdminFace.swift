public import CasemateCore

/// The pages under `/ui`, for people who watch the guard: rendered here, no script, nothing from elsewhere.
///
/// They ask for an API key with the scope `admin`, in a form or in the headers of the request.
public struct AdminFace: WireFace {
    /// Name in metrics.
    public static let identifier = "ui"
    /// Keys under `ui`.
    public static let keys: [SettingKey] = [
        SettingKey("enabled", .flag, "whether the pages are there", fallback: .flag(true))
    ]
    /// Creates the face.
    public init() {}

    /// The pages and forms, by path.
    private enum Page: String, CaseIterable {
        case overview = "", clients, review, decisions
        case signIn = "sign-in", signOut = "sign-out", decide, clear
        case style = "style.css"

        var isPosted: Bool { [.signOut, .decide, .clear].contains(self) }
    }

    /// What a path under `/ui` is for.
    public func route(_ head: WireHead) throws -> WireRoute? {
        guard head.path == "/ui" || head.path.hasPrefix("/ui/") else { return nil }
        guard let page = Page(rawValue: String(head.path.dropFirst(4))) else {
            throw GuardRefusal(.notFound, "there is no such page")
        }
        let isForm = page.isPosted || page == .signIn
        let methods = page.isPosted ? ["POST"] : page == .signIn ? ["GET", "HEAD", "POST"] : ["GET", "HEAD"]
        guard methods.contains(head.method) else {
            throw GuardRefusal(.methodNotAllowed, "this page takes \(methods.joined(separator: ", "))", allow: methods)
        }
        return WireRoute(access: .own, bodyLimit: isForm ? 16_384 : 0) { request, _, generation in
            guard generation.configuration.root["ui"]?["enabled"]?.flag ?? true else {
                throw GuardRefusal(.notFound, "there is nothing at this address")
            }
            return try await AdminVisit(request, generation).answer(page.rawValue)
        }
    }

    /// A refusal as a small page.
    public func render(_ refusal: GuardRefusal, id: String) -> WireResponse {
        var response = AdminPages.page(
            "message", ["title": refusal.kind.title, "text": refusal.detail], status: refusal.kind.status)
        response.headers += Problem.headers(refusal)
        return response
    }
}
