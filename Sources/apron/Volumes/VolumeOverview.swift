internal import FoundationEssentials
internal import Kernel
internal import Storage
internal import Telemetry
internal import Worker

/// What is to be said of one volume.
struct VolumeOverview: Encodable, Sendable {
    /// One of its layers, topmost first.
    struct LayerLine: Encodable, Sendable {
        var id: String
        /// `plain` or `shifted`.
        var owners: String
        var files: UInt64
        /// On the disk.
        var bytes: UInt64
        /// Volumes that have it, this one included.
        var volumes: Int
    }

    var handle: String
    /// By which clients name it.
    var path: String
    var strategy: String
    var parent: String?
    var isPrivileged: Bool
    /// Nanoseconds since the epoch.
    var created: UInt64
    var ageSeconds: UInt64
    var layers: [LayerLine]
    /// On the disk, in layers that no other volume has.
    var ownBytes: UInt64
    /// In all layers.
    var bytes: UInt64
    var children: [String]
    var containers: [String]
    var properties: [String: String]?
    /// The trace in which it was made.
    var traceID: String?
}

extension VolumeOverview {
    /// Looks at a volume; walks through all files of its layers.
    /// - Parameter now: nanoseconds since the epoch
    init(_ record: VolumeRecord, in catalogue: VolumeCatalogue, users: [ContainerPaths], now: UInt64) {
        handle = record.handle
        path = catalogue.path(of: record.handle)
        strategy = record.strategy
        parent = record.parent
        isPrivileged = record.isPrivileged
        created = record.created
        ageSeconds = now > record.created ? (now - record.created) / 1_000_000_000 : 0
        layers = record.stack.layers.map { layer in
            // Deleted since the record was read: nothing is left of it.
            let count = (try? catalogue.count(layer)) ?? TreeCount()
            return LayerLine(
                id: layer.id, owners: layer.owners.rawValue, files: count.files, bytes: count.bytes,
                volumes: catalogue.volumes(with: layer))
        }
        ownBytes = layers.filter { $0.volumes == 1 }.reduce(0) { $0 + $1.bytes }
        bytes = layers.reduce(0) { $0 + $1.bytes }
        children = catalogue.children(of: record.handle)
        containers = users.filter { $0.paths.contains { catalogue.volume(at: $0) == record.handle } }.map(\.container)
        properties = record.properties
        traceID = record.context.map { "\($0.traceID)" }
    }
}

/// Volumes in words.
enum VolumeTable {
    private static let heads = [
        "HANDLE", "AGE", "FOR", "MADE", "LAYERS", "OWN BYTES", "CHILDREN", "CONTAINERS", "TRACE",
    ]

    /// One line a volume below a line of heads.
    static func text(_ volumes: [VolumeOverview]) -> String {
        let rows =
            [heads]
            + volumes.map { volume in
                [
                    volume.handle, age(volume.ageSeconds), volume.isPrivileged ? "privileged" : "unprivileged",
                    volume.strategy, "\(volume.layers.count)", "\(ByteCount(volume.ownBytes))",
                    "\(volume.children.count)", list(volume.containers), volume.traceID ?? "–",
                ]
            }
        return columns(rows)
    }

    /// All that is known of a volume.
    static func details(_ volume: VolumeOverview) -> String {
        var rows = [
            ["handle", volume.handle], ["path", volume.path],
            ["made", volume.strategy + (volume.parent.map { " of \($0)" } ?? "")], ["age", age(volume.ageSeconds)],
            ["for", volume.isPrivileged ? "privileged containers" : "unprivileged containers"],
            ["bytes", "\(ByteCount(volume.bytes)), of them its own \(ByteCount(volume.ownBytes))"],
            ["children", list(volume.children)], ["containers", list(volume.containers)],
            ["trace", volume.traceID ?? "–"],
        ]
        for (key, value) in (volume.properties ?? [:]).sorted(by: { $0.key < $1.key }) {
            rows.append(["property", "\(key)=\(value)"])
        }
        for (index, layer) in volume.layers.enumerated() {
            rows.append([
                index == 0 ? "layers" : "",
                "\(layer.id)  \(layer.owners)  \(layer.files) files  \(ByteCount(layer.bytes))  in \(layer.volumes) "
                    + (layer.volumes == 1 ? "volume" : "volumes"),
            ])
        }
        if volume.layers.isEmpty { rows.append(["layers", "none: nobody has written to it"]) }
        return columns(rows)
    }

    /// For programs.
    static func json(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes, .prettyPrinted]
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }

    /// `45s`, `12m`, `3h`, `9d`: the largest unit of which there are two, or seconds.
    static func age(_ seconds: UInt64) -> String {
        for (name, length) in [("d", UInt64(86400)), ("h", 3600), ("m", 60)] where seconds >= 2 * length {
            return "\(seconds / length)\(name)"
        }
        return "\(seconds)s"
    }

    private static func list(_ names: [String]) -> String { names.isEmpty ? "–" : names.joined(separator: ",") }

    private static func columns(_ rows: [[String]]) -> String {
        let count = rows.map(\.count).max() ?? 0
        let widths = (0..<count).map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.map { row in
            let cells = zip(row, widths).map { $0 + String(repeating: " ", count: $1 - $0.count) }
            let line = cells.joined(separator: "  ")
            return String(line.reversed().drop { $0 == " " }.reversed())
        }.joined(separator: "\n")
    }
}
