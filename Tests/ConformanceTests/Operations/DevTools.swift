import Foundation
import Glibc
import Kernel

/// A conversation with a browser in the DevTools protocol: JSON messages, each ended by a zero byte, over two pipes.
final class DevTools {
    struct Failure: Error, CustomStringConvertible { let description: String }

    /// How long an answer may take: far longer than any does, also on a busy or emulated machine.
    static let secondsMax = 60
    private static let pieceBytes = 1 << 16
    /// Events that are kept; a page of a test causes some hundreds.
    private static let eventsMax = 100_000

    private let writer: SharedDescriptor
    private let reader: SharedDescriptor
    private var buffer: [UInt8] = []
    private var last = 0
    /// What the browser told unasked, oldest first.
    private(set) var events: [JSON] = []

    init(writer: SharedDescriptor, reader: SharedDescriptor) {
        self.writer = writer
        self.reader = reader
    }

    /// Sends a command and answers its result.
    @discardableResult
    func call(_ method: String, _ parameters: [String: Any] = [:], session: String? = nil) throws -> JSON {
        last += 1
        var message: [String: Any] = ["id": last, "method": method, "params": parameters]
        if let session { message["sessionId"] = session }
        try send(Array(try JSON.encode(message).utf8) + [0])
        while true {
            let answer = try next(for: method)
            if answer["id"].integer == last {
                if !answer["error"].isNull { throw Failure(description: "\(method): \(answer["error"])") }
                return answer["result"]
            }
            guard events.count < DevTools.eventsMax else { throw Failure(description: "the browser tells too much") }
            events.append(answer)
        }
    }

    private func send(_ bytes: [UInt8]) throws {
        var sent = 0
        while sent < bytes.count { sent += try writer.writeSome(bytes, from: sent) ?? 0 }
    }

    private func next(for method: String) throws -> JSON {
        var piece = [UInt8](repeating: 0, count: DevTools.pieceBytes)
        var searched = 0
        while true {
            if let end = buffer[searched...].firstIndex(of: 0) {
                let message = Array(buffer[..<end])
                buffer.removeFirst(end + 1)
                return try JSON(parsing: message)
            }
            searched = buffer.count
            var polled = pollfd(fd: reader.number, events: Int16(POLLIN), revents: 0)
            guard poll(&polled, 1, Int32(DevTools.secondsMax * 1000)) > 0 else {
                throw Failure(description: "\(method): no answer within \(DevTools.secondsMax) s")
            }
            guard let count = try reader.readSome(into: &piece), count > 0 else {
                throw Failure(description: "\(method): the browser ended")
            }
            buffer += piece[..<count]
        }
    }
}
