import CKernel
import InitProtocol

/// Process 1's life: sets the container up once, then starts, watches, reaps and reports programs until it is killed.
///
/// It trusts its daemon's connection and nothing else: everything in the container may be hostile, and all it needs of
/// the outside it holds by descriptor.
struct Supervisor: ~Copyable {
    /// A daemon, its successor during a restart, and two to spare.
    private static let connectionsMax = 4
    /// Children that are reaped in one turn: a program that makes orphans faster than they are reaped must not keep
    /// process 1 from its daemon.
    private static let reapedMax = 256

    private var connections: [Connection] = []
    var processes: [ManagedProcess] = []
    var state = APRON_WAITING
    var devpts: Int32 = -1
    var payloadCgroup: Int32 = -1
    private let children: Int32
    let report: SpawnReport

    /// Without a signal descriptor and a page to share there is nothing it could do: it ends, and the daemon sees that.
    init() {
        // Once for all programs: what the daemon ignores would be ignored by them, too. The kernel never delivers to
        // process 1 what it has no handler for (pid_namespaces(7)).
        apron_signals_reset()
        children = apron_signalfd_child()
        guard children >= 0, let report = SpawnReport() else { apron_end(1) }
        self.report = report
    }

    /// Serves until killed.
    mutating func run() {
        // Something was left undone for the others' sake.
        var isBehind = false
        while true {
            var descriptors: [Int32] = [children, APRON_INIT_LISTENER]
            var events: [Int16] = [1, 1]
            for connection in connections {
                descriptors.append(connection.descriptor)
                events.append(1)
            }
            for process in processes {
                guard let waits = process.terminal?.waits else { continue }
                descriptors.append(waits.descriptor)
                events.append(waits.events)
            }
            var ready = [Int16](repeating: 0, count: descriptors.count)
            if apron_poll(&descriptors, &events, &ready, UInt32(descriptors.count), isBehind ? 0 : -1) < 0 { continue }

            let hasReaped = ready[0] != 0 || isBehind ? reap() : true
            for connection in connections where ready[index(of: connection, in: descriptors)] != 0 {
                serve(connection)
            }
            if ready[1] != 0 { accept() }
            isBehind = !moveTerminals() || !hasReaped
        }
    }

    private func index(of connection: Connection, in descriptors: [Int32]) -> Int {
        for index in 2..<descriptors.count where descriptors[index] == connection.descriptor { return index }
        return 0
    }

    private mutating func accept() {
        let accepted = apron_socket_accept(APRON_INIT_LISTENER)
        guard accepted >= 0 else {
            // What it was given to listen on is only there to tell of the daemon's end.
            if state == APRON_WAITING, apron_errno() != Errno.tryAgain { apron_end(1) }
            return
        }
        if connections.count == Supervisor.connectionsMax { drop(connections[0]) }
        connections.append(Connection(descriptor: accepted))
    }

    private mutating func drop(_ connection: Connection) {
        _ = apron_close(connection.descriptor)
        connections.removeAll { $0.descriptor == connection.descriptor }
        // A half-made container that lost its daemon: nobody will ever finish it.
        if connections.isEmpty, state != APRON_READY { apron_end(1) }
    }

    private mutating func serve(_ connection: Connection) {
        while true {
            switch connection.receive() {
            case .nothing: return
            case .ended:
                drop(connection)
                return
            case .request(let request):
                if !answer(request, connection) {
                    drop(connection)
                    return
                }
            }
        }
    }

    /// Carries a request out and replies. False: the connection is of no more use.
    private mutating func answer(_ request: Request, _ connection: Connection) -> Bool {
        var reply = apron_frame()
        reply.kind = request.frame.kind
        reply.serial = request.frame.serial
        reply.process = request.frame.process
        let none = [apron_step]()
        switch apron_frame_kind(UInt32(request.frame.kind)) {
        case APRON_HELLO:
            reply.argument.0 = UInt64(state.rawValue)
            reply.argument.1 = UInt64(processes.count)
            return connection.send(reply, none)
        case APRON_SETUP: return setUp(request, reply, connection)
        case APRON_SPAWN: return spawn(request, reply, connection)
        case APRON_SIGNAL:
            reply.error = signal(request.frame.process, Int32(truncatingIfNeeded: request.frame.argument.0))
            return connection.send(reply, none)
        case APRON_CLOSE_INPUT:
            if let index = find(request.frame.process) { processes[index].closeInput() }
            return connection.send(reply, none)
        case APRON_ADOPT: return adopt(request, reply, connection)
        case APRON_FORGET:
            if let index = find(request.frame.process), processes[index].phase == APRON_ENDED {
                processes[index].closeAll()
                processes.remove(at: index)
            }
            return connection.send(reply, none)
        case APRON_LIST: return list(request, reply, connection)
        default:
            request.closeDescriptors()
            reply.error = Errno.invalid
            return connection.send(reply, none)
        }
    }

    func find(_ key: UInt32) -> Int? {
        for index in 0..<processes.count where processes[index].key == key { return index }
        return nil
    }

    // MARK: set-up

    private mutating func setUp(_ request: Request, _ reply: apron_frame, _ connection: Connection) -> Bool {
        var reply = reply
        guard state == APRON_WAITING, let plan = request.descriptors.first else {
            request.closeDescriptors()
            reply.error = Errno.invalid
            return connection.send(reply, [apron_step]())
        }
        var setup = Setup(descriptors: Array(request.descriptors.dropFirst()))
        do throws(Failure) {
            let document = try Document(
                mapping: plan, magic: UInt32(APRON_PLAN_MAGIC), headerBytes: MemoryLayout<apron_plan>.size)
            try setup.run(document)
            state = APRON_READY
        } catch {
            state = APRON_FAILED
            reply.error = error.errno
            reply.call = error.call
            reply.step = setup.records.last?.step ?? 0
        }
        _ = apron_close(plan)
        devpts = setup.devpts
        payloadCgroup = setup.payloadCgroup
        return connection.send(reply, setup.records)
    }

    // MARK: reaping

    /// False: there may be more.
    private mutating func reap() -> Bool {
        var drained = [UInt8](repeating: 0, count: 128)
        while drained.withUnsafeMutableBytes({ apron_read(children, $0.baseAddress, $0.count) }) > 0 {}
        var status: Int32 = 0
        var counters = [UInt64](repeating: 0, count: 9)
        for _ in 0..<Supervisor.reapedMax {
            let pid = apron_reap(&status, &counters)
            if pid <= 0 { return true }
            for index in 0..<processes.count
            where processes[index].pid == pid && processes[index].phase == APRON_RUNNING {
                var exit = apron_exit()
                exit.process = processes[index].key
                exit.status = status
                exit.time = apron_clock(bootClock)
                exit.user_microseconds = counters[0]
                exit.system_microseconds = counters[1]
                exit.max_rss_kib = counters[2]
                exit.minor_faults = counters[3]
                exit.major_faults = counters[4]
                exit.voluntary_switches = counters[5]
                exit.involuntary_switches = counters[6]
                exit.blocks_read = counters[7]
                exit.blocks_written = counters[8]
                processes[index].exit = exit
                processes[index].phase = APRON_DRAINING
                processes[index].closeInput()
                _ = withUnsafeBytes(of: exit) { apron_write(APRON_INIT_LEDGER, $0.baseAddress, $0.count) }
            }
        }
        return false
    }

    /// Copies terminals' output, and announces the end of each ended process once its output is in the pipe. False:
    /// there may be more to copy.
    private mutating func moveTerminals() -> Bool {
        var isDone = true
        for index in 0..<processes.count {
            let progress = processes[index].terminal?.move() ?? .empty
            if progress == .interrupted { isDone = false }
            guard processes[index].phase == APRON_DRAINING, progress == .empty else { continue }
            processes[index].phase = APRON_ENDED
            announce(processes[index].exit)
        }
        return isDone
    }

    private mutating func announce(_ exit: apron_exit) {
        var event = apron_frame()
        event.kind = UInt16(APRON_EXITED.rawValue)
        event.process = exit.process
        for connection in connections where !connection.send(event, [exit]) { drop(connection) }
    }

    // MARK: a new daemon

    private func adopt(_ request: Request, _ reply: apron_frame, _ connection: Connection) -> Bool {
        var reply = reply
        guard let index = find(request.frame.process) else {
            reply.error = Errno.noProcess
            return connection.send(reply, [apron_step]())
        }
        var descriptors = [Int32]()
        for part in processes[index].kept {
            reply.argument.0 |= UInt64(part.bit)
            descriptors.append(part.descriptor)
        }
        return connection.send(reply, [apron_step](), descriptors: descriptors)
    }

    private func list(_ request: Request, _ reply: apron_frame, _ connection: Connection) -> Bool {
        var states = [apron_process_state]()
        var index = Int(truncatingIfNeeded: request.frame.argument.0)
        while index >= 0, index < processes.count, states.count < Int(APRON_LIST_MAX) {
            states.append(processes[index].state)
            index += 1
        }
        return connection.send(reply, states)
    }
}
