internal import Kernel

extension CgroupHierarchy {
    /// Removes the groups of a handle that no container of this worker has, which is the caller's to know.
    ///
    /// They are what a worker has left whose work directory was wiped. Empty ones may as well belong to a container
    /// that another worker is making at this moment, so they are removed only while no other worker is in the
    /// directories for containers.
    /// - Throws: EEXIST when processes are in them, with their ids, or when another worker is there
    func removeStale(_ handle: String) throws(KernelError) {
        guard let stale = try open(handle: handle) else { return }
        try stale.expectEmpty()
        let isAlone = try whileAlone(presences[...]) { () throws(KernelError) in
            // What lived here meanwhile may have made containers and died.
            try stale.expectEmpty()
            try stale.remove()
        }
        guard isAlone else {
            let advice = "is no container of this worker, but may be one of another that runs on this host"
            throw stale.refusal("\(advice); stop that one, or remove the empty group with rmdir")
        }
    }

    /// Runs `body` while this is the only worker in all of the directories.
    private func whileAlone(
        _ presences: ArraySlice<CgroupPresence>, _ body: () throws(KernelError) -> Void
    ) throws(KernelError) -> Bool {
        guard let first = presences.first else {
            try body()
            return true
        }
        var isAloneInRest = false
        let isAlone = try first.whileAlone { () throws(KernelError) in
            isAloneInRest = try whileAlone(presences.dropFirst(), body)
        }
        return isAlone && isAloneInRest
    }
}

extension ContainerCgroup {
    /// Processes named in an error; a container may have thousands.
    private static let pidsNamedMax = 8

    /// - Throws: EEXIST when a process is in any of the groups or of their sub-groups
    fileprivate func expectEmpty() throws(KernelError) {
        let pids = try processesAnywhere().sorted()
        guard pids.isEmpty else {
            let named = pids.prefix(Self.pidsNamedMax).map(String.init).joined(separator: ", ")
            let more = pids.count > Self.pidsNamedMax ? " and \(pids.count - Self.pidsNamedMax) more" : ""
            throw refusal(
                "is no container of this worker, but processes live in it: \(named)\(more); "
                    + "kill them, or have the worker that made it destroy it")
        }
        if try isPopulated() {
            throw refusal("is no container of this worker, but processes of another pid namespace live in it")
        }
    }

    /// EEXIST, which is what making the group has said.
    fileprivate func refusal(_ why: String) -> KernelError {
        let path = (trees.first?.groups ?? unified?.groups)?.subject(name) ?? name
        return KernelError(call: "mkdirat", errno: .exists, subject: "\(path), which \(why)")
    }
}
