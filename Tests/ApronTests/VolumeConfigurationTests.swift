import API
import ArgumentParser
import Storage
import Testing
import Worker

@testable import apron

@Suite struct VolumeConfigurationTests {
    private func volumes(
        _ arguments: String..., environment: [String: String] = [:]
    ) throws -> VolumeConfiguration {
        try WorkerConfiguration(
            arguments: ["--work-dir", "/w"] + arguments, environment: environment, hostName: "h"
        ).volumes
    }

    @Test func defaults() throws {
        let volumes = try volumes()
        #expect(volumes.bindAddress.description == "127.0.0.1")
        #expect(volumes.bindPort == 7788)
        #expect(volumes.peerInterface == "eth0")
        #expect(volumes.peerFamily == .v4)
        #expect(volumes.usesUserNamespaces)
        #expect(volumes.reserve == nil)
        #expect(volumes.archiveProgram == nil)
        let settings = volumes.settings(directory: VolumeConfiguration.directory(below: "/w"))
        #expect(settings.directory == "/w/volumes")
        #expect(!settings.attachesAtPath)
    }

    @Test func flagsAndVariablesCount() throws {
        let volumes = try volumes(
            "--baggageclaim-bind-ip", "10.0.0.1", "--baggageclaim-p2p-interface-family=6",
            "--baggageclaim-disable-user-namespaces", "--volume-reserve", "10%",
            environment: [
                "CONCOURSE_BAGGAGECLAIM_BIND_PORT": "1", "CONCOURSE_BAGGAGECLAIM_P2P_INTERFACE_NAME_PATTERN": "^en.*",
                "APRON_ARCHIVE_BIN": "/a",
            ])
        #expect(volumes.bindAddress.description == "10.0.0.1")
        #expect(volumes.bindPort == 1)
        #expect(volumes.peerInterface == "^en.*")
        #expect(volumes.peerFamily == .v6)
        #expect(!volumes.usesUserNamespaces)
        #expect(volumes.reserve == .percent(10))
        #expect(volumes.archiveProgram == "/a")
    }

    @Test(arguments: ["detect", "naive", "btrfs", "overlay"]) func driversAreAccepted(_ driver: String) throws {
        let configuration = try WorkerConfiguration(
            arguments: ["--work-dir", "/w", "--baggageclaim-driver", driver], environment: [:], hostName: "h")
        let ignored = configuration.ignored.filter { $0.flag == "--baggageclaim-driver" }
        #expect(ignored.count == (driver == "detect" ? 0 : 1))
        #expect(ignored.allSatisfy { $0.reason.contains("layers") })
    }

    @Test func reservesAreSizesOrShares() {
        #expect(SpaceReserve.Size("10GiB") == .bytes(10 << 30))
        #expect(SpaceReserve.Size("2.5%") == .percent(2.5))
        #expect(SpaceReserve.Size("0") == .bytes(0))
        for text in ["", "%", "101%", "-1%", "nan%", "much", "-5"] {
            #expect(SpaceReserve.Size(text) == nil, "\(text)")
        }
    }

    @Test(arguments: [
        (["--volume-reserve", "much"], "--volume-reserve must be a size such as 10GiB or a share such as 10%"),
        (["--baggageclaim-p2p-interface-name-pattern", "(eth"], "is no regular expression: '(eth'"),
        (["--baggageclaim-p2p-interface-family", "5"], "must be one of 4, 6, not '5'"),
        (["--archive-bin", "ApronArchive"], "must be an absolute path"),
    ]) func impossibleValueIsRefused(_ arguments: [String], _ sentence: String) throws {
        let found = #expect(throws: UsageError.self) {
            try WorkerConfiguration(
                arguments: ["--work-dir", "/w"] + arguments, environment: [:], hostName: "h")
        }
        #expect(found?.description.contains(sentence) == true, "\(String(describing: found))")
    }
}

/// The flags of the stock volume server.
@Suite struct BaggageclaimCommandTests {
    @Test func stockFlagsAreAccepted() throws {
        let command = try BaggageclaimCommand.parse([
            "--log-level", "debug", "--bind-ip", "0.0.0.0", "--bind-port", "7789", "--debug-bind-ip", "127.0.0.1",
            "--debug-bind-port", "8099", "--p2p-interface-name-pattern", "eth.*", "--p2p-interface-family", "4",
            "--volumes", "/v", "--driver", "overlay", "--btrfs-bin", "btrfs", "--mkfs-bin", "mkfs.btrfs",
            "--overlays-dir", "/o", "--disable-user-namespaces",
        ])
        let settings = try command.settings()
        #expect(settings.bindAddress.description == "0.0.0.0")
        #expect(settings.bindPort == 7789)
        #expect(!settings.usesUserNamespaces)
        #expect(command.volumes == "/v")
        #expect(command.ignored.map(\.flag) == ["--driver", "--overlays-dir"])
    }

    @Test func defaultsAreTheStockServers() throws {
        let settings = try BaggageclaimCommand.parse(["--volumes=/v"]).settings()
        #expect(settings.bindAddress.description == "127.0.0.1")
        #expect(settings.bindPort == 7788)
        #expect(settings.peerInterface == "eth0")
        #expect(settings.usesUserNamespaces)
    }

    @Test(arguments: [
        [], ["--volumes", "relative"], ["--volumes", "/v", "--driver", "zfs"],
        ["--volumes", "/v", "--bind-ip", "localhost"], ["--volumes", "/v", "--bind-port", "65536"],
        ["--volumes", "/v", "--p2p-interface-name-pattern", "("], ["--volumes", "/v", "--volume-reserve", "much"],
        ["--volumes", "/v", "--disable", "everything"], ["--volumes", "/v", "--p2p-interface-family", "5"],
    ]) func impossibleFlagsAreRefused(_ arguments: [String]) {
        #expect(throws: (any Error).self) { try BaggageclaimCommand.parse(arguments) }
    }
}
