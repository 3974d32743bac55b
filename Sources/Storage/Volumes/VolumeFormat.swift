internal import Kernel

/// The file that says whose directory this is.
enum VolumeFormat {
    private static let name = "format"
    private static let text = "apron volumes 1\n"
    /// Longer than any format that there will be.
    private static let bytesMax = 4096
    /// Files that a stock worker keeps beside a volume.
    private static let stockNames: Set = ["properties.json", "privileged.json", "parent"]

    /// Takes a directory that is empty or was ours before.
    /// - Throws: ``VolumeStoreError`` of kind invalid for a directory of a stock worker, of a newer version of this
    ///   program, or of somebody else; nothing in it is changed then
    static func claim(_ volumes: Directory) throws {
        if let found = try volumes.readIfPresent(name, limit: bytesMax) {
            guard String(decoding: found, as: UTF8.self) != text else { return }
            let line = String(decoding: found.prefix { $0 != 10 }.prefix(64), as: UTF8.self)
            throw VolumeStoreError(
                .invalid,
                "\(volumes.path)/\(name): \"\(line)\" is not known to this program; "
                    + "use the version that wrote it, or another work directory")
        }
        try refuseStock(volumes)
        try volumes.write(name, Array(text.utf8), durable: true)
    }

    private static func refuseStock(_ volumes: Directory) throws {
        let parent = volumes.path.split(separator: "/").dropLast().joined(separator: "/")
        for name in ["overlays/work", "volumes.img"] where try exists(name, beside: "/" + parent) {
            throw stock(volumes, "/\(parent)/\(name) exists")
        }
        for state in try volumes.entries() where ["init", "live", "dead"].contains(state) {
            let directory = try volumes.open(state)
            for handle in try directory.entries() {
                let names = (try? directory.open(handle).entries()) ?? []
                if !stockNames.isDisjoint(with: names) {
                    throw stock(volumes, "\(directory.path)/\(handle) is its volume")
                }
                throw VolumeStoreError(
                    .invalid,
                    "\(volumes.path) holds \(state)/\(handle), but no file \"\(name)\" says whose it is; "
                        + "use another work directory")
            }
        }
    }

    /// Whether a stock worker's file is there. An `overlays` without `work` is somebody else's, or nobody's: it holds no
    /// copy of a volume, and other volumes of a stock worker are found by what lies beneath `live`.
    private static func exists(_ name: String, beside parent: String) throws(KernelError) -> Bool {
        do throws(KernelError) {
            return try Descriptor(opening: "\(parent)/\(name)", .path).status().kind != .unknown
        } catch  where error.errno == .noEntry || error.errno == .notDirectory { return false }
    }

    private static func stock(_ volumes: Directory, _ reason: String) -> VolumeStoreError {
        VolumeStoreError(
            .invalid,
            "\(volumes.path) belongs to a stock worker (\(reason)), whose volumes cannot be taken over; "
                + "use another work directory, or remove that one while no worker runs")
    }
}
