internal import CKernel
internal import Glibc

/// Extended attributes by open descriptor alone, for a process whose root has no procfs (xattr(7)).
///
/// Names are bytes without a NUL, such as those of `user.comment`.
extension Descriptor {
    /// The names of all attributes; none where the file system has no attributes.
    public borrowing func fileAttributeNames(_ subject: @autoclosure () -> String) throws(KernelError) -> [[UInt8]] {
        let number = number
        do throws(KernelError) {
            let names = try filledFileBuffer("flistxattr", subject()) { buffer in
                // Safe: the call writes at most the bytes of the buffer.
                unsafe apron_flistxattr(number, &buffer, buffer.count)
            }
            return names.split(separator: 0).map { $0.map { UInt8(bitPattern: $0) } }
        } catch  where error.errno == .notSupported { return [] }
    }

    /// The value of an attribute; nil when there is none of the name.
    public borrowing func fileAttribute(
        _ name: [UInt8], _ subject: @autoclosure () -> String
    ) throws(KernelError) -> [UInt8]? {
        let (number, text) = (number, fileText(name))
        do throws(KernelError) {
            let value = try filledFileBuffer("fgetxattr", subject()) { buffer in
                // Safe: the name ends with NUL, and the call writes at most the bytes of the buffer.
                unsafe apron_fgetxattr(number, text, &buffer, buffer.count)
            }
            return value.map { UInt8(bitPattern: $0) }
        } catch  where error.errno == .noData || error.errno == .notSupported { return nil }
    }

    /// Sets an attribute, in place of one of the same name.
    public borrowing func setFileAttribute(
        _ name: [UInt8], _ value: [UInt8], _ subject: @autoclosure () -> String
    ) throws(KernelError) {
        let (number, text) = (number, fileText(name))
        // Safe: the name ends with NUL, and both live for the call.
        try invoke("fsetxattr", subject()) { unsafe apron_fsetxattr(number, text, value, value.count) }
    }
}

extension FileName {
    /// Sets an attribute of the entry of this name in the working directory, not following a link.
    public func setFileAttribute(_ name: [UInt8], _ value: [UInt8]) throws(KernelError) {
        let attribute = fileText(name)
        // Safe: both names end with NUL, and all live for the call.
        try invoke("lsetxattr", description) { unsafe apron_lsetxattr(chars, attribute, value, value.count) }
    }
}

private func fileText(_ bytes: [UInt8]) -> [CChar] { bytes.map { CChar(bitPattern: $0) } + [0] }

/// Calls `body` with a buffer that it fills and says how much of.
private func filledFileBuffer(
    _ call: StaticString, _ subject: @autoclosure () -> String, _ body: (inout [CChar]) -> Int
) throws(KernelError) -> ArraySlice<CChar> {
    // What files usually carry, so that one call does, and more than any list or value has (XATTR_LIST_MAX and
    // XATTR_SIZE_MAX, linux/limits.h).
    let (usual, most) = (256, 64 * 1024)
    var buffer = [CChar](repeating: 0, count: usual)
    let count: Int
    do throws(KernelError) { count = try invoke(call, subject()) { body(&buffer) } } catch {
        guard error.errno == ErrorNumber(rawValue: ERANGE) else { throw error }
        buffer = [CChar](repeating: 0, count: most)
        return buffer[..<(try invoke(call, subject()) { body(&buffer) })]
    }
    return buffer[..<count]
}
