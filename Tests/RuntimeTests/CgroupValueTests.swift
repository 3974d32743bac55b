import Kernel
import Testing

@testable import Runtime

@Suite struct CgroupValueTests {
    @Test(arguments: [
        (UInt64(0), UInt64(1)), (2, 1), (1024, 39), (512, 20), (2048, 79), (262_144, 10_000), (.max, 10_000),
    ])
    func sharesBecomeWeights(shares: UInt64, weight: UInt64) {
        #expect(CgroupLimits.weight(fromShares: shares) == weight)
    }

    @Test func quotasAreMicrosecondsOfAPeriod() {
        #expect(CgroupLimits(cpuQuota: 1.5).quotaMicroseconds == 150_000)
        #expect(CgroupLimits(cpuQuota: 0.0001).quotaMicroseconds == 1000)
        #expect(CgroupLimits(cpuQuota: 0).quotaMicroseconds == nil)
        #expect(CgroupLimits(cpuQuota: .nan).quotaMicroseconds == nil)
        #expect(CgroupLimits(cpuQuota: -1).quotaMicroseconds == nil)
        #expect(CgroupLimits(cpuQuota: 1e300).quotaMicroseconds == 100_000_000_000)
        #expect(CgroupLimits().quotaMicroseconds == nil)
    }

    @Test func mountsOfAHybridHost() {
        let mounts = CgroupMount.parse(
            """
            31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
            32 31 0:29 /docker/ab /sys/fs/cgroup/cpu,cpuacct rw,nosuid shared:9 - cgroup cgroup rw,cpu,cpuacct
            40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,xattr,name=systemd
            41 31 0:38 / /sys/fs/with\\040space rw,relatime shared:3 master:1 - cgroup2 cgroup2 rw,nsdelegate
            broken
            """)
        #expect(
            mounts.map(\.point) == [
                "/sys/fs/cgroup/cpu,cpuacct", "/sys/fs/cgroup/systemd", "/sys/fs/with space",
            ])
        #expect(mounts.map(\.isUnified) == [false, false, true])
        #expect(mounts.map(\.controllers) == [["cpu", "cpuacct"], ["name=systemd"], []])
        #expect(mounts[0].path(of: "/docker/ab") == "/sys/fs/cgroup/cpu,cpuacct")
        #expect(mounts[0].path(of: "/docker/ab/c") == "/sys/fs/cgroup/cpu,cpuacct/c")
        #expect(mounts[0].path(of: "/docker/abc") == nil)
        #expect(mounts[2].path(of: "/") == "/sys/fs/with space")
        #expect(mounts[2].path(of: "/a") == "/sys/fs/with space/a")
    }

    @Test func membershipsOfAProcess() {
        let places = CgroupMembership.parse("5:cpu,cpuacct:/a:b\n1:name=systemd:/\n0::/x/y (deleted)\nnonsense\n")
        #expect(places.map(\.controllers) == [["cpu", "cpuacct"], ["name=systemd"], []])
        #expect(places.map(\.group) == ["/a:b", "/", "/x/y"])
    }

    @Test func theDaemonsLeafIsNotItsBase() {
        #expect(
            CgroupHierarchy.withoutLeaf("/system.slice/apron.service/apron-daemon")
                == "/system.slice/apron.service")
        #expect(CgroupHierarchy.withoutLeaf("/apron-daemon") == "/")
        #expect(CgroupHierarchy.withoutLeaf("/a/my-apron-daemon") == "/a/my-apron-daemon")
    }

    @Test func namesNeverMeetAControlFile() {
        #expect(CgroupName.name(forHandle: "7dbb2fe6-5e7c-4f7a-6d2b-7a1b") == "7dbb2fe6-5e7c-4f7a-6d2b-7a1b")
        #expect(CgroupName.name(forHandle: "cgroup.procs") == "cgroup%2Eprocs")
        #expect(CgroupName.name(forHandle: "tasks") == "%74asks")
        #expect(CgroupName.name(forHandle: "..") == "%2E%2E")
        #expect(CgroupName.name(forHandle: "a\nb%é") == "a%0Ab%25é")
        let long = "a." + String(repeating: "x", count: 253)
        #expect(CgroupName.name(forHandle: long) == long)
        for handle in ["h", "cgroup.procs", "tasks", "%74asks", "..", "a\nb%é", "%", "%2E", "100%", long, "ünï.cödé"] {
            #expect(CgroupName.handle(forName: CgroupName.name(forHandle: handle)) == handle)
        }
    }

    @Test func figuresOfControlFiles() {
        let events = "low 0\noom 3\noom_kill 2\noom_group_kill 0\n"
        #expect(CgroupUsage.value("oom_kill", in: events) == 2)
        #expect(CgroupUsage.value("missing", in: events) == nil)
        let pressure = CgroupUsage.pressure(
            in: "some avg10=0.00 avg60=0.00 avg300=0.00 total=1234\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=56\n")
        #expect(pressure.someMicroseconds == 1234)
        #expect(pressure.fullMicroseconds == 56)
        #expect(CgroupUsage.pressure(in: "some avg10=0.00 total=7\n").fullMicroseconds == nil)
        let io = "8:0 rbytes=10 wbytes=20 rios=1\n253:1 rbytes=5 wbytes=1 rios=9\n"
        #expect(CgroupUsage.sum("rbytes", inDevices: io) == 15)
        #expect(CgroupUsage.sum("wbytes", inDevices: io) == 21)
    }
}
