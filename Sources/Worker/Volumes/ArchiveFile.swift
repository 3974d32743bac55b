internal import Kernel
internal import Storage

/// An archive that is a file of the host, as an import names it.
struct ArchiveFile: Sendable {
    /// What is read at a time.
    private static let chunkBytes = 256 << 10

    private let file: SharedDescriptor
    private let path: String
    private let program: SharedDescriptor

    /// - Parameter program: what unpacks it
    init(_ file: SharedDescriptor, _ path: String, program: SharedDescriptor) {
        self.file = file
        self.path = path
        self.program = program
    }

    /// Unpacks it, owners as they stand in it.
    /// - Throws: with the archive's path
    func unpack(into tree: borrowing MountTree) throws {
        do {
            // Imports say nothing of the encoding.
            let process = try ArchiveProcess.unpack(
                program: program, into: tree.descriptor, path: "/", encoding: "auto", userNamespace: nil,
                isPrivileged: true)
            do throws(KernelError) { try feed(process) } catch  where error.errno == .brokenPipe {
                // What reads it has ended, and says why.
            } catch {
                process.kill()
                _ = try? process.wait()
                throw error
            }
            _ = try process.wait()
        } catch let error as ArchiveFailure {
            throw VolumeStoreError(
                error.kind == .noSpace ? .noSpace : .failed, "import of \(path): \(error.message)",
                cause: error.kernelCause)
        }
    }

    private func feed(_ process: ArchiveProcess) throws(KernelError) {
        guard let end = process.takePipe() else { return }
        try end.setNonBlocking(false)
        let pipe = SharedDescriptor(end)
        var chunk = [UInt8](repeating: 0, count: ArchiveFile.chunkBytes)
        while let count = try file.readSome(into: &chunk), count > 0 {
            if Task.isCancelled { throw KernelError(call: "import", errno: .cancelled, subject: path) }
            // The last chunk alone is shorter.
            let bytes = count == chunk.count ? chunk : Array(chunk[..<count])
            var written = 0
            while written < count { written += try pipe.writeSome(bytes, from: written) ?? 0 }
        }
    }
}
