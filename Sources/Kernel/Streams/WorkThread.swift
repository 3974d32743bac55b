internal import CKernel
internal import Glibc

/// Runs `body` on a new thread that ends with it.
///
/// All signals are blocked on it: SIGPIPE of a closed pipe or socket does not reach the process, and the daemon's
/// handlers run elsewhere.
/// - Parameter name: at most 15 bytes (pthread_setname_np(3)); longer ones are not shown.
/// - Throws: EAGAIN when there are too many threads (pthread_create(3)).
public func startThread(named name: String, _ body: @escaping @Sendable () -> Void) throws(KernelError) {
    // Safe: the retain is taken over by the thread, or released below when there is none.
    let context = unsafe Unmanaged.passRetained(ThreadBody(name, body))
    do {
        try invoke("pthread_create", name) {
            unsafe apron_thread_start(runThreadBody, context.toOpaque())
        }
    } catch {
        unsafe context.release()
        throw error
    }
}

private final class ThreadBody: Sendable {
    let name: String
    let run: @Sendable () -> Void

    init(_ name: String, _ run: @escaping @Sendable () -> Void) {
        self.name = name
        self.run = run
    }
}

private func runThreadBody(_ context: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let context = unsafe context else { return nil }
    // Safe: the pointer is the retained object of startThread, and this is the only taker.
    let body = unsafe Unmanaged<ThreadBody>.fromOpaque(context).takeRetainedValue()
    // Safe: the name lives for the call.
    unsafe apron_thread_name(body.name)
    body.run()
    return nil
}
