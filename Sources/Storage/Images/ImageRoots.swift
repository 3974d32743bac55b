public import Kernel

/// Containers' roots made from image directories: each a fresh overlay whose changes are thrown away with it.
///
/// On disk: `roots/<handle>/{upper,work}`, and `dead/` for what is to be deleted. The image itself is never written to
/// and may serve any number of roots, privileged or not.
public final class ImageRoots: Sendable {
    private let storage: Directory
    private let roots: Directory
    private let lowers: MappedLowers
    private let graveyard: Graveyard
    private let features: Features

    /// Opens the storage directory and goes on deleting what a former process left in `dead/`.
    /// - Parameter features: decides between the fast way and the one for older kernels
    public init(storage: Directory, features: Features) throws(KernelError) {
        self.storage = storage
        self.features = features
        roots = try storage.makeIfMissing("roots", mode: 0o700)
        lowers = try MappedLowers(storage)
        graveyard = try Graveyard(storage)
    }

    /// Makes and mounts a root for the container `handle`.
    /// - Parameters:
    ///   - image: absolute path of the directory with the image's files
    ///   - mapping: for an unprivileged container; nil shows owners as they are
    /// - Throws: EINVAL for a relative path; ENOENT, ENOTDIR or ELOOP with the image's path; EEXIST when the handle has
    ///   a root; EOPNOTSUPP when owners cannot be mapped on the image's file system
    public func make(_ handle: String, image: String, mapping: IDMapping?) throws(KernelError) -> MountTree {
        let source = try ImageDirectory.open(image)
        let layers = try roots.make(handle, mode: 0o700)
        do throws(KernelError) {
            return try mount(layers, image: source, mapping)
        } catch {
            try? graveyard.bury(handle, from: roots)
            throw error
        }
    }

    /// Mounts an existing root again, with its changes, after its container's mounts are all gone.
    public func reopen(_ handle: String, image: String, mapping: IDMapping?) throws(KernelError) -> MountTree {
        let source = try ImageDirectory.open(image)
        let layers = try roots.open(handle)
        // A volatile overlay leaves a mark in its work directory that forbids the next mount. There is none when the
        // last attempt failed before it had made one.
        do throws(KernelError) { try graveyard.bury("work", from: layers) } catch  where error.errno == .noEntry {}
        return try mount(layers, image: source, mapping)
    }

    /// Whether the container has a root here.
    public func exists(_ handle: String) throws(KernelError) -> Bool { try roots.exists(handle) }

    /// Takes a root away; its files are deleted in the background. Nothing to do when there is none.
    ///
    /// The mount itself ends with the container's mount namespace.
    public func remove(_ handle: String) throws(KernelError) {
        do throws(KernelError) { try graveyard.bury(handle, from: roots) } catch  where error.errno == .noEntry {}
    }

    /// Removes what no container of `handles` needs any more; for the start, before containers are made.
    public func sweep(keeping handles: Set<String>) throws(KernelError) {
        for handle in try roots.entries() where !handles.contains(handle) { try remove(handle) }
        // A mounted overlay holds its layers by itself, so no attached lower is needed by a live container.
        try lowers.removeAll()
    }

    /// Unmounts what only later roots would need; mounted roots keep what they are made of.
    public func releaseLowers() throws(KernelError) { try lowers.removeAll() }

    /// Waits until everything buried so far is deleted; for tests and for an orderly end.
    public func waitUntilDeleted() { graveyard.waitUntilEmpty() }

    private func mount(
        _ layers: Directory, image: Directory, _ mapping: IDMapping?
    ) throws(KernelError) -> MountTree {
        // Unprivileged containers cannot make device nodes; those in an image must not work either.
        let attributes: MountAttributes = mapping == nil ? [] : [.noDev]
        guard features.has(.overlayDescriptors) else {
            let lower = try mapping.map { (mapping) throws(KernelError) in
                try requireMapping(image)
                return try lowers.attached(image, mapping)
            }
            return try compose(layers, lower: lower ?? image).mount(.paths, attributes)
        }
        guard let mapping else { return try compose(layers, lower: image).mount(.descriptors, attributes) }
        try requireMapping(image)
        let lower = try MappedLowers.detached(image, mapping)
        let mounted = try compose(layers, lower: try lower.root()).mount(.descriptors, attributes)
        // The overlay has a copy of its own now; the layer's mount had to live until here.
        extendLifetime(lower)
        return mounted
    }

    private func requireMapping(_ image: Directory) throws(KernelError) {
        if features.has(.idMap) { return }
        throw KernelError(
            call: "mount_setattr", errno: .notSupported,
            subject: "\(image.path): unprivileged containers need id-mapped mounts, which the kernel or the file "
                + "system does not offer; use a privileged container or another file system")
    }

    /// Makes the upper directory, whose owner and mode are those of the root that the container sees.
    private func compose(_ layers: Directory, lower: Directory) throws(KernelError) -> OverlayMount {
        let seen = try lower.status()
        let isFresh = try !layers.exists("upper")
        let upper = try layers.makeIfMissing("upper", mode: seen.mode)
        if isFresh { try upper.chown(uid: seen.uid, gid: seen.gid) }
        var overlay = OverlayMount(lowers: [lower], upper: upper, work: try layers.make("work", mode: 0o700))
        overlay.isVolatile = true
        return overlay
    }
}
