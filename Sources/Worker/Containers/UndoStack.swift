/// What must be undone if a later step fails, in reverse order.
struct UndoStack {
    private var steps: [(name: String, undo: () throws -> Void)] = []

    /// Remembers how to undo what was just done.
    mutating func push(_ name: String, _ undo: @escaping () throws -> Void) { steps.append((name, undo)) }

    /// Undoes everything, the last first; tells what could not be undone.
    mutating func run() -> [String] {
        var failures: [String] = []
        while let (name, undo) = steps.popLast() {
            do { try undo() } catch { failures.append("\(name): \(error)") }
        }
        return failures
    }

    /// Everything went well: nothing is to be undone.
    mutating func clear() { steps.removeAll() }
}
