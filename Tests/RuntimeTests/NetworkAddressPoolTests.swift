import Foundation
import Kernel
import Testing

@testable import Runtime

@Suite final class NetworkAddressPoolTests {
    private let directory = FileManager.default.temporaryDirectory.appendingPathComponent("leases-\(UUID())").path

    deinit { try? FileManager.default.removeItem(atPath: directory) }

    private func pool(_ text: String = "10.199.0.0/29") throws -> AddressPool {
        try AddressPool(try #require(CIDR(text)), directory: directory)
    }

    @Test func addressesAreGivenOutInTurn() throws {
        let pool = try pool()
        let first = try pool.lease(to: "a")
        #expect(first == NetworkLease(handle: "a", address: try #require(IPv4Address("10.199.0.2"))))
        try pool.release(first)
        #expect(try pool.lease(to: "b").address.description == "10.199.0.3")
    }

    @Test func exhaustionSaysHowManyAreInUse() throws {
        let pool = try pool()
        let leases = try (0..<5).map { try pool.lease(to: "h\($0)") }
        #expect(leases.map(\.address.description) == (2...6).map { "10.199.0.\($0)" })
        let error = #expect(throws: NetworkError.self) { try pool.lease(to: "one too many") }
        #expect(error?.description == "no free address in 10.199.0.0/29: 5 in use")
        try pool.release(leases[2])
        #expect(try pool.lease(to: "h6").address.description == "10.199.0.4")
    }

    @Test func leasesSurviveAndAreSeenByOthers() throws {
        let first = try pool()
        let lease = try first.lease(to: "a")
        let second = try pool()
        #expect(try second.leases() == [lease])
        #expect(try second.lease(to: "b").address != lease.address)
        #expect(Set(try first.leases().map(\.handle)) == ["a", "b"])
    }

    @Test func addressesGivenBackByOthersAreFoundWhenNoneIsLeft() throws {
        let first = try pool()
        let leases = try (0..<5).map { try first.lease(to: "h\($0)") }
        try pool().release(leases[4])
        #expect(try first.lease(to: "again").address == leases[4].address)
    }

    @Test func leaseOfAnotherIsNotReleased() throws {
        let pool = try pool()
        let lease = try pool.lease(to: "a")
        try pool.release(NetworkLease(handle: "b", address: lease.address))
        #expect(try pool.leases() == [lease])
        try pool.release(NetworkLease(handle: "a", address: try #require(IPv4Address("192.0.2.1"))))
    }

    @Test func leaseOfAFormerPoolIsStillKnown() throws {
        let lease = try pool("10.199.4.0/29").lease(to: "a")
        let other = try pool("10.199.0.0/29")
        #expect(try other.leases() == [lease])
        try other.release(lease)
        #expect(try other.leases().isEmpty)
    }

    @Test func concurrentHoldersNeverShareAnAddress() async throws {
        let pools = try (0..<4).map { _ in try pool("10.199.0.0/22") }
        let addresses = try await withThrowingTaskGroup(of: [IPv4Address].self) { group in
            for (index, pool) in pools.enumerated() {
                group.addTask { try (0..<200).map { try pool.lease(to: "\(index)-\($0)").address } }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
        #expect(addresses.count == 800)
        #expect(Set(addresses).count == 800)
    }

    @Test func wholePoolCanBeLeased() throws {
        let pool = try pool("10.199.0.0/22")
        for _ in 0..<1021 { _ = try pool.lease(to: "h") }
        #expect(throws: NetworkError.self) { try pool.lease(to: "h") }
    }

    @Test func interfaceIsNamedAfterTheAddress() throws {
        let lease = NetworkLease(handle: "h", address: try #require(IPv4Address("10.80.0.2")))
        #expect(lease.hostInterface == "ap0a500002")
        #expect(lease.hostInterfaceIndex == 0x2a50_0002)
    }
}
