internal import CKernel
internal import Glibc

/// Moves the calling thread into a network namespace, for good (setns(2)).
///
/// Only for a thread of one's own that ends afterwards: sockets that it opens and settings that it reads or writes
/// belong to that namespace from now on.
/// - Parameter path: a file of the namespace, such as `/proc/4711/ns/net`
public func enterNetworkNamespace(_ path: String) throws(KernelError) {
    let file = Descriptor(
        owning: try invoke("open", path) {
            // Safe: the path outlives the call.
            unsafe apron_openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0)
        })
    let number = file.number
    try invoke("setns", path) { apron_enter_network_namespace(number) }
}
