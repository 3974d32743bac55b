import Kernel
import Runtime
import Testing

@Suite struct NetworkFilesTests {
    private let address = IPv4Address("10.80.0.2")

    @Test func hostsFileNamesTheContainerLast() {
        let files = HostFiles(handle: "h1", address: address, additionalHosts: ["192.0.2.1 registry"])
        #expect(files.hosts == "127.0.0.1 localhost\n192.0.2.1 registry\n10.80.0.2 h1\n")
        #expect(files.hostNameFile == "h1\n")
    }

    @Test func hostsFileWithoutNetworkHasNoAddress() {
        #expect(HostFiles(handle: "h1", address: nil).hosts == "127.0.0.1 localhost\n")
    }

    @Test func longHandleIsShortenedToItsEnd() {
        let longest = String(repeating: "a", count: 64)
        #expect(HostFiles(handle: longest, address: address).hostName == longest)
        let handle = String(repeating: "a", count: 20) + String(repeating: "b", count: 49)
        let files = HostFiles(handle: handle, address: address)
        #expect(files.hostName == String(repeating: "b", count: 49))
        #expect(files.hosts.hasSuffix("10.80.0.2 \(handle) \(files.hostName)\n"))
    }

    private func resolver(_ servers: [String] = [], host: String? = nil, upstream: String? = nil) throws -> String {
        let hostAddress = try #require(IPv4Address("192.0.2.9"))
        return ResolverFile(servers: servers, host: host, upstream: upstream, hostAddress: hostAddress).contents
    }

    @Test func configuredServersComeFirst() throws {
        #expect(
            try resolver(["8.8.8.8", "fd00::1"], host: "nameserver 1.1.1.1\n")
                == "nameserver 8.8.8.8\nnameserver fd00::1\n")
    }

    @Test func hostsFileLosesItsLoopbackServers() throws {
        let host = "search example.org\nnameserver 127.0.0.53\nnameserver ::1\n nameserver\t192.0.2.53\noptions edns0\n"
        #expect(try resolver(host: host) == "search example.org\n nameserver\t192.0.2.53\noptions edns0\n")
    }

    @Test func upstreamFileIsUsedWhenTheHostHasOnlyLoopbackServers() throws {
        #expect(
            try resolver(host: "nameserver 127.0.0.53\n", upstream: "nameserver 192.0.2.1\nsearch x\n")
                == "nameserver 192.0.2.1\nsearch x\n")
    }

    @Test func hostItselfIsTheLastResort() throws {
        #expect(try resolver(host: "nameserver 127.0.0.1\n") == "nameserver 192.0.2.9\n")
        #expect(try resolver(host: "search x\n", upstream: "nameserver ::1%lo\n") == "nameserver 192.0.2.9\n")
        #expect(try resolver() == "nameserver 192.0.2.9\n")
    }

    @Test func hermeticContainerHasNoServer() { #expect(ResolverFile.hermetic.contents.isEmpty) }
}
