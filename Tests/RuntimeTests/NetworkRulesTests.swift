import Kernel
import Testing

@testable import Runtime

@Suite struct NetworkRulesTests {
    @Test func fingerprintFollowsTheRules() throws {
        let restricted = try #require(CIDR("192.0.2.0/24"))
        let variants = [
            NetworkConfiguration(), NetworkConfiguration(allowHostAccess: true),
            NetworkConfiguration(restrictedNetworks: [restricted]), NetworkConfiguration(bridge: "apron1"),
            NetworkConfiguration(pool: restricted),
        ]
        #expect(Set(variants.map { FirewallRules($0).fingerprint }).count == variants.count)
        // What a container never sees of the firewall does not change it.
        let other = NetworkConfiguration(mtu: 1400, dnsServers: ["192.0.2.1"], additionalHosts: ["192.0.2.1 a"])
        #expect(FirewallRules(other).fingerprint == FirewallRules(NetworkConfiguration()).fingerprint)
    }

    @Test func onlyBytesBehindThePrefixAreCompared() throws {
        let comparisons = { (pool: String) in
            let rules = FirewallRules(NetworkConfiguration(pool: try #require(CIDR(pool)))).installation
            return rules.split(separator: "\n").count { $0.contains("ip saddr & ") }
        }
        #expect(try comparisons("10.0.0.0/8") == 3)
        #expect(try comparisons("10.80.0.0/16") == 2)
        #expect(try comparisons("10.80.0.0/20") == 2)
        #expect(try comparisons("10.80.0.0/28") == 1)
    }

    @Test(arguments: [
        NetworkConfiguration(bridge: ""), NetworkConfiguration(bridge: "sixteen-letters-"),
        NetworkConfiguration(bridge: "a\"b"), NetworkConfiguration(bridge: "a/b"), NetworkConfiguration(table: "1a"),
        NetworkConfiguration(table: "a b"), NetworkConfiguration(table: ""), NetworkConfiguration(mtu: 67),
        NetworkConfiguration(mtu: 65536),
        NetworkConfiguration(pool: CIDR(containing: IPv4Address(rawValue: 0), prefixLength: 7)),
        NetworkConfiguration(pool: CIDR(containing: IPv4Address(rawValue: 0), prefixLength: 31)),
    ])
    func impossibleSettingsAreRefused(_ configuration: NetworkConfiguration) {
        #expect(throws: NetworkError.self) { try configuration.validate() }
    }

    @Test func usualSettingsAreAccepted() throws {
        try NetworkConfiguration().validate()
        try NetworkConfiguration(mtu: 1400, bridge: "br-apron_2", table: "apron_2").validate()
    }

    @Test func loopbackSetupIsOneMessage() { #expect(BridgeNetwork.loopbackSetup.map(\.count) == [32]) }
}
