import Foundation
import Kernel
import Runtime
import TestSupport
import Testing

/// Real groups on whatever layout the host has. One test after the other: they share the directory for containers.
@Suite(.serialized) final class CgroupTests {
    private let hierarchy: CgroupHierarchy

    init() throws {
        try requireRoot()
        hierarchy = try CgroupHierarchy.detect(parent: "apron-test")
    }

    deinit {
        do { try hierarchy.removeDirectories() } catch { Issue.record(error) }
    }

    @Test func findsTheControllersTwice() throws {
        #expect(hierarchy.controllers.isSuperset(of: [.memory, .pids, .cpu]))
        #expect(hierarchy.controlsDevices)
        let again = try CgroupHierarchy.detect(parent: "apron-test")
        #expect(again.layout == hierarchy.layout)
        #expect(again.controllers == hierarchy.controllers)
        #expect(try hierarchy.list() == again.list())
    }

    @Test func aContainersLifeLeavesNothing() throws {
        let limits = CgroupLimits(memoryBytes: 64 << 20, cpuShares: 512, cpuQuota: 0.5, pids: 50)
        let before = try ownGroups()
        let group = try hierarchy.create(handle: "life", limits: limits)
        defer { try? group.remove() }
        #expect(try hierarchy.list().contains("life"))
        let child = try start(in: group, "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; exec sleep 1000")
        #expect(try ownGroups() == before, "the launching thread is back")
        #expect(try group.processes() == [child.pid])
        #expect(try group.processes(.payload) == [child.pid])
        #expect(try eventually { (group.usage().cpuUserNanoseconds ?? 0) > 0 })

        let usage = group.usage()
        #expect((usage.memoryBytes ?? 0) < 64 << 20)
        #expect(usage.oomKills == 0)
        #expect(usage.pids == 1)
        if hierarchy.layout != .legacy { #expect(usage.cpuPressure.someMicroseconds != nil) }

        #expect(kernelError { try hierarchy.create(handle: "life") }?.errno == .exists)
        #expect(try group.processes() == [child.pid], "a second create leaves the first alone")
        try group.kill()
        try child.wait()
        try group.remove()
        try group.remove()
        #expect(try !hierarchy.list().contains("life"))
        #expect(try hierarchy.open(handle: "life") == nil)
    }

    @Test func programsAreKilledAndProcessOneLives() throws {
        let group = try hierarchy.create(handle: "parts")
        defer { try? group.remove() }
        let first = try start(in: group, "exec sleep 1000", part: .everything)
        let second = try start(in: group, "exec sleep 1000")
        #expect(try Set(group.processes()) == [first.pid, second.pid])
        try group.signalAll(0)
        try group.kill(.payload, sparing: first.pid)
        #expect(try waitForExit(of: second.descriptor, milliseconds: 20_000))
        try second.wait()
        #expect(try group.processes() == [first.pid])
        #expect(try !first.reap())
        try group.signalAll(9)
        try first.wait()
        try group.remove()
    }

    @Test func anOomKillIsNoticed() throws {
        let group = try hierarchy.create(handle: "oom", limits: CgroupLimits(memoryBytes: 16 << 20))
        defer { try? group.remove() }
        guard let events = try group.oomEvents() else {
            Issue.record("no memory controller")
            return
        }
        #expect(try !events.wait(milliseconds: 0))
        let child = try start(in: group, "exec dd if=/dev/zero of=/dev/null bs=64M count=1")
        try child.wait()
        #expect(try events.wait(milliseconds: 20_000))
        #expect(group.oomKills() == 1)
        // The child wants 64 MiB. On v2 the figure has process 1 in it, which is outside the limit.
        #expect((group.usage().memoryPeakBytes ?? 0) < 32 << 20)
        // One kill counts up several lines of memory.events, and the kernel may tell of each (cgroup-v2.rst).
        var told = 0
        repeat {
            try events.acknowledge()
            told += 1
        } while try events.wait(milliseconds: 200) && told < 10
        #expect(told < 10)
        try group.remove()
    }

    @Test func aForkBombIsContainedAndKilled() throws {
        let group = try hierarchy.create(handle: "bomb", limits: CgroupLimits(pids: 20))
        defer { try? group.remove() }
        let child = try start(in: group, "f() { f | f & }; while :; do f; done")
        #expect(try eventually { (group.usage().pids ?? 0) >= 15 })
        #expect((group.usage().pids ?? 0) <= 20)
        try group.kill()
        try child.wait()
        #expect(try eventually { try group.processes().isEmpty })
        try group.remove()
    }

    @Test func devicesAreDenied() throws {
        let script = "for d in null zero kmsg; do if (: < /dev/$d) 2>/dev/null; then echo $d; fi; done"
        #expect(try output(of: script, handle: "devices", DevicePolicy()) == "null\nzero\n")
        let kmsg = try #require(DeviceRule("c 1:11 r"))
        #expect(try output(of: script, handle: "devices", DevicePolicy(extra: [kmsg])) == "null\nzero\nkmsg\n")
    }

    /// The way of cgroup v2, which works on the empty v2 hierarchy of a hybrid host, too.
    @Test func theDeviceProgramDenies() throws {
        guard hierarchy.layout != .legacy else { return }
        let mount = try #require(try CgroupMount.mounted().first(where: \.isUnified))
        let top = try CgroupDirectory(path: mount.point)
        try top.makeGroup("apron-test-devices")
        defer { try? top.removeGroup("apron-test-devices") }
        let group = try top.open("apron-test-devices")
        let filter = try DeviceFilter(DeviceProgram.instructions(for: DevicePolicy()))
        try filter.attach(to: group, path: "apron-test-devices")
        let text = try temporaryFile { file in
            let script = "for d in null urandom kmsg; do if (: < /dev/$d) 2>/dev/null; then echo $d; fi; done > \(file)"
            let child = try shell(script, cgroup: group.number)
            try child.wait()
        }
        #expect(text == "null\nurandom\n")
    }

    @Test func whatTheKernelRefusesIsNamed() throws {
        let error = kernelError { try hierarchy.create(handle: "bad", limits: CgroupLimits(pids: 1 << 40)) }
        #expect(error?.call == "write")
        #expect(error?.errno == .invalid)
        #expect(error?.subject?.hasSuffix("pids.max = 1099511627776") == true)
        #expect(try !hierarchy.list().contains("bad"))
        let long = kernelError { try hierarchy.create(handle: String(repeating: "x", count: 256)) }
        #expect(long?.errno == .nameTooLong)
    }

    /// The daemon's thread is in the group for a moment: it must survive a limit that nothing fits in.
    @Test(arguments: [0, 1, 4096, 256 << 10]) func noMemoryAtAllHarmsOnlyTheContainer(bytes: UInt64) throws {
        let group = try hierarchy.create(handle: "tiny", limits: CgroupLimits(memoryBytes: bytes))
        defer { try? group.remove() }
        let before = try ownGroups()
        do {
            let child = try start(in: group, "exec sleep 1000")
            try group.kill()
            try child.wait()
        } catch let error as KernelError {
            #expect(["ENOMEM", "EAGAIN", "ENOSPC", "E2BIG"].contains(error.errno.name), "\(error)")
        }
        #expect(try ownGroups() == before)
        try group.remove()
    }

    @Test(arguments: ["cgroup.procs", "tasks", "memory.max", "..", "init", "payload", "notify_on_release", "%2E"])
    func oddHandlesAreOrdinary(handle: String) throws {
        let group = try hierarchy.create(handle: handle)
        defer { try? group.remove() }
        #expect(try hierarchy.list().contains(handle))
        #expect(try hierarchy.open(handle: handle) != nil)
        try group.remove()
        #expect(try !hierarchy.list().contains(handle))
    }

    @Test func theLongestHandle() throws {
        let handle = "a." + String(repeating: "x", count: 253)
        let group = try hierarchy.create(handle: handle)
        #expect(try hierarchy.list().contains(handle))
        try group.remove()
    }

    @Test func recoveryFindsTheGroupsByProcessOne() throws {
        let group = try hierarchy.create(handle: "found", limits: CgroupLimits(pids: 9))
        defer { try? group.remove() }
        let child = try start(in: group, "exec sleep 1000", part: .everything)
        // A daemon with another directory for its containers, as after a start from elsewhere.
        let other = try CgroupHierarchy.detect(parent: "apron-test-other")
        defer { try? other.removeDirectories() }
        #expect(try other.open(handle: "found") == nil)
        let found = try #require(try other.open(handle: "found", member: child.pid))
        #expect(try found.processes() == [child.pid])
        #expect(found.usage().pids == 1)
        try found.kill()
        try child.wait()
        try found.remove()
        #expect(try hierarchy.open(handle: "found") == nil)
        #expect(try other.open(handle: "found", member: child.pid) == nil, "an ended process is no guide")
    }

    @Test func subGroupsGoWithTheContainer() throws {
        let group = try hierarchy.create(handle: "nested")
        let child = try start(in: group, "exec sleep 1000")
        for path in try groupPaths(of: child.pid) where path.contains("nested") {
            let directory = try CgroupDirectory(path: path)
            try directory.makeGroup("a")
            try directory.makeGroup("a/b")
            try directory.write("\(child.pid)", to: "a/b/cgroup.procs")
        }
        #expect(try group.processes() == [child.pid])
        try group.kill()
        try child.wait()
        try group.remove()
        #expect(try hierarchy.open(handle: "nested") == nil)
    }

    @Test func aLivingProcessKeepsItsGroup() throws {
        let group = try hierarchy.create(handle: "attached")
        defer { try? group.remove() }
        let child = try shell("exec sleep 1000", cgroup: nil)
        try group.attach(child.pid)
        #expect(try group.processes() == [child.pid])
        #expect(kernelError { try group.remove(waitingMicroseconds: 1000) }?.errno == .busy)
        try group.kill()
        try child.wait()
        try group.remove()
    }

    @Test func processOneMayCloneIntoThePayload() throws {
        let group = try hierarchy.create(handle: "delegated")
        defer { try? group.remove() }
        try group.delegate(toUser: 4_294_967_294)
        guard let payload = try group.payloadDirectory() else {
            #expect(hierarchy.layout == .legacy)
            return
        }
        let whole = try FileManager.default.destinationOfSymbolicLink(atPath: payload.procPath)
        for path in ["\(whole)/cgroup.procs", "\(whole)/../cgroup.procs"] {
            let owner = try FileManager.default.attributesOfItem(atPath: path)[.ownerAccountID] as? NSNumber
            #expect(owner?.uint32Value == 4_294_967_294)
        }
        if hierarchy.layout == .unified {
            let first = try FileManager.default.attributesOfItem(atPath: "\(whole)/../init/cgroup.procs")
            #expect((first[.ownerAccountID] as? NSNumber)?.uint32Value == 0)
        }
        if try group.payloadProcesses() == nil { Issue.record("no cgroup.procs") }
        try group.remove()
    }

    // MARK: - Children

    /// Starts a shell as a container's program, or as its process 1.
    private func start(
        in group: ContainerCgroup,
        _ script: String,
        part: CgroupPart = .payload
    ) throws -> ChildProcess {
        try group.launch(pid: { $0.pid }) { cgroup throws(KernelError) in
            guard part == .payload, let payload = try group.payloadDirectory() else {
                return try shell(script, cgroup: cgroup)
            }
            defer { withExtendedLifetime(payload) {} }
            return try shell(script, cgroup: payload.number)
        }
    }

    private func shell(_ script: String, cgroup: Int32?) throws(KernelError) -> ChildProcess {
        let program = try KernelFile.open("/bin/sh")
        let null = try KernelFile.open("/dev/null", writable: true)
        return try ChildProcess.start(
            program: program, arguments: ["sh", "-c", script], environment: ["PATH=/usr/bin:/bin"], namespaces: [],
            cgroup: cgroup, descriptors: [null.number, null.number, null.number], keepsCapabilities: false)
    }

    private func output(of script: String, handle: String, _ devices: DevicePolicy) throws -> String {
        let group = try hierarchy.create(handle: handle, devices: devices)
        defer { try? group.remove() }
        return try temporaryFile { file in
            let child = try start(in: group, "{ \(script) } > \(file)")
            try child.wait()
        }
    }

    private func temporaryFile(_ body: (String) throws -> Void) throws -> String {
        let path = FileManager.default.temporaryDirectory.path + "/apron-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: path) }
        try body(path)
        return try String(contentsOfFile: path, encoding: .utf8)
    }

    private func ownGroups() throws -> String { try KernelFile.read("/proc/thread-self/cgroup") }

    private func groupPaths(of process: Int32) throws -> [String] {
        let mounts = try CgroupMount.mounted()
        return try CgroupMembership.of(process).compactMap { place in
            mounts.first { $0.controllers == place.controllers }?.path(of: place.group)
        }
    }

    /// Polls until a condition holds, for up to 20 s.
    private func eventually(_ condition: () throws -> Bool) throws -> Bool {
        for _ in 0..<2000 {
            if try condition() { return true }
            CallingThread.pause(microseconds: 10_000)
        }
        return false
    }
}
