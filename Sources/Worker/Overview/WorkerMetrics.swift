internal import Runtime
internal import Storage
public import Telemetry

extension ContainerService {
    /// How many containers, programs and volumes there are, from memory.
    public var metricSource: MetricSource {
        { [self] readings in
            var states = ["active": 0, "stopped": 0, "dead": 0]
            var programs = 0
            for container in registry.live {
                switch container.status.state {
                case .active: states["active", default: 0] += 1
                case .stopped: states["stopped", default: 0] += 1
                case .dead: states["dead", default: 0] += 1
                }
                programs += container.programs.running
            }
            for (state, count) in states { readings.add(.containers, [state], Double(count)) }
            readings.add(.processes, [], Double(programs))
            readings.add(.admissionQueueLength, [], Double(admission.waiting))
            // Thousands of volumes have a handful of strategies.
            var strategies: [String: Int] = [:]
            for volume in facilities.volumes?.store.list() ?? [] { strategies[volume.strategy, default: 0] += 1 }
            for (strategy, count) in strategies { readings.add(.volumes, [strategy], Double(count)) }
        }
    }
}

extension ProgramTable {
    /// How many programs run.
    fileprivate var running: Int { all.count { $0.isRunning } }
}
