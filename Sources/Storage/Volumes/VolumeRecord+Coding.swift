internal import FoundationEssentials
internal import Kernel

extension VolumeRecord {
    /// The record's name in the volume's directory.
    static let fileName = "volume.json"
    /// Properties come from request bodies of at most 8 MiB, one at a time.
    static let bytesMax = 64 << 20

    private struct Version: Decodable {
        let format: Int
    }

    /// The contents of the record's file.
    func encoded() throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return Array(try encoder.encode(self))
    }

    /// Reads a record and checks everything in it that becomes part of a path or of a decision.
    /// - Parameter name: the directory that it was found in
    /// - Throws: ``VolumeStoreError`` of kind damaged, with the reason
    init(decoding bytes: [UInt8], of name: String) throws(VolumeStoreError) {
        let data = Data(bytes)
        let version: Version
        do { version = try JSONDecoder().decode(Version.self, from: data) } catch {
            throw VolumeRecord.damaged(name, "not a record (\(bytes.count) bytes)")
        }
        guard version.format == VolumeRecord.format else {
            throw VolumeRecord.damaged(name, "format \(version.format) is not known to this program")
        }
        do { self = try JSONDecoder().decode(VolumeRecord.self, from: data) } catch {
            throw VolumeRecord.damaged(name, "\(error)")
        }
        if handle != name { throw VolumeRecord.damaged(name, "it names itself \(handle)") }
        var seen: Set<String> = []
        for layer in stack.layers {
            if !LayerID.isValid(layer.id) { throw VolumeRecord.damaged(name, "\"\(layer.id)\" is no layer's id") }
            if !seen.insert(layer.id).inserted {
                throw VolumeRecord.damaged(name, "layer \(layer.id) lies beneath itself")
            }
        }
    }

    static func damaged(_ handle: String, _ reason: String) -> VolumeStoreError {
        VolumeStoreError(.damaged, "volume \(handle): \(fileName) is damaged: \(reason)", handle: handle)
    }
}

/// Ids of layers: 16 lower-case hexadecimal digits.
enum LayerID {
    static let digits = 16

    /// An id that no layer has: 64 random bits. A directory that exists all the same makes the creation fail.
    static func random() -> String {
        let hexadecimal = String(UInt64.random(in: 0...UInt64.max), radix: 16)
        return String(repeating: "0", count: digits - hexadecimal.utf8.count) + hexadecimal
    }

    static func isValid(_ id: String) -> Bool {
        id.utf8.count == digits
            && id.utf8.allSatisfy { (48...57).contains($0) || (97...102).contains($0) }
    }

    /// All that could be an id in damaged bytes: what may still be needed.
    static func mentioned(in bytes: [UInt8]) -> Set<String> {
        let words = bytes.split { !((48...57).contains($0) || (97...102).contains($0)) }
        return Set(words.filter { $0.count == digits }.map { String(decoding: $0, as: UTF8.self) })
    }
}
