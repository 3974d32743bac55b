internal import Telemetry

/// The settings of what an operator looks at, checked.
struct OperationsConfiguration: Sendable {
    /// `--operations-bind-ip`: address of the page.
    var bindAddress: InternetAddress
    /// `--operations-bind-port`: its port; nil: nothing is served.
    var bindPort: Int?
    /// `--operations-host`: further names by which it may be called.
    var hosts: [String]
    /// `--operations-keep-spans` and `--operations-keep-bytes`: how much is kept of the past.
    var limits: SpanStore.Limits
}

extension OperationsConfiguration {
    /// Takes the settings out of those of a worker.
    init(_ values: SettingValues) throws(UsageError) {
        func name(_ own: String, or stock: String) -> String {
            values.isChanged(own) || values.text(stock) == nil ? own : stock
        }
        bindAddress = values.value(name("operations-bind-ip", or: "debug-bind-ip"), InternetAddress.init)
        let port: Int = values.value(name("operations-bind-port", or: "debug-bind-port")) { Int($0) }
        bindPort = port == 0 ? nil : port
        hosts = values.list("operations-host")
        let bytes: String = values.value("operations-keep-bytes") { $0 }
        guard let size = ByteSize(bytes), let count = Int(exactly: size.bytes) else {
            throw UsageError("--operations-keep-bytes must be a size such as 32MiB, not '\(bytes)'")
        }
        limits = SpanStore.Limits(spans: values.value("operations-keep-spans") { Int($0) }, bytes: count)
    }
}
