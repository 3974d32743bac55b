internal import NIOCore

/// The body of a reply on a connection that was taken over, in chunks (RFC 9112 §7.1): unlike a body that the library
/// writes, it can end without its last chunk, which tells the client that something is missing.
struct ChunkedBody: Sendable {
    let connection: TakenConnection

    /// Writes a chunk of all buffers; returns when the kernel has accepted it.
    func write(_ buffers: [ByteBuffer]) async throws {
        let size = buffers.reduce(0) { $0 + $1.readableBytes }
        if size == 0 { return }
        if connection.isVersion10 { return try await connection.write(buffers) }
        let head = ByteBuffer(string: String(size, radix: 16) + "\r\n")
        try await connection.write([head] + buffers + [Self.lineEnd])
    }

    /// Writes a chunk of text.
    func write(_ text: String) async throws { try await write([ByteBuffer(string: text)]) }

    /// Writes the last chunk: the body is complete.
    func end() async throws {
        if !connection.isVersion10 { try await connection.write([Self.lastChunk]) }
    }

    private static let lineEnd = ByteBuffer(string: "\r\n")
    private static let lastChunk = ByteBuffer(string: "0\r\n\r\n")
}
