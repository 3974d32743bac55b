internal import Kernel

/// Makes mounts of stacks inside the pinned namespace; mounts are made on the thread that lives there.
///
/// The root of the namespace is the directory of all volumes.
struct StackComposer: Sendable {
    let root: Directory
    let maps: OwnerMaps
    let features: Features

    /// What is shown of a layer: its files, or a file or directory beneath them, as the view's owners.
    func bind(_ layer: Layer, shownAs view: Owners, rest: String) throws(KernelError) -> MountTree {
        let files = try files(of: layer)
        return try mapped(try clone(files, rest), layer, shownAs: view)
    }

    /// A copy of a mount, or of what lies at a path beneath its root, which symbolic links cannot lead out of.
    func clone(_ directory: Directory, _ rest: String) throws(KernelError) -> MountTree {
        if rest.isEmpty { return try MountTree.clone(directory) }
        return try MountTree.clone(try directory.openInRoot(rest, .path), source: "\(directory.path)/\(rest)")
    }

    /// Mounts the overlay of two or more layers on a directory.
    /// - Throws: EINVAL when the layer that takes changes has other owners than are shown: the kernel would mount it,
    ///   and every change would fail
    func attach(_ stack: LayerStack, at point: Directory, named name: String) throws(KernelError) {
        if let top = stack.writable, top.owners != stack.owners {
            let text = "\(name): its top layer \(top.id) has \(top.owners) owners, but it shows \(stack.owners) ones"
            throw KernelError(call: "overlay", errno: .invalid, subject: text)
        }
        guard let described = MountedStack(stack), stack.layers.count > 1 else {
            throw KernelError(call: "overlay", errno: .invalid, subject: "\(name): needs two layers")
        }
        let overlay = LayerOverlay(source: described.source)
        if features.has(.overlayDescriptors) {
            try attachByDescriptors(overlay, stack, at: point)
        } else {
            try attachByPaths(overlay, stack, at: "/\(VolumeMounts.pointsName)/\(name)")
        }
    }

    // MARK: Newer kernels

    private func attachByDescriptors(
        _ overlay: LayerOverlay, _ stack: LayerStack, at point: Directory
    ) throws(KernelError) {
        var upper: (files: Directory, work: Directory)?
        if let top = stack.writable { upper = (try files(of: top), try work(of: top)) }
        // The overlay makes copies of its own; those of the mapped layers had to live until then.
        var held: [SharedDescriptor] = []
        var lowers: [Directory] = []
        for layer in stack.layers.dropFirst(upper == nil ? 0 : 1) {
            let files = try files(of: layer)
            if maps.map(of: layer.owners, shownAs: stack.owners) == nil {
                lowers.append(files)
                continue
            }
            let tree = try mapped(try MountTree.clone(files), layer, shownAs: stack.owners)
            lowers.append(try tree.root())
            held.append(SharedDescriptor(tree.release()))
        }
        try overlay.mount(lowers: lowers, upper: upper).attach(at: point)
        extendLifetime(held)
    }

    // MARK: Older kernels

    /// Lower layers must be attached here: mapped ones are, for the moment, each on its own unmapped files.
    private func attachByPaths(_ overlay: LayerOverlay, _ stack: LayerStack, at target: String) throws(KernelError) {
        var attached: [String] = []
        defer { for path in attached { try? MountPoint(path).unmount(detach: true) } }

        let lowers = stack.layers.dropFirst(stack.writable == nil ? 0 : 1)
        for layer in lowers where maps.map(of: layer.owners, shownAs: stack.owners) != nil {
            let files = try files(of: layer)
            try mapped(try MountTree.clone(files), layer, shownAs: stack.owners).attach(at: files)
            attached.append("/\(VolumeMounts.layersName)/\(layer.id)/files")
        }
        try overlay.mount(
            from: try root.open(VolumeMounts.layersName), lowers: lowers.map { "\($0.id)/files" },
            upper: stack.writable.map { ("\($0.id)/files", "\($0.id)/work") }, at: target)
    }

    // MARK: Layers

    private func files(of layer: Layer) throws(KernelError) -> Directory { try directory(of: layer).open("files") }

    private func work(of layer: Layer) throws(KernelError) -> Directory { try directory(of: layer).open("work") }

    func directory(of layer: Layer) throws(KernelError) -> Directory {
        // It becomes part of mount options.
        guard layer.id.utf8.allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 || 97...102 ~= $0 }) else {
            throw KernelError(call: "layer", errno: .invalid, subject: "\(layer.id): not a layer's id")
        }
        return try root.open("\(VolumeMounts.layersName)/\(layer.id)")
    }

    private func mapped(
        _ tree: consuming MountTree, _ layer: Layer, shownAs view: Owners
    ) throws(KernelError) -> MountTree {
        guard let map = maps.map(of: layer.owners, shownAs: view) else { return tree }
        guard features.has(.idMap) else {
            let text = "\(tree.source): showing \(layer.owners) owners as \(view) ones needs id-mapped mounts, which "
            throw KernelError(
                call: "mount_setattr", errno: .notSupported,
                subject: text + "the kernel or the file system does not offer")
        }
        try map.with { (namespace) throws(KernelError) in try tree.idMap(userNamespace: namespace) }
        return tree
    }
}
