import CKernel
import InitProtocol

/// Starting and signalling programs.
extension Supervisor {
    mutating func spawn(_ request: Request, _ reply: apron_frame, _ connection: Connection) -> Bool {
        var reply = reply
        report.clear()
        do throws(Failure) {
            guard state == APRON_READY, find(request.frame.process) == nil, let file = request.descriptors.first else {
                throw Failure(APRON_CALL_PLAN, errno: Errno.invalid)
            }
            let program = try Program(mapping: file)
            let process =
                program.hasTerminal
                ? try spawnOnTerminal(program, request) : try spawnOnPipes(program, request)
            processes.append(process)
            reply.argument.0 = UInt64(process.pid)
            let records = report.records
            if let terminal = process.terminal {
                return connection.send(reply, records, descriptors: [terminal.master])
            }
            return connection.send(reply, records)
        } catch {
            request.closeDescriptors()
            reply.error = error.errno
            reply.call = error.call
            reply.step = report.failure?.step ?? UInt16(APRON_PROGRAM_FORK.rawValue)
            return connection.send(reply, report.records)
        }
    }

    private func spawnOnPipes(_ program: borrowing Program, _ request: Request) throws(Failure) -> ManagedProcess {
        guard request.descriptors.count == 7 else { throw Failure(APRON_CALL_PLAN, errno: Errno.invalid) }
        let stdin = request.descriptors[1]
        let stdout = request.descriptors[3]
        let stderr = request.descriptors[5]
        let pid = try start(program, (stdin, stdout, stderr), terminal: false)
        for descriptor in [request.descriptors[0], stdin, stdout, stderr] { _ = apron_close(descriptor) }
        var process = ManagedProcess(key: request.frame.process, pid: pid)
        process.stdinWrite = request.descriptors[2]
        process.stdoutRead = request.descriptors[4]
        process.stderrRead = request.descriptors[6]
        return process
    }

    private func spawnOnTerminal(_ program: borrowing Program, _ request: Request) throws(Failure) -> ManagedProcess {
        guard request.descriptors.count == 3, devpts >= 0 else {
            throw Failure(APRON_CALL_PLAN, errno: Errno.invalid)
        }
        let master = try check(APRON_CALL_OPENAT2, apron_open_master(devpts))
        let slave = apron_terminal_slave(master, program.columns, program.rows)
        guard slave >= 0 else {
            let errno = apron_errno()
            _ = apron_close(master)
            throw Failure(APRON_CALL_IOCTL, errno: errno)
        }
        let pid: Int32
        do throws(Failure) {
            pid = try start(program, (slave, slave, slave), terminal: true)
        } catch {
            _ = apron_close(slave)
            _ = apron_close(master)
            throw error
        }
        _ = apron_close(slave)
        _ = apron_close(request.descriptors[0])
        _ = apron_set_nonblocking(request.descriptors[1])
        var process = ManagedProcess(key: request.frame.process, pid: pid)
        process.stdoutRead = request.descriptors[2]
        process.terminal = Terminal(master: master, output: request.descriptors[1])
        return process
    }

    // The child has its own copy of this small memory, so a kill that hits it does not hit process 1; the wait until
    // it has exec'ed makes its report complete.
    private func start(
        _ program: borrowing Program, _ streams: (Int32, Int32, Int32), terminal: Bool
    ) throws(Failure) -> Int32 {
        let pid = apron_fork(payloadCgroup, 1)
        if pid == 0 { program.becomeProgram(report, streams: streams, terminal: terminal) }
        try check(APRON_CALL_FORK, pid)
        if let failed = report.failure {
            throw Failure(apron_call(UInt32(failed.call)), errno: failed.error)
        }
        return pid
    }

    func signal(_ key: UInt32, _ number: Int32) -> Int32 {
        let result: Int32
        if key == 0 {
            // -1: every process of the namespace but this one (kill(2)).
            result = apron_kill(-1, number)
        } else if let index = find(key) {
            // A reaped process's number may belong to another one by now.
            guard processes[index].phase == APRON_RUNNING else { return 0 }
            result = apron_kill(processes[index].pid, number)
        } else {
            return Errno.noProcess
        }
        return result < 0 && apron_errno() != Errno.noProcess ? apron_errno() : 0
    }
}
