import Kernel

/// Which extended attributes go through a stream.
enum AttributeRules {
    /// Names of attributes that are more than data to somebody.
    static let capability = Array("security.capability".utf8)
    static let accessList = Array("system.posix_acl_access".utf8)
    static let defaultList = Array("system.posix_acl_default".utf8)

    private static let user = Array("user.".utf8)
    private static let overlay = Array("user.overlay.".utf8)

    /// Attributes of users, file capabilities and access lists are kept. Those of overlayfs would change what a layer
    /// shows, `trusted.*` and other `security.*` belong to the host that the file was on.
    static func keeps(_ name: [UInt8]) -> Bool {
        if name.starts(with: user) { return !name.starts(with: overlay) }
        return name == capability || name == accessList || name == defaultList
    }
}
