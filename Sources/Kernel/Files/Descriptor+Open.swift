extension Descriptor {
    /// Opens a path of the host, following symbolic links; close-on-exec.
    public init(opening path: String, _ flags: OpenFlags, mode: UInt32 = 0o600) throws(KernelError) {
        self = try openResolving(workingDirectory, path, flags, mode: mode, [], path)
    }
}
