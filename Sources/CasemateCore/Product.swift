import Foundation

/// Name and version of the product.
public enum Product {
    /// Semantic version.
    public static let version = "0.1.0"
    /// Operating system and architecture, such as `Linux x86_64`.
    public static var platform: String {
        #if os(Linux)
            let system = "Linux"
        #elseif os(macOS)
            let system = "macOS"
        #else
            let system = "unknown system"
        #endif
        #if arch(x86_64)
            return "\(system) x86_64"
        #elseif arch(arm64)
            return "\(system) arm64"
        #else
            return "\(system), unknown architecture"
        #endif
    }
}
