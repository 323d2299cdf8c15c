import Synchronization

/// Objects that outlive a reload of the configuration and are shared between models: tables of clients, breakers,
/// queues. Found by name.
public final class GuardMemory: Sendable {
    private let objects = Mutex<[String: any AnyObject & Sendable]>([:])

    /// Makes an empty memory.
    public init() {}

    /// The object of a name; made where there is none, or where another type stands under the name.
    public func object<Object: AnyObject & Sendable>(
        _ name: String, make: () throws -> Object
    ) rethrows -> Object {
        try objects.withLock { objects in
            if let found = objects[name] as? Object { return found }
            let made = try make()
            objects[name] = made
            return made
        }
    }
}
