/// The scopes of a store: by age, by handle and by trace.
struct ScopeIndex {
    private var entries: [ObjectIdentifier: Entry] = [:]
    private var byAge: [UInt64: TraceScope] = [:]
    private var byHandle: [String: Set<UInt64>] = [:]
    private var byTrace: [TraceID: Set<UInt64>] = [:]
    /// Ages, the oldest first, from ``first`` on; those without a scope are of removed ones.
    private var order: [UInt64] = []
    private var first = 0
    private var next: UInt64 = 0

    private struct Entry {
        var age: UInt64
        var handle: String?
    }

    /// All scopes, the oldest first.
    var scopes: some Sequence<TraceScope> { order[first...].lazy.compactMap { byAge[$0] } }

    /// All scopes, the newest first.
    var newestFirst: some Sequence<TraceScope> { order[first...].reversed().lazy.compactMap { byAge[$0] } }

    func scopes(handle: String) -> [TraceScope] { scopes(byHandle[handle]) }

    func scopes(trace: TraceID) -> [TraceScope] { scopes(byTrace[trace]) }

    /// Lists a scope, or lists it anew under the handle that it has now.
    mutating func list(_ scope: TraceScope) {
        let handle = scope.handle
        let former = entries[ObjectIdentifier(scope)]
        let age = former?.age ?? next
        if former == nil {
            next += 1
            order.append(age)
            byAge[age] = scope
            byTrace[scope.traceID, default: []].insert(age)
        }
        if let old = former?.handle, old != handle { drop(age, ofHandle: old) }
        if let handle { byHandle[handle, default: []].insert(age) }
        entries[ObjectIdentifier(scope)] = Entry(age: age, handle: handle)
    }

    /// Takes scopes out of the list.
    mutating func remove(_ scopes: [TraceScope]) {
        for scope in scopes {
            guard let entry = entries.removeValue(forKey: ObjectIdentifier(scope)) else { continue }
            byAge[entry.age] = nil
            if let handle = entry.handle { drop(entry.age, ofHandle: handle) }
            byTrace[scope.traceID]?.remove(entry.age)
            if byTrace[scope.traceID]?.isEmpty == true { byTrace[scope.traceID] = nil }
        }
        while first < order.count, byAge[order[first]] == nil { first += 1 }
        // Rarely, so that the cost for each removed scope stays the same however many there are.
        if order.count > 2 * byAge.count + 64 {
            order.removeAll { byAge[$0] == nil }
            first = 0
        }
    }

    private mutating func drop(_ age: UInt64, ofHandle handle: String) {
        byHandle[handle]?.remove(age)
        if byHandle[handle]?.isEmpty == true { byHandle[handle] = nil }
    }

    private func scopes(_ ages: Set<UInt64>?) -> [TraceScope] {
        (ages ?? []).sorted().compactMap { byAge[$0] }
    }
}
