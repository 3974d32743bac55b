internal import Kernel

/// What kernel and file system can do, remembered until the host restarts: probing mounts and unmounts, which takes
/// longer than a container's start.
///
/// Only complete sets are remembered. Where something is missing or switched off, everything is probed again each time,
/// since it may be there the next time.
struct FeatureShelf {
    /// More than the names of all features need.
    private static let bytesMax = 4096

    /// Writable by root alone: what lies there is trusted.
    let directory: Directory

    /// What can be used in a work directory; the parameters are those of ``Features/probe(userNamespace:workDirectory:disabled:)``.
    func features(
        userNamespace: borrowing Descriptor, workDirectory: Directory, disabled: String
    ) throws(KernelError) -> Features {
        let file = try FeatureShelf.fileName(workDirectory)
        if try directory.readIfPresent(file, limit: FeatureShelf.bytesMax) == FeatureShelf.contents {
            return try Features.complete(disabled: disabled)
        }
        let features = try Features.probe(
            userNamespace: userNamespace, workDirectory: workDirectory, disabled: disabled)
        if features.isComplete { try directory.write(file, FeatureShelf.contents, mode: 0o600) }
        return features
    }

    /// Another kernel, and another file system, is another file.
    private static func fileName(_ workDirectory: Directory) throws(KernelError) -> String {
        let boot = try KernelFile.read("/proc/sys/kernel/random/boot_id").prefix { $0 != "\n" }
        let device = try workDirectory.status().device
        return "features-\(boot)-\(device.major)-\(device.minor)-\(try workDirectory.space().kind)"
    }

    /// What was tried: another version of Apron may try more.
    private static let contents = Array(Features.Feature.allCases.map(\.rawValue).joined(separator: " ").utf8)
}
