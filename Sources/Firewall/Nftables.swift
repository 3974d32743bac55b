internal import CNftables
public import Kernel
internal import Synchronization

/// The nft program as a library, libnftables(3).
public enum Nftables {
    /// libnftables keeps state of its own beside its contexts, hence one user at a time.
    private static let turn = Mutex<apron_nftables?>(nil)

    /// Carries out commands in the language of nft(8) as one transaction, in the network namespace of this thread.
    ///
    /// Takes some milliseconds; meant for the start of a program, never for the path of a single container.
    /// - Throws: the library's first sentence as the subject
    public static func run(_ commands: String) throws(KernelError) {
        try turn.withLock { (loaded) throws(KernelError) in
            let library = try load(&loaded)
            // Safe: the context is checked, used by this thread alone and freed once, at the end of the scope.
            guard let context = library.ctx_new(UInt32(NFT_CTX_DEFAULT)) else {
                throw KernelError(call: "nft_ctx_new", errno: .current)
            }
            defer { unsafe library.ctx_free(context) }
            // Without buffers the library writes to the standard streams.
            guard unsafe library.ctx_buffer_output(context) == 0, unsafe library.ctx_buffer_error(context) == 0 else {
                throw KernelError(call: "nft_ctx_buffer_output", errno: .noMemory)
            }
            // Safe: the string outlives the call and ends with a zero byte.
            guard unsafe library.run_cmd_from_buffer(context, commands) != 0 else { return }
            // Safe: the buffer belongs to the context, which is still alive, and ends with a zero byte.
            let text = unsafe library.ctx_get_error_buffer(context).map { unsafe String(cString: $0) } ?? ""
            let line = text.split(separator: "\n").first.map(String.init) ?? "no reason given"
            throw KernelError(call: "nft", errno: errno(in: line), subject: line)
        }
    }

    /// The library is loaded when the first rule is made: it brings six more, and most runs of a program make no rule.
    private static func load(_ loaded: inout apron_nftables?) throws(KernelError) -> apron_nftables {
        if let loaded { return loaded }
        var functions = apron_nftables()
        // Safe: the call fills the structure, or answers with a string that is read at once.
        if let complaint = unsafe apron_nftables_load(&functions) {
            throw KernelError(call: "dlopen", errno: .noEntry, subject: unsafe String(cString: complaint))
        }
        loaded = functions
        return functions
    }

    /// Above all numbers in use on Linux (133 on x86_64).
    private static let errnosMax: Int32 = 200

    /// The error number whose sentence (strerror(3)) ends the library's, which tells it in no other way; EINVAL for
    /// mistakes in the commands.
    private static func errno(in line: String) -> ErrorNumber {
        let numbers = (1...errnosMax).lazy.map(ErrorNumber.init(rawValue:))
        return numbers.first { line.lowercased().hasSuffix(": " + $0.text.lowercased()) } ?? .invalid
    }
}
