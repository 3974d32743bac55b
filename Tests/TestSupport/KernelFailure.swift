public import Kernel

/// The kernel's error that `body` throws; nil when it throws none or another kind.
public func kernelError<Result: ~Copyable>(_ body: () throws -> Result) -> KernelError? {
    do {
        _ = try body()
        return nil
    } catch { return error as? KernelError }
}
