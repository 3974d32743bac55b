import Kernel
import Synchronization
import Testing

@testable import Runtime

@Suite("Input stream")
struct StreamInputTests {
    private func pipe() throws -> (reader: SharedDescriptor, writer: SharedDescriptor) {
        let pipe = try Pipe()
        return (SharedDescriptor(try pipe.reader.duplicate()), SharedDescriptor(try pipe.writer.duplicate()))
    }

    private func readAll(_ reader: SharedDescriptor) async throws -> [UInt8] {
        try await onThread {
            var all: [UInt8] = []
            while true {
                var piece = [UInt8](repeating: 0, count: 65_536)
                let count = try reader.readSome(into: &piece) ?? 0
                if count == 0 { return all }
                all += piece[..<count]
            }
        }
    }

    @Test("writes larger than the pipe arrive whole and in order, then the end")
    func order() async throws {
        let pump = try Pump()
        var (reader, writer): (SharedDescriptor, SharedDescriptor?) = try pipe()
        let released = Mutex(0)
        let input = try InputStream(#require(writer), pump: pump) { released.withLock { $0 += 1 } }
        writer = nil
        let data = randomBytes(3 * mebibyte)
        let writing = Task {
            for start in stride(from: 0, to: data.count, by: 400_000) {
                try await input.write(Array(data[start..<min(start + 400_000, data.count)]))
            }
            try await input.write([])
            input.close()
        }
        try await expectSame(readAll(reader), data[...])
        try await writing.value
        #expect(await eventually { released.withLock { $0 } == 1 })
        await #expect(throws: KernelError.self) { try await input.write([1]) }
    }

    @Test("closing comes after the writes that were begun before")
    func closeAfterWrites() async throws {
        let pump = try Pump()
        var (reader, writer): (SharedDescriptor, SharedDescriptor?) = try pipe()
        let input = try InputStream(#require(writer), pump: pump)
        writer = nil
        let data = randomBytes(mebibyte)
        let writing = Task { try await input.write(data) }
        #expect(try await eventually { try reader.unreadBytes() > 0 })
        input.close()
        try await expectSame(readAll(reader), data[...])
        try await writing.value
    }

    @Test("a program that closed its input is told to the writer, also to one that waits")
    func brokenPipe() async throws {
        let pump = try Pump()
        var (reader, writer): (SharedDescriptor?, SharedDescriptor) = try pipe()
        let input = try InputStream(writer, pump: pump)
        let writing = Task { try await input.write(randomBytes(mebibyte)) }
        #expect(try await eventually { try #require(reader).unreadBytes() > 0 })
        reader = nil
        let error = await #expect(throws: KernelError.self) { try await writing.value }
        #expect(error?.errno == .brokenPipe)
    }

    @Test("a waiting writer can be cancelled")
    func cancellation() async throws {
        let pump = try Pump()
        let (reader, writer) = try pipe()
        let input = try InputStream(writer, pump: pump)
        let writing = Task { try await input.write(randomBytes(mebibyte)) }
        #expect(try await eventually { try reader.unreadBytes() > 0 })
        writing.cancel()
        let error = await #expect(throws: KernelError.self) { try await writing.value }
        #expect(error?.errno == .canceled)
    }
}
