import Kernel
import TestSupport
import Testing

@Suite struct FileLockTests {
    @Test func excludesAndSharesAndReleases() throws {
        let scratch = try Scratch()
        do {
            let first = try FileLock(scratch.directory, "lock")
            let error = #expect(throws: KernelError.self) {
                _ = try FileLock(scratch.directory, "lock", wait: false)
            }
            #expect(error?.errno == .tryAgain)
            _ = consume first
        }
        let one = try FileLock(scratch.directory, "lock", shared: true, wait: false)
        let two = try FileLock(scratch.directory, "lock", shared: true, wait: false)
        #expect(throws: KernelError.self) { _ = try FileLock(scratch.directory, "lock", wait: false) }
        _ = consume one
        _ = consume two
        _ = try FileLock(scratch.directory, "lock", wait: false)
    }
}

@Suite struct FileMemfdTests {
    @Test func sealedFilesCannotChange() throws {
        let memfd = try Memfd.sealed("test", [1, 2, 3])
        #expect(try memfd.read(limit: 3) == [1, 2, 3])
        #expect(try memfd.read(limit: 3) == [1, 2, 3])
        let error = #expect(throws: KernelError.self) { try memfd.write([4]) }
        #expect(error?.errno == .permission)
        #expect(try memfd.descriptor.status().size == 3)
    }
}
