internal import Runtime
internal import Synchronization

/// A container's programs, by id and by the key that process 1 knows them by.
final class ProgramTable: Sendable {
    private struct State {
        var byID: [String: Program] = [:]
        var byKey: [UInt32: Program] = [:]
        /// Ends that were reported before the program was in the table.
        var early: [UInt32: ExitRecord] = [:]
        var onEnd: (@Sendable (Program, ExitRecord) -> Void)?
    }

    private let state = Mutex(State())

    /// Sets what happens at a program's end; called on the thread that received the report, must not block.
    func setHandler(_ handler: @escaping @Sendable (Program, ExitRecord) -> Void) {
        state.withLock { $0.onEnd = handler }
    }

    var all: [Program] { state.withLock { $0.byKey.values.sorted { $0.definition.key < $1.definition.key } } }

    func find(id: String) -> Program? { state.withLock { $0.byID[id] } }

    func insert(_ program: Program) {
        let (early, handler) = state.withLock { state in
            state.byID[program.id] = program
            state.byKey[program.definition.key] = program
            return (state.early.removeValue(forKey: program.definition.key), state.onEnd)
        }
        if let early { handler?(program, early) }
    }

    /// A program has ended.
    @Sendable func ended(_ exit: ExitRecord) {
        let (program, handler) = state.withLock { state -> (Program?, (@Sendable (Program, ExitRecord) -> Void)?) in
            guard let program = state.byKey[exit.process] else {
                state.early[exit.process] = exit
                return (nil, nil)
            }
            return (program, state.onEnd)
        }
        if let program, program.isRunning { handler?(program, exit) }
    }
}
