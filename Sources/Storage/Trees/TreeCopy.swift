public import Kernel

/// Copies of directory trees with all that belongs to their files, as `cp -a` makes them: owners, modes with
/// set-user-id and so on, times, extended attributes, ACLs, hard links within the tree, symbolic links, FIFOs, devices,
/// holes.
///
/// Works by descriptors alone and is fit for trees that somebody changes meanwhile, with bad intent or none: nothing is
/// read or written outside of the two trees. Sockets are left out; what vanishes on the way is counted.
public enum TreeCopy {
    /// What overlayfs notes on a layer's files for itself.
    static let overlayPrefix = "trusted.overlay."

    /// How a tree is copied.
    public struct Options: Sendable {
        /// Copies an overlay's layer as it is: with whiteouts (character devices 0:0) and `trusted.overlay.*`. They are
        /// left out otherwise, since they mean nothing, or something else, in another place.
        public var keepsOverlayAttributes = false
        /// Copies what symbolic links lead to instead of the links, as `cp -Lr` does: without owners, times, attributes,
        /// hard links and set-user-id bits. Links to nowhere are left out.
        public var followsSymlinks = false
        /// With ``followsSymlinks``: links lead nowhere outside the source, and absolute ones begin there.
        public var keepsLinksInside = false
        /// The id on the target's disk for a user's or group's id of the source; nil keeps them.
        public var ownerMap: (@Sendable (UInt32) -> UInt32)?

        /// `cp -a`.
        public init() {}
    }

    /// Copies the contents of `source` into `target`, which should be empty, and gives it the attributes of `source`.
    ///
    /// What was copied before a failure stays: the caller throws the target away.
    /// - Parameter isCancelled: asked often
    /// - Throws: ECANCELED; EEXIST for a name that the target has already; what a call said, with the path
    public static func copy(
        _ source: Directory, into target: Directory, options: Options = Options(),
        isCancelled: () -> Bool = { false }
    ) throws(KernelError) -> TreeCount {
        var run = try TreeCopyRun(source, target, options)
        while try run.step(isCancelled) {}
        return run.count
    }
}
