internal import Kernel
internal import Storage
internal import Telemetry

/// The volumes of one container, known by the paths of its request: mounted when process 1 is started, in use until the
/// container is gone.
struct ContainerVolumes {
    private let facilities: VolumeFacilities
    private let container: String

    /// Nil when the worker keeps no volumes.
    init?(_ facilities: VolumeFacilities?, of container: String) {
        guard let facilities else { return nil }
        self.facilities = facilities
        self.container = container
    }

    /// The mount of what lies at a path of a volume; nil when the path is any other of the host.
    /// - Throws: ``WorkerError`` with the path, the volume and the cause
    func mount(_ path: String, writable: Bool, unprivileged: Bool) throws -> MountTree? {
        do {
            guard let place = try facilities.volume(at: path) else { return nil }
            facilities.noteLaunch(of: container)
            return try traced(.volumeMount) { span in
                span.set {
                    $0.set("apron.volume.handle", place.handle)
                    $0.set("apron.volume.writable", writable)
                }
                if let origin = facilities.store.find(place.handle)?.context {
                    span.link(Link(origin, type: "origin_volume"))
                }
                let wasMounted = facilities.store.isMounted(place.handle)
                let tree = try facilities.store.mount(
                    place.handle, rest: place.rest, writable: writable, unprivileged: unprivileged,
                    user: .container(container))
                span.set("apron.cache.outcome", outcome(place.handle, wasMounted))
                return tree
            }
        } catch {
            let cause = (error as? any KernelCaused)?.kernelCause ?? error as? KernelError
            throw WorkerError(.failed, "volume at \(path): \(error)", handle: container, cause: cause)
        }
    }

    /// One layer is shown as it is; of more, the kernel has made one file system before or has now.
    private func outcome(_ handle: String, _ wasMounted: Bool) -> String? {
        guard let record = facilities.store.find(handle) else { return nil }
        return record.stack.layers.count < 2 ? "uncached" : wasMounted ? "hit" : "miss"
    }

    /// Says again that a container of an earlier worker uses its volumes.
    /// - Parameter process: its process 1, nil when that is gone
    func adopt(_ request: ContainerRequest, process: Int32?) {
        for (path, writable) in request.hostPaths {
            guard let place = try? facilities.volume(at: path) else { continue }
            facilities.store.adopt(place.handle, user: .container(container), writable: writable, process: process)
        }
    }
}

extension ContainerRequest {
    /// The paths of the host that the container has mounted, and whether for writing.
    fileprivate var hostPaths: [(String, Bool)] {
        var paths = bindMounts.map { ($0.source, $0.writable) }
        if case .raw(let root) = try? RootSource(rootfs, default: nil) { paths.append((root, true)) }
        return paths
    }
}
