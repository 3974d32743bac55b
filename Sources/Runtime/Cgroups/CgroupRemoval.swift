public import Kernel

extension ContainerCgroup {
    /// Removes the groups and whatever sub-groups the container has made; nothing to do when they are gone.
    ///
    /// Processes must have been killed; while they are on their way out the kernel says EBUSY, and so does this when the
    /// time is over.
    public func remove(waitingMicroseconds: UInt32 = removeMicrosecondsMax) throws(KernelError) {
        var directories = trees.map(\.groups)
        if let unified { directories.append(unified.groups) }
        var waited: UInt32 = 0
        var pauseNext: UInt32 = 200
        while true {
            var busy: KernelError?
            var left: [CgroupDirectory] = []
            for directory in directories {
                do { try remove(directory) } catch {
                    guard error.errno == .busy else { throw error }
                    busy = error
                    left.append(directory)
                }
            }
            guard let busy else { return }
            if waited >= waitingMicroseconds { throw busy }
            CallingThread.pause(microseconds: pauseNext)
            waited += pauseNext
            pauseNext = min(pauseNext * 2, Self.removePauseMax)
            directories = left
        }
    }

    /// The exit of a killed process takes milliseconds, with a large memory or a slow disk up to seconds.
    public static let removeMicrosecondsMax: UInt32 = 5_000_000
    private static let removePauseMax: UInt32 = 50_000

    private func remove(_ directory: CgroupDirectory) throws(KernelError) {
        // What always has children is not worth a first attempt that fails.
        if directory === unified?.groups {
            try remove(directory, payload, depth: 1)
            if first != name { try remove(directory, first, depth: 1) }
        }
        try remove(directory, name, depth: 0)
    }

    private func remove(_ directory: CgroupDirectory, _ group: String, depth: Int) throws(KernelError) {
        do { return try directory.removeGroup(group) } catch {
            if error.errno == .noEntry { return }
            // EBUSY stands for processes and for sub-groups alike.
            guard error.errno == .busy, depth < Self.depthMax else { throw error }
        }
        do {
            for child in try directory.groups(in: group) {
                try remove(directory, "\(group)/\(child)", depth: depth + 1)
            }
            try directory.removeGroup(group)
        } catch {
            if error.errno != .noEntry { throw error }
        }
    }
}
