/// The scopes of a store: by age, by handle and by trace. An age is a number that grows from scope to scope.
struct ScopeIndex {
    /// By age; without a scope if that has been removed. Those before ``first`` all are.
    private var entries: [Entry] = []
    private var first = 0
    private var count = 0
    /// Ages in ascending order.
    private var byHandle: [String: [UInt64]] = [:]
    private var byTrace: [TraceID: [UInt64]] = [:]

    private struct Entry {
        let age: UInt64
        var scope: TraceScope?
        var handle: String?
    }

    /// All scopes with their ages, the oldest first.
    var listed: some Sequence<(age: UInt64, scope: TraceScope)> {
        entries[first...].lazy.compactMap { entry in entry.scope.map { (entry.age, $0) } }
    }

    /// All scopes, the oldest first.
    var scopes: some Sequence<TraceScope> { entries[first...].lazy.compactMap(\.scope) }

    /// All scopes, the newest first.
    var newestFirst: some Sequence<TraceScope> { entries[first...].reversed().lazy.compactMap(\.scope) }

    func scopes(handle: String) -> [TraceScope] { scopes(byHandle[handle]) }

    func scopes(trace: TraceID) -> [TraceScope] { scopes(byTrace[trace]) }

    /// Lists a scope, or lists it anew under the handle that it has now.
    mutating func list(_ scope: TraceScope, age: UInt64) {
        // Asked for here, so that of two who list it at once the second has the latest.
        let handle = scope.handle
        let place = place(of: age)
        if place < entries.count, entries[place].age == age {
            // One that went meanwhile comes back under another age.
            if entries[place].scope == nil || entries[place].handle == handle { return }
            if let old = entries[place].handle { byHandle.remove(age, of: old) }
            entries[place].handle = handle
        } else {
            // At the end, unless one that is younger by moments was quicker.
            entries.insert(Entry(age: age, scope: scope, handle: handle), at: place)
            count += 1
            byTrace.insert(age, of: scope.traceID)
        }
        if let handle { byHandle.insert(age, of: handle) }
    }

    /// Takes a scope out of the list.
    mutating func remove(_ age: UInt64) {
        let place = place(of: age)
        guard place < entries.count, entries[place].age == age, let scope = entries[place].scope.take() else { return }
        count -= 1
        if let handle = entries[place].handle.take() { byHandle.remove(age, of: handle) }
        byTrace.remove(age, of: scope.traceID)
        while first < entries.count, entries[first].scope == nil { first += 1 }
        // Rarely, so that the cost for each removed scope stays the same however many there are.
        if entries.count > 2 * count + 64 {
            entries.removeAll { $0.scope == nil }
            first = 0
        }
    }

    /// Where an age is, or would be.
    private func place(of age: UInt64) -> Int {
        if let last = entries.last, last.age >= age { return entries.place(of: age) { $0.age } }
        return entries.count
    }

    private func scopes(_ ages: [UInt64]?) -> [TraceScope] {
        (ages ?? []).compactMap { age in
            let place = place(of: age)
            return place < entries.count && entries[place].age == age ? entries[place].scope : nil
        }
    }
}

extension Dictionary where Value == [UInt64] {
    /// Adds a number to the sorted ones of a key; most often it is the greatest.
    fileprivate mutating func insert(_ number: UInt64, of key: Key) {
        self[key, default: []].insert(number)
    }

    /// Takes a number away from the sorted ones of a key, and the key with its last.
    fileprivate mutating func remove(_ number: UInt64, of key: Key) {
        guard let index = index(forKey: key) else { return }
        let place = values[index].place(of: number) { $0 }
        if place < values[index].count, values[index][place] == number { values[index].remove(at: place) }
        if values[index].isEmpty { remove(at: index) }
    }
}

extension [UInt64] {
    fileprivate mutating func insert(_ number: UInt64) {
        let place = last.map { $0 < number } ?? true ? count : place(of: number) { $0 }
        if place == count || self[place] != number { insert(number, at: place) }
    }
}
