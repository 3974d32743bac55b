/// Work that is due at later instants, earliest first: a binary heap.
struct Deadlines {
    private var entries: [(deadline: UInt64, work: PumpLoop.Work)] = []

    /// The earliest instant.
    var next: UInt64? { entries.first?.deadline }

    mutating func insert(_ deadline: UInt64, _ work: @escaping PumpLoop.Work) {
        entries.append((deadline, work))
        var child = entries.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            if entries[parent].deadline <= entries[child].deadline { return }
            entries.swapAt(parent, child)
            child = parent
        }
    }

    /// Removes and returns all that is due at `now`, in order.
    mutating func take(until now: UInt64) -> [PumpLoop.Work] {
        var due: [PumpLoop.Work] = []
        while let first = entries.first, first.deadline <= now {
            due.append(first.work)
            removeFirst()
        }
        return due
    }

    private mutating func removeFirst() {
        entries.swapAt(0, entries.count - 1)
        entries.removeLast()
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < entries.count {
                if entries[child].deadline < entries[least].deadline { least = child }
            }
            if least == parent { return }
            entries.swapAt(parent, least)
            parent = least
        }
    }
}
