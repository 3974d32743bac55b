public import Kernel
internal import Synchronization

/// The addresses that containers lease, shared by all processes that use the same directory.
///
/// A lease is a file named after the address, with the container's handle in it: created with O_EXCL, so that no two
/// holders can have the same address, and there after a restart. The map in memory only says where to try first.
/// Addresses are given out in turn, not lowest first, since the interface of a former holder lives on for a moment.
public final class AddressPool: Sendable {
    /// The addresses, those of network, gateway and broadcast included, which are never leased.
    public let pool: CIDR
    /// Where the leases are.
    let directory: LeaseDirectory

    private struct Map {
        /// A bit for each address of the pool, set when it is believed to be in use.
        var words: [UInt64]
        /// Where the search begins.
        var next = 0
    }

    private let map = Mutex(Map(words: []))

    /// Opens the leases of a pool, for a pool of prefix length 8 to 30; makes the directory, not its parent.
    public init(_ pool: CIDR, directory path: String) throws {
        self.pool = pool
        directory = try LeaseDirectory(path)
        try rescan()
    }

    /// Leases an address to a container.
    /// - Throws: ``NetworkError/exhausted(pool:inUse:)``, or a ``KernelError`` about the lease's file
    public func lease(to handle: String) throws -> NetworkLease {
        var hasRescanned = false
        // Each round takes a candidate off the map, and the map is refilled once: the bound is twice the pool.
        while true {
            if let address = takeCandidate() {
                if try directory.lease("\(address)", to: handle) {
                    return NetworkLease(handle: handle, address: address)
                }
            } else if hasRescanned {
                throw NetworkError.exhausted(pool: pool, inUse: Int(pool.count) - AddressPool.reserved)
            } else {
                // Other processes, too, give addresses back.
                try rescan()
                hasRescanned = true
            }
        }
    }

    /// Ends a lease; nothing happens when the address is not, or no longer, this container's.
    public func release(_ lease: NetworkLease) throws {
        guard try directory.holder(of: "\(lease.address)") == lease.handle else { return }
        try directory.remove("\(lease.address)")
        guard pool.contains(lease.address) else { return }
        map.withLock { $0.words.set(offset(lease.address), to: false) }
    }

    /// Every lease of every process; with an empty handle when its process died half-way.
    public func leases() throws -> [NetworkLease] {
        try directory.names(limit: Int(pool.count)).compactMap { name in
            guard let address = IPv4Address(name), let handle = try directory.holder(of: name) else { return nil }
            return NetworkLease(handle: handle, address: address)
        }
    }

    /// Network, gateway and broadcast.
    private static let reserved = 3

    /// Rebuilds the map from the files. A candidate that another thread just took may become one again; the file
    /// decides then.
    private func rescan() throws {
        let names = try directory.names(limit: Int(pool.count))
        let count = Int(pool.count)
        var words = [UInt64](repeating: 0, count: (count + 63) / 64)
        for offset in [0, 1, count - 1] + Array(count..<(words.count * 64)) { words.set(offset, to: true) }
        for name in names {
            guard let address = IPv4Address(name), pool.contains(address) else { continue }
            words.set(offset(address), to: true)
        }
        map.withLock { $0.words = words }
    }

    /// The next address that the map holds for free, marked as used; nil when there is none.
    private func takeCandidate() -> IPv4Address? {
        map.withLock { map in
            guard let offset = map.words.firstClear(from: map.next) ?? map.words.firstClear(from: 0) else { return nil }
            map.words.set(offset, to: true)
            map.next = offset + 1
            return IPv4Address(rawValue: pool.network.rawValue + UInt32(offset))
        }
    }

    private func offset(_ address: IPv4Address) -> Int { Int(address.rawValue - pool.network.rawValue) }
}

extension [UInt64] {
    fileprivate mutating func set(_ bit: Int, to value: Bool) {
        let mask: UInt64 = 1 << UInt64(bit & 63)
        if value { self[bit >> 6] |= mask } else { self[bit >> 6] &= ~mask }
    }

    /// The lowest clear bit at `start` or after it.
    fileprivate func firstClear(from start: Int) -> Int? {
        var index = start >> 6
        guard index < count else { return nil }
        // The bits before the start count as set.
        var free = ~self[index] & (~0 << UInt64(start & 63))
        while free == 0 {
            index += 1
            guard index < count else { return nil }
            free = ~self[index]
        }
        return (index << 6) + free.trailingZeroBitCount
    }
}
