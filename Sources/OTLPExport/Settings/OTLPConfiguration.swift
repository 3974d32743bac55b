public import Telemetry

/// How spans or metrics are sent, as the `OTEL_EXPORTER_OTLP_*` variables have it.
public struct OTLPConfiguration: Sendable {
    /// What is spoken.
    public enum Transport: String, Sendable, CaseIterable {
        /// Protobuf in gRPC calls.
        case grpc
        /// Protobuf in HTTP/1.1 requests.
        case protobuf = "http/protobuf"
        /// JSON in HTTP/1.1 requests.
        case json = "http/json"
    }

    /// How bodies are compressed.
    public enum Compression: String, Sendable, CaseIterable {
        /// Not at all.
        case none
        /// By gzip, which every collector has to take.
        case gzip
    }

    /// A header that goes with every request.
    public struct Header: Sendable {
        /// The name; sent in lower case.
        public var name: String
        /// The value, which may be a secret: it is never logged.
        public var value: String

        /// Names a value.
        public init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }
    }

    /// Where batches are kept on disk that could not be sent yet.
    public struct Spool: Sendable {
        /// The directory; made when missing, with mode 0700.
        public var directory: String
        /// The most bytes in it; the oldest batch goes first.
        public var bytesMax: Int
        /// The most batches in it; the oldest goes first.
        public var batchesMax: Int

        /// Describes a directory; by default some 150,000 spans.
        public init(directory: String, bytesMax: Int = 64 << 20, batchesMax: Int = 4096) {
            self.directory = directory
            self.bytesMax = bytesMax
            self.batchesMax = batchesMax
        }
    }

    /// What is sent.
    public var signal = OTLPSignal.traces
    /// The collector.
    public var endpoint: Endpoint
    /// What is spoken with it.
    public var transport: Transport
    /// Headers of every request.
    public var headers: [Header] = []
    /// How bodies are compressed.
    public var compression = Compression.none
    /// How long one export may take with all its attempts, in milliseconds.
    public var timeoutMilliseconds: Int64 = 10_000
    /// A PEM file of the authorities to trust instead of the system's.
    public var certificateFile: String?
    /// A PEM file of this client's certificate, and of those that vouch for it.
    public var clientCertificateFile: String?
    /// A PEM file of the key to ``clientCertificateFile``.
    public var clientKeyFile: String?
    /// How this program calls itself.
    public var userAgent = "apron"
    /// From when on metrics count (OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE).
    public var temporality = Temporality.cumulative
    /// Spans in one request (OTEL_BSP_MAX_EXPORT_BATCH_SIZE).
    public var batchSpans = 512
    /// How long a span waits for company, in milliseconds (OTEL_BSP_SCHEDULE_DELAY).
    public var delayMilliseconds: Int64 = 5000
    /// Spans that wait in memory, where there is no spool (OTEL_BSP_MAX_QUEUE_SIZE).
    public var queueSpans = 2048
    /// Where batches are kept that wait; in memory alone without it.
    public var spool: Spool?

    /// The largest request before compression (OTLP 1.x).
    var requestBytesMax = 64 << 20
    /// The pause after a first failure within an export.
    var retry = Backoff(first: 1000, most: 5000)
    /// The pause after an export that failed altogether.
    var probe = Backoff(first: 5000, most: 60_000)

    /// Describes a collector; everything else has the specification's defaults.
    public init(endpoint: Endpoint, transport: Transport) {
        self.endpoint = endpoint
        self.transport = transport
    }

    /// Reads the certificates, so that what is wrong with them is known before something is to be sent.
    /// - Throws: ``OTLPConfigurationError``
    public func checkCertificates() throws(OTLPConfigurationError) {
        if !endpoint.isSecure { return }
        do { _ = try Dialer.context(self, []) } catch {
            throw OTLPConfigurationError("certificates of \(endpoint): \(error)")
        }
    }

    /// The form of the bodies.
    var format: BodyFormat { transport == .json ? .json : .protobuf }
}

extension OTLPConfiguration: CustomStringConvertible, CustomDebugStringConvertible {
    /// For logs: the names of headers without their values.
    public var description: String {
        var words = ["\(transport.rawValue) \(endpoint)"]
        if compression != .none { words.append("compression \(compression.rawValue)") }
        if !headers.isEmpty { words.append("headers \(headers.map(\.name).joined(separator: ", "))") }
        if let spool { words.append("spool \(spool.directory)") }
        return words.joined(separator: "; ")
    }

    /// As ``description``.
    public var debugDescription: String { description }
}

extension OTLPConfiguration: CustomReflectable {
    /// Nothing beyond ``description``, so that no dump shows the value of a header.
    public var customMirror: Mirror { Mirror(self, children: []) }
}

extension OTLPConfiguration.Header: CustomStringConvertible, CustomReflectable {
    /// The name alone.
    public var description: String { "\(name)=…" }

    /// Nothing beyond the name.
    public var customMirror: Mirror { Mirror(self, children: ["name": name]) }
}

/// Settings that make no sense.
public struct OTLPConfigurationError: Error, Sendable, CustomStringConvertible {
    /// A sentence without secrets.
    public let description: String

    init(_ description: String) { self.description = description }
}
