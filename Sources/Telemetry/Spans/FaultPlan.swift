public import Kernel
internal import Synchronization

/// Which phases shall fail, for tests of what happens then; there is none in production, so that the shipped program
/// is the tested one.
public final class FaultPlan: Sendable {
    /// How one phase fails.
    public struct Fault: Sendable {
        /// What is thrown on entry.
        public let error: any Error
        /// How many entries succeed before one fails.
        public let skip: Int

        /// A fault that throws this error, which must be of a type that the body of the phase may throw.
        public init(_ error: any Error, skip: Int = 0) {
            self.error = error
            self.skip = skip
        }

        /// A fault as of a system call that did not work.
        public static func kernel(_ errno: ErrorNumber = .noSpace, call: String = "fault", skip: Int = 0) -> Fault {
            Fault(KernelError(call: call, errno: errno), skip: skip)
        }
    }

    /// The plan in force, if any.
    @TaskLocal public static var current: FaultPlan?

    private let remaining: Mutex<[Phase: Fault]>
    private let struck = Mutex<[Phase]>([])
    private static let inForce = Mutex(0)

    /// A plan in which each fault strikes once.
    public init(_ faults: [Phase: Fault]) { remaining = Mutex(faults) }

    /// The phases whose fault was due, in order.
    public var fired: [Phase] { struck.withLock { $0 } }

    /// Runs `body` with the plan in force, for it and its child tasks.
    public func run<Result>(_ body: () throws -> Result) rethrows -> Result {
        Self.enter()
        defer { Self.leave() }
        return try Self.$current.withValue(self, operation: body)
    }

    /// Runs `body` with the plan in force, for it and its child tasks.
    public func run<Result>(_ body: () async throws -> Result) async rethrows -> Result {
        Self.enter()
        defer { Self.leave() }
        return try await Self.$current.withValue(self, operation: body)
    }

    /// Runs `body` with this plan in force, if there is one: for tasks that are begun outside those for which it holds.
    public static func run(_ plan: FaultPlan?, _ body: () async -> Void) async {
        if let plan { await plan.run(body) } else { await body() }
    }

    /// Throws what the plan in force, if any, has for a phase that is not run by ``traced(_:_:)``, as its work is done
    /// by another process or its span outlives the call.
    public static func strike(_ phase: Phase) throws {
        if let fault = current?.take(phase) { throw fault }
    }

    func take(_ phase: Phase) -> (any Error)? {
        let error: (any Error)? = remaining.withLock { remaining in
            guard let fault = remaining[phase] else { return nil }
            remaining[phase] = fault.skip > 0 ? Fault(fault.error, skip: fault.skip - 1) : nil
            return fault.skip > 0 ? nil : fault.error
        }
        if error != nil { struck.withLock { $0.append(phase) } }
        return error
    }

    private static func enter() {
        inForce.withLock { count in
            count += 1
            FacadeFlag.raise(FacadeFlag.faults)
        }
    }

    private static func leave() {
        inForce.withLock { count in
            count -= 1
            if count == 0 { FacadeFlag.lower(FacadeFlag.faults) }
        }
    }
}
