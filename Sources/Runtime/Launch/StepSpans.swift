internal import InitProtocol
internal import Kernel
internal import Telemetry

/// Turns the stamps that process 1 and the children of its spawns made into back-dated spans.
///
/// One span a group in the normal case, each beginning where the former ended; a single step becomes a span of its own
/// when it failed, took long, or when every system call is asked for.
public struct StepSpans: Sendable {
    /// A step that takes longer than this, in nanoseconds, is worth a line of its own.
    private static let slowNanoseconds: UInt64 = 1_000_000

    /// Every step becomes a span, not only failed and slow ones.
    public let showsEveryStep: Bool

    /// Chooses the detail.
    public init(showsEveryStep: Bool = false) { self.showsEveryStep = showsEveryStep }

    /// Records the spans of a container's set-up below the current span.
    /// - Parameters:
    ///   - begin: when process 1 began to wait, in nanoseconds of CLOCK_BOOTTIME
    ///   - end: when its report was there
    func record(setUp records: [StepRecord], of plan: LaunchPlan, since begin: UInt64, until end: UInt64) {
        record(records, since: begin, until: end) { record in
            let operations = plan.operations
            let name = operations.indices.contains(record.step) ? LaunchPlan.name(of: operations[record.step]) : "step"
            return (name, plan.subject(of: record.step))
        }
    }

    /// Records the spans between a program's spawn and its exec below the current span.
    func record(spawn records: [StepRecord], of program: ProgramPlan, since begin: UInt64, until end: UInt64) {
        record(records, since: begin, until: end) { record in
            (programStepName(record.step), programSubject(record.step, program))
        }
    }

    private func record(
        _ records: [StepRecord], since begin: UInt64, until end: UInt64,
        describe: (StepRecord) -> (name: String, subject: String?)
    ) {
        guard Telemetry.recordsSpans, !records.isEmpty else { return }
        var clock = begin
        var rest = records[...]
        while let first = rest.first {
            let run = rest.prefix { $0.group == first.group }
            rest = rest.dropFirst(run.count)
            guard let last = run.last else { break }
            // What lies between two groups belongs to the later one: the phases have no gap.
            let finish = rest.isEmpty ? max(end, last.end) : last.end
            recordGroup(Array(run), from: clock, to: max(clock, finish), describe)
            clock = max(clock, last.end)
        }
    }

    private func recordGroup(
        _ records: [StepRecord], from start: UInt64, to end: UInt64,
        _ describe: (StepRecord) -> (name: String, subject: String?)
    ) {
        var microseconds: [String: Int64] = [:]
        var order: [String] = []
        var status = RecordedSpan.Status.unset
        for record in records {
            let name = describe(record).name
            if microseconds[name] == nil { order.append(name) }
            microseconds[name, default: 0] += Int64((record.end &- record.start) / 1000)
            if record.error != 0, record == records.last { status = StepSpans.status(record, describe(record).subject) }
        }
        let span = Telemetry.start(phase(of: records[0].group), start: start)
        span.set { attributes in
            attributes.set("apron.step.count", Int64(records.count))
            for name in order { attributes.set(AttributeKey(composed: "apron.step.\(name).us"), microseconds[name]) }
        }
        for record in records {
            let isSlow = record.end &- record.start > StepSpans.slowNanoseconds
            guard showsEveryStep || record.error != 0 || isSlow else { continue }
            let (name, subject) = describe(record)
            let child = Telemetry.start(
                phase(of: record.group), name: "step.\(name)", parent: span.context, start: record.start)
            if record.error != 0 { child.set("apron.syscall", callName(record.call)) }
            child.set("apron.path", subject)
            if record.error != 0 { child.status(StepSpans.status(record, subject)) }
            child.end(at: max(record.start, record.end))
        }
        span.status(status)
        span.end(at: end)
    }

    private static func status(_ record: StepRecord, _ subject: String?) -> RecordedSpan.Status {
        let error = KernelError(
            call: callName(record.call), errno: ErrorNumber(rawValue: record.error), subject: subject)
        return .error(error.errno.name, error.description)
    }

    private func phase(of group: Int) -> Phase {
        let phases: [Phase] = [.childWait, .childMounts, .childRoot, .childIdentity, .childSeccomp, .childExec]
        return phases.indices.contains(group) ? phases[group] : .childWait
    }
}

/// The name of a step between fork and exec, in the order of `enum apron_program_step`.
public func programStepName(_ step: Int) -> String {
    let names = [
        "fork", "session", "streams", "rlimits", "directory", "bounding", "user", "capabilities", "seccomp", "exec",
        "terminal", "cgroup_namespace",
    ]
    return names.indices.contains(step) ? names[step] : "step"
}

/// What an error of a step between fork and exec is about.
func programSubject(_ step: Int, _ program: ProgramPlan) -> String? {
    switch step {
    case Int(APRON_PROGRAM_EXEC.rawValue): program.candidates.last ?? program.arguments.first
    case Int(APRON_PROGRAM_DIRECTORY.rawValue): program.directory
    case Int(APRON_PROGRAM_USER.rawValue): "\(program.uid):\(program.gid)"
    default: nil
    }
}
