public import Kernel

/// How owners are shown to an unprivileged container: as ids of a user namespace.
public struct IDMapping: Sendable {
    /// A user namespace with the map, held open (user_namespaces(7)).
    public let userNamespace: SharedDescriptor
    /// Tells maps apart: the same map has the same name, also after a restart. A single path component.
    public let name: String

    /// Describes a map.
    public init(userNamespace: SharedDescriptor, name: String) {
        self.userNamespace = userNamespace
        self.name = name
    }
}
