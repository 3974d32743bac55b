import Foundation
import Kernel
import Telemetry
import TestSupport
import Testing

@testable import OTLPExport

/// Encrypted connections, with authorities made for the test.
@Suite(.serialized) struct TLSTests {
    private let scratch: Scratch
    private func file(_ name: String) -> String { "\(scratch.path)/\(name)" }

    init() throws {
        scratch = try Scratch()
        try runProgram(
            "sh", "-ec",
            """
            cd \(scratch.path)
            key='-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes'
            for ca in ours other; do
                openssl req -x509 $key -days 2 -subj "/CN=$ca" -keyout $ca.key -out $ca.pem 2>/dev/null
            done
            for name in server client; do
                openssl req $key -subj "/CN=$name" -keyout $name.key -out $name.csr 2>/dev/null
                printf 'subjectAltName=DNS:localhost,IP:127.0.0.1' > $name.ext
                openssl x509 -req -in $name.csr -CA ours.pem -CAkey ours.key -CAcreateserial -days 2 \\
                    -extfile $name.ext -out $name.pem 2>/dev/null
            done
            """)
    }

    private func outcome(
        _ receiver: Receiver, _ transport: OTLPConfiguration.Transport, host: String = "localhost",
        _ change: (inout OTLPConfiguration) -> Void
    ) throws -> ExportStatistics {
        var configuration = try receiver.configuration(transport, host: host)
        configuration.timeoutMilliseconds = 2000
        change(&configuration)
        let exporter = try OTLPExporter(configuration, logger: silent)
        exporter.export(try samples(2), resource: Resource())
        _ = exporter.flush(milliseconds: 100_000, stop: true)
        return exporter.statistics
    }

    @Test("an authority of one's own, by name and by address", arguments: OTLPConfiguration.Transport.allCases)
    func ownAuthority(transport: OTLPConfiguration.Transport) throws {
        let receiver = try Receiver(tls: [file("server.pem"), file("server.key")])
        for host in ["localhost", "127.0.0.1"] {
            let statistics = try outcome(receiver, transport, host: host) { $0.certificateFile = file("ours.pem") }
            #expect(statistics.exported == 2, "\(host) \(statistics)")
        }
        for (host, authority) in [("localhost", "other.pem"), ("localhost", nil)] {
            let statistics = try outcome(receiver, transport, host: host) {
                $0.certificateFile = authority.map(file)
                $0.timeoutMilliseconds = 100
            }
            #expect(statistics.exported == 0)
            #expect(statistics.lastFailure?.text.contains("TLS") == true, "\(statistics)")
        }
    }

    @Test("a client certificate where the collector asks for one", arguments: OTLPConfiguration.Transport.allCases)
    func clientCertificate(transport: OTLPConfiguration.Transport) throws {
        let receiver = try Receiver(tls: [file("server.pem"), file("server.key"), file("ours.pem")])
        let with = try outcome(receiver, transport) {
            $0.certificateFile = file("ours.pem")
            $0.clientCertificateFile = file("client.pem")
            $0.clientKeyFile = file("client.key")
        }
        #expect(with.exported == 2, "\(with)")
        let without = try outcome(receiver, transport) {
            $0.certificateFile = file("ours.pem")
            $0.timeoutMilliseconds = 100
        }
        #expect(without.exported == 0 && without.lastFailure != nil, "\(without)")
    }

    @Test("files that cannot be read are found at once") func missingFile() throws {
        var configuration = try quick("https://localhost:1")
        configuration.clientKeyFile = file("missing.key")
        #expect(throws: OTLPConfigurationError.self) { try OTLPExporter(configuration, logger: silent) }
    }

    @Test("a collector without encryption at an https address") func plain() throws {
        let receiver = try Receiver()
        for transport in OTLPConfiguration.Transport.allCases {
            var configuration = try quick("https://localhost:\(receiver.port(transport))", transport)
            configuration.timeoutMilliseconds = 300
            let exporter = try OTLPExporter(configuration, logger: silent)
            exporter.export(try samples(1), resource: Resource())
            #expect(!exporter.flush(milliseconds: 100_000, stop: true))
            #expect(exporter.statistics.lastFailure != nil)
        }
    }
}
