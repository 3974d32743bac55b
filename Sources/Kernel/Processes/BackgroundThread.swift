internal import CKernel

extension CallingThread {
    /// Makes this thread yield to all others: lowest priority for the processor (setpriority(2)), idle class for disks
    /// (ioprio_set(2)). Whether the kernel agrees does not matter to the caller.
    public static func yieldToOthers() { apron_thread_yield_to_others() }
}
