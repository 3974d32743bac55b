public import Kernel

/// An error that knows the system call at its root, for the attributes of the spans that it passes through.
public protocol KernelCaused: Error {
    /// The failed call, if a call was the cause.
    var kernelCause: KernelError? { get }
}

/// What a span says about the error that ended it.
struct SpanFailure {
    /// Of low cardinality: the errno's name, else the name of the error's type.
    let type: String
    /// The whole sentence.
    let description: String
    /// The failed call and what it was about.
    let attributes: [Attribute]

    init(_ error: any Error) {
        description = "\(error)"
        guard let cause = error as? KernelError ?? (error as? any KernelCaused)?.kernelCause else {
            type = "\(Swift.type(of: error))"
            attributes = []
            return
        }
        type = cause.errno.name
        attributes =
            [Attribute("apron.syscall", .string(cause.call))]
            + (cause.subject.map { [Attribute("apron.path", .string($0))] } ?? [])
    }
}
