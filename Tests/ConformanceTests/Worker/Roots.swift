import Foundation
import Kernel
import Synchronization
import TestSupport

/// The root file systems of a run, made once.
final class Roots: Sendable {
    static let shared = Roots()

    /// The host's id of an unprivileged container's root, for whoever makes files for it.
    static let rootID: UInt32 = 4_294_967_294

    private let scratch = Mutex<Scratch?>(nil)

    /// The top of the package.
    static var package: String {
        var url = URL(filePath: #filePath).resolvingSymlinksInPath()
        for _ in 0..<4 { url.deleteLastPathComponent() }
        return "/" + url.pathComponents.dropFirst().joined(separator: "/")
    }

    /// The worker to be tested: APRON_BIN, else the package's debug build.
    static func binary() throws -> String {
        let path = ProcessInfo.processInfo.environment["APRON_BIN"] ?? "\(package)/.build/debug/apron"
        guard CurrentProcess.isExecutableFile(path) else {
            throw Wire.Failure(description: "\(path) is not there: build it (swift build) or name it in APRON_BIN")
        }
        return path
    }

    private func directory() throws -> String {
        if let made = scratch.withLock({ $0?.path }) { return made }
        let fresh = try Scratch()
        try runProgram("sh", "\(Roots.package)/rootfs/build", "\(fresh.path)/image")
        scratch.withLock { $0 = fresh }
        return fresh.path
    }

    /// The base image.
    func image() throws -> String { try directory() + "/image" }

    /// A copy to be used in place by one container (`raw://`); for an unprivileged one its files belong to the id that
    /// is root there.
    func copy(privileged: Bool) throws -> String {
        let path = try "\(directory())/raw-\(UInt32.random(in: 0...UInt32.max))"
        try runProgram("cp", "-a", try image(), path)
        if !privileged {
            let id = "\(Roots.rootID)"
            try runProgram("chown", "-hR", "--from=0:0", "\(id):\(id)", path)
        }
        return path
    }

    /// Removes everything; the next use makes it again.
    func remove() { scratch.withLock { $0 = nil } }
}

/// Who owns a file of the host.
func fileOwner(_ path: String) throws -> UInt32? {
    UInt32(try runProgram("stat", "-c", "%u", path).filter(\.isNumber))
}
