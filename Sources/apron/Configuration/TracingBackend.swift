internal import OTLPExport

/// Where the stock worker's `--tracing-*` flags send spans: the first that is configured of Honeycomb, Jaeger and an
/// OTLP address, all of them by OTLP.
struct TracingBackend {
    /// The flag that decided.
    let flag: String
    /// Where to send to and how.
    var configuration: OTLPConfiguration
    /// Resource attributes that come with it.
    var attributes: [(key: String, value: String)] = []
    /// What the operator should know.
    var notices: [String] = []

    /// Nil when none is configured.
    /// - Throws: ``UsageError`` for addresses that cannot be
    init?(_ values: SettingValues, _ variables: inout OTelEnvironment) throws(UsageError) {
        let key = values.text("tracing-honeycomb-api-key")
        let dataset = values.text("tracing-honeycomb-dataset")
        if let key, let dataset {
            flag = "--tracing-honeycomb-api-key"
            configuration = try Self.grpc(Self.honeycomb, isSecure: true, flag)
            configuration.headers = [.init("x-honeycomb-team", key), .init("x-honeycomb-dataset", dataset)]
        } else if let address = values.text("tracing-jaeger-endpoint") {
            flag = "--tracing-jaeger-endpoint"
            configuration = try Self.jaeger(address, flag, notices: &notices)
            attributes = values.pairs("tracing-jaeger-tags")
            if let service = values.text("tracing-jaeger-service") { attributes.append(("service.name", service)) }
        } else if let address = values.text("tracing-otlp-address") {
            flag = "--tracing-otlp-address"
            let isSecure = values.value("tracing-otlp-use-tls", GoBoolean.parse)
            configuration = try Self.grpc(address, isSecure: isSecure, flag)
            configuration.headers = values.pairs("tracing-otlp-header").map { .init($0.key, $0.value) }
        } else {
            if key != nil || dataset != nil {
                variables.warn(
                    "CONCOURSE_TRACING_HONEYCOMB_*", "or its flags are incomplete: key and dataset belong together")
            }
            return nil
        }
        // As in the stock worker, the flags fix address, encryption and headers; everything else may be set.
        OTLPVariables(signal: .traces).readDetails(&variables, into: &configuration)
    }

    private static let honeycomb = "api.honeycomb.io:443"
    /// Where Jaeger takes Thrift over HTTP, and where it takes OTLP over HTTP.
    private static let thriftPort = 14268
    private static let jaegerOTLPPort = 4318

    private static func grpc(
        _ address: String, isSecure: Bool, _ flag: String
    ) throws(UsageError) -> OTLPConfiguration {
        do {
            let endpoint = try Endpoint(address, transport: .grpc, isBase: false, isInsecure: !isSecure)
            return OTLPConfiguration(endpoint: endpoint, transport: .grpc)
        } catch {
            throw UsageError("\(flag): \(error.description)")
        }
    }

    /// Jaeger takes OTLP since version 1.35, so its Thrift address is taken for a hint at the host.
    private static func jaeger(
        _ address: String, _ flag: String, notices: inout [String]
    ) throws(UsageError) -> OTLPConfiguration {
        do {
            let given = try Endpoint(address, transport: .protobuf, isBase: false)
            let isThrift = given.port == thriftPort || given.path.hasPrefix("/api/traces")
            if !isThrift { return OTLPConfiguration(endpoint: given, transport: .protobuf) }
            let host = given.host.contains(":") ? "[\(given.host)]" : given.host
            let port = given.port == thriftPort ? jaegerOTLPPort : given.port
            let endpoint = try Endpoint(
                "\(given.isSecure ? "https" : "http")://\(host):\(port)", transport: .protobuf, isBase: true)
            notices.append(
                "\(flag) is Jaeger's Thrift collector, which is not spoken; spans go by OTLP to \(endpoint), "
                    + "which Jaeger takes since version 1.35")
            return OTLPConfiguration(endpoint: endpoint, transport: .protobuf)
        } catch {
            throw UsageError("\(flag): \(error.description)")
        }
    }
}

extension SettingValues {
    /// The pairs of a setting that is a map: `key:value`, or `key=value`, whichever sign comes first.
    func pairs(_ name: String) -> [(key: String, value: String)] {
        list(name).compactMap { text in
            guard let sign = text.firstIndex(where: { $0 == ":" || $0 == "=" }) else { return nil }
            return (String(text[..<sign]), String(text[text.index(after: sign)...]))
        }
    }
}
