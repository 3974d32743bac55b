internal import FoundationEssentials
internal import Kernel

/// What containers have mounted of the host, as their files say: nothing is changed, and a worker may be at work there.
public struct ContainerPaths: Sendable {
    /// The container's handle.
    public let container: String
    /// Paths of the host: sources of bind mounts, and the root if it is used as it is.
    public let paths: [String]

    // As large as a worker writes them.
    private static let bytesMax = 64 << 20

    /// Reads all containers of a work directory; those that cannot be read are left out, and none is no error.
    public static func read(workDirectory: String) -> [ContainerPaths] {
        guard let live = try? Directory("\(workDirectory)/containers/live") else { return [] }
        let handles = ((try? live.entries()) ?? []).sorted()
        return handles.compactMap { handle in
            guard let bytes = try? live.open(handle).read("container.json", limit: bytesMax),
                let definition = try? JSONDecoder().decode(ContainerDefinition.self, from: Data(bytes))
            else { return nil }
            var paths = definition.request.bindMounts.map(\.source)
            if case .raw(let root) = try? RootSource(definition.request.rootfs, default: nil) { paths.append(root) }
            return ContainerPaths(container: handle, paths: paths)
        }
    }
}
