internal import FoundationEssentials
public import Kernel

/// A seccomp profile in the JSON format of the OCI runtime specification with Docker's additions (`archMap`,
/// `includes`, `excludes`), which the operator gives in place of the built-in ones.
///
/// An unknown key or value is an error and not passed over: a profile that is understood in part would protect in part.
public struct SeccompFile: Sendable {
    private let document: SeccompDocument

    /// Parses a file's content. The error names the key at fault, such as `syscalls[3].args[0].op`.
    public init(json: [UInt8]) throws(SeccompFileError) {
        do {
            document = try JSONDecoder().decode(SeccompDocument.self, from: Data(json))
        } catch let error as DecodingError {
            throw SeccompFileError(error)
        } catch {
            throw SeccompFileError(key: "", reason: "\(error)")
        }
        if !(document.architectures ?? []).isEmpty && !(document.archMap ?? []).isEmpty {
            throw SeccompFileError(key: "archMap", reason: "cannot be given together with architectures")
        }
    }

    /// The profile for programs with some capabilities on a kernel.
    ///
    /// - Parameter kernel: the kernel's release, such as `6.1.0-13-amd64`
    public func profile(capabilities: CapabilitySet, kernel: String) -> SeccompProfile {
        let kernelVersion = SeccompDocument.KernelVersion(kernel) ?? SeccompDocument.KernelVersion(major: 0, minor: 0)
        let rules = document.syscalls.filter { $0.applies(capabilities, kernelVersion) }.flatMap(\.rules)
        return SeccompProfile(defaultAction: document.action, architectures: architectures, rules: rules)
    }

    private var architectures: [SeccompProfile.Architecture] {
        let native = SeccompProfile.Architecture.native
        if let map = document.archMap, !map.isEmpty {
            let entry = map.first { $0.architecture.name == native.rawValue }
            return [native] + (entry?.subArchitectures ?? []).compactMap(\.architecture)
        }
        let listed = (document.architectures ?? []).compactMap(\.architecture)
        return listed.isEmpty ? [native] : listed
    }
}

/// Why a seccomp profile was refused.
public struct SeccompFileError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The place in the file, such as `syscalls[3].action`; empty for the file as a whole.
    public let key: String
    /// What is wrong there.
    public let reason: String

    init(key: String, reason: String) {
        self.key = key
        self.reason = reason
    }

    init(_ error: DecodingError) {
        switch error {
        case .keyNotFound(let missing, let context):
            self.init(key: Self.text(context.codingPath + [missing]), reason: "missing")
        case .typeMismatch(_, let context), .valueNotFound(_, let context):
            self.init(key: Self.text(context.codingPath), reason: "wrong type")
        case .dataCorrupted(let context):
            self.init(key: Self.text(context.codingPath), reason: context.debugDescription)
        @unknown default:
            self.init(key: "", reason: "\(error)")
        }
    }

    /// `seccomp profile: syscalls[3].op: unknown comparison SCMP_CMP_XX`.
    public var description: String { key.isEmpty ? "seccomp profile: \(reason)" : "seccomp profile: \(key): \(reason)" }

    private static func text(_ path: [any CodingKey]) -> String {
        path.reduce(into: "") { text, key in
            if let index = key.intValue {
                text += "[\(index)]"
            } else {
                text += text.isEmpty ? key.stringValue : ".\(key.stringValue)"
            }
        }
    }
}
