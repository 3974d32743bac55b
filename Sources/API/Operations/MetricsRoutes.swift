internal import HTTPTypes
internal import Kernel
internal import Telemetry

/// What Prometheus asks: `GET /metrics`, in the form that its `Accept` header likes best.
struct MetricsRoutes: Sendable {
    /// Gives the metrics; it may block shortly.
    private let snapshot: @Sendable () -> MetricSnapshot

    /// Serves what `snapshot` gives.
    init(_ snapshot: @escaping @Sendable () -> MetricSnapshot = { Metrics.shared.snapshot() }) {
        self.snapshot = snapshot
    }

    /// The routes.
    var routes: [Route] {
        let snapshot = snapshot
        return [
            Route(.get, "/metrics") { exchange in
                let accept = exchange.request.headers[values: .accept].joined(separator: ",")
                let format = Exposition.Format(accept: accept.isEmpty ? nil : accept)
                let text = await BlockingExecutor.run {
                    Exposition.text(snapshot(), format)
                }
                return Reply(
                    status: .ok, headers: [.contentType: format.contentType, .vary: "Accept"], body: .bytes(text))
            }
        ]
    }
}
