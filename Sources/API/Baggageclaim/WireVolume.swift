internal import HTTPTypes
internal import Worker

/// A volume as it is asked for on the wire.
struct WireVolumeRequest {
    /// What the worker is asked for.
    let request: VolumeRequest
    /// The owner as written, for the answer to the creation.
    let owner: WireOwner

    /// Largest user or group id; the one above it means "none" to the kernel (chown(2)).
    private static let maximumID = Int64(UInt32.max) - 1

    /// Reads the body of both creating routes.
    /// - Throws: ``JSONError`` when it is no such JSON; ``RefusedRequest`` when it asks for something unknown
    init(parsing body: [UInt8]) throws {
        let object = try JSONObject(parsing: body)
        let handle = try object.string("handle") ?? ""
        let owner = WireOwner(uid: try object.integer("uid"), gid: try object.integer("gid"))
        let properties: [String: String]? = object["properties"] == nil ? nil : try object.map("properties")
        let isPrivileged = try object.flag("privileged")
        let strategy: VolumeRequest.Strategy
        do {
            strategy = try Self.strategy(object)
        } catch let error as JSONError {
            throw RefusedRequest.unprocessable("\(error)")
        }
        self.owner = owner
        request = VolumeRequest(
            handle: handle.isEmpty ? nil : try NameRules.check(handle, as: "handle"), strategy: strategy,
            properties: properties, isPrivileged: isPrivileged, owner: try Self.owner(owner))
    }

    private static func strategy(_ object: JSONObject) throws -> VolumeRequest.Strategy {
        guard object["strategy"] != nil else { throw RefusedRequest.unprocessable("no strategy given") }
        let strategy = try object.object("strategy")
        switch try strategy.string("type") {
        case "empty": return .empty
        // A missing parent is told when the creation is collected, like one that does not exist.
        case "cow": return .copyOnWrite(parent: try strategy.string("volume") ?? "")
        case "import":
            return .importing(
                path: try strategy.string("path") ?? "", followsSymlinks: try strategy.flag("follow_symlinks"))
        case let type?: throw RefusedRequest.unprocessable("unknown strategy '\(type)'")
        case nil: throw RefusedRequest.unprocessable("strategy has no type")
        }
    }

    /// Only two ids that are not negative mean a change of owner.
    private static func owner(_ owner: WireOwner) throws -> VolumeRequest.Owner? {
        guard let uid = owner.uid, let gid = owner.gid, uid >= 0, gid >= 0 else { return nil }
        for (name, id) in [("uid", uid), ("gid", gid)] where id > maximumID {
            throw RefusedRequest.unprocessable("\(name) must not exceed \(maximumID), is \(id)")
        }
        return VolumeRequest.Owner(uid: UInt32(uid), gid: UInt32(gid))
    }
}

/// User and group ids as written; -1 leaves what is there.
struct WireOwner {
    var uid: Int64?
    var gid: Int64?
}

/// A volume as clients are told of it.
enum WireVolume {
    /// A list, written without a tree of values in between: it is asked for all the time and may be long.
    static func list(_ volumes: [VolumeInfo]) -> Reply {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(volumes.count * averageSize + 3)
        bytes.append(UInt8(ascii: "["))
        for (position, volume) in volumes.enumerated() {
            if position > 0 { bytes.append(UInt8(ascii: ",")) }
            append(volume, to: &bytes)
        }
        bytes.append(contentsOf: "]\n".utf8)
        return reply(bytes, .ok)
    }

    /// One volume.
    static func one(_ volume: VolumeInfo, status: Reply.Status = .ok, owner: WireOwner = WireOwner()) -> Reply {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(averageSize)
        append(volume, owner, to: &bytes)
        bytes.append(0x0A)
        return reply(bytes, status)
    }

    /// Two texts of 36 bytes, a path around one of them, and the names.
    private static let averageSize = 192

    private static func reply(_ bytes: [UInt8], _ status: Reply.Status) -> Reply {
        Reply(status: status, headers: [.contentType: "application/json"], body: .bytes(bytes))
    }

    private static func append(_ volume: VolumeInfo, _ owner: WireOwner = WireOwner(), to bytes: inout [UInt8]) {
        bytes.append(contentsOf: #"{"handle":"#.utf8)
        JSONWriter.append(volume.handle, to: &bytes)
        bytes.append(contentsOf: #","path":"#.utf8)
        JSONWriter.append(volume.path, to: &bytes)
        bytes.append(contentsOf: #","properties":"#.utf8)
        append(volume.properties, to: &bytes)
        bytes.append(contentsOf: #","privileged":"#.utf8)
        bytes.append(contentsOf: (volume.isPrivileged ? "true" : "false").utf8)
        if let uid = owner.uid { bytes.append(contentsOf: #","uid":\#(uid)"#.utf8) }
        if let gid = owner.gid { bytes.append(contentsOf: #","gid":\#(gid)"#.utf8) }
        bytes.append(UInt8(ascii: "}"))
    }

    private static func append(_ properties: [String: String]?, to bytes: inout [UInt8]) {
        guard let properties else { return bytes.append(contentsOf: "null".utf8) }
        bytes.append(UInt8(ascii: "{"))
        let sorted = properties.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
        for (position, property) in sorted.enumerated() {
            if position > 0 { bytes.append(UInt8(ascii: ",")) }
            JSONWriter.append(property.key, to: &bytes)
            bytes.append(UInt8(ascii: ":"))
            JSONWriter.append(property.value, to: &bytes)
        }
        bytes.append(UInt8(ascii: "}"))
    }
}
