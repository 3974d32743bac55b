import Kernel
import TestSupport
import Testing

@testable import Worker

/// What a program in a container said, and how it ended.
struct ProgramEnd {
    let code: Int32
    let output: String
    let errors: String

    /// Output without the last line break.
    var text: String { output.last == "\n" ? String(output.dropLast()) : output }
}

extension LaunchSite {
    /// Makes a container from the site's image.
    func create(
        _ handle: String, privileged: Bool = false, rootfs: String? = nil,
        _ change: (inout ContainerRequest) -> Void = { _ in }
    ) async throws {
        var request = ContainerRequest()
        request.handle = handle
        request.rootfs = rootfs ?? image
        request.privileged = privileged
        request.network = settings.network != nil
        change(&request)
        _ = try await service.create(request)
    }

    /// Starts a program and waits for its end. Its output must fit into a socket.
    func run(
        _ handle: String, _ command: [String], user: String = "", directory: String = "",
        _ change: (inout ProcessRequest) -> Void = { _ in }
    ) async throws -> ProgramEnd {
        var request = ProcessRequest()
        request.path = command[0]
        request.arguments = Array(command.dropFirst())
        request.user = user
        request.directory = directory
        change(&request)
        let attachment = try await service.run(handle, request)
        try await attachment.closeInput()
        let code = try await attachment.wait()
        return ProgramEnd(
            code: code, output: try await output(.stdout, attachment, handle),
            errors: try await output(.stderr, attachment, handle))
    }

    /// A shell script's output; its failure fails the test.
    func shell(
        _ handle: String, _ script: String, user: String = "", directory: String = "",
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> String {
        let end = try await run(handle, ["/bin/sh", "-c", script], user: user, directory: directory)
        #expect(end.code == 0, "\(script): \(end.output)\(end.errors)", sourceLocation: sourceLocation)
        return end.text
    }

    /// What the kernel says to one call made inside: `ok` or the error's name.
    func probe(_ handle: String, _ call: String, _ argument: String = "", user: String = "") async throws -> String {
        try await run(handle, [LaunchSite.probe, call, argument], user: user).text
    }

    /// Starts a program that runs until it is killed.
    func start(_ handle: String, _ command: [String], user: String = "") async throws -> any ProcessAttachment {
        var request = ProcessRequest()
        request.path = command[0]
        request.arguments = Array(command.dropFirst())
        request.user = user
        return try await service.run(handle, request)
    }

    private func output(_ kind: OutputKind, _ attachment: any ProcessAttachment, _ handle: String) async throws
        -> String
    {
        let ends = try SocketPair().release()
        let near = Descriptor(owning: ends.near)
        try await service.stream(
            kind, of: handle, attachment.processID, streamID: attachment.streamID, to: Descriptor(owning: ends.far))
        return String(decoding: try near.readContents(limit: 1 << 20, "output"), as: UTF8.self)
    }
}

/// The error that `body` throws; an issue when it throws none.
func failure(
    sourceLocation: SourceLocation = #_sourceLocation, _ body: () async throws -> Void
) async -> (any Error)? {
    do {
        try await body()
        Issue.record("it was expected to fail", sourceLocation: sourceLocation)
        return nil
    } catch { return error }
}
