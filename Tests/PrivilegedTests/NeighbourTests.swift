import TestSupport
import Testing

@testable import Worker

/// Workers and single runs beside each other on one host.
@Suite(.serialized) struct NeighbourTests {
    @Test func theRecoveryOfOneLeavesTheContainersOfTheOther() async throws {
        try requireRoot()
        try await LaunchSite.with { site in
            var request = ContainerRequest()
            request.handle = "neighbour"
            request.rootfs = site.image
            _ = try await site.service.create(request)
            // What a second worker with another work directory finds in the same cgroup.
            try await LaunchSite.with({ $0.cgroupParent = site.settings.cgroupParent }) { other in
                let report = try await other.restart()
                #expect(report.failures == [])
                #expect(try await other.service.list([:]) == [])
            }
            #expect(try await site.service.info("neighbour").state == "active")
            #expect(try await site.service.info("neighbour").events == [])
        }
    }
}
