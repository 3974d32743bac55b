import CKernel
import InitProtocol

/// A message from the daemon.
struct Request {
    var frame: apron_frame
    var descriptors: [Int32]

    func closeDescriptors() {
        for descriptor in descriptors where descriptor >= 0 { _ = apron_close(descriptor) }
    }
}

/// One daemon's connection: whole messages in, whole messages out, never blocking.
struct Connection {
    let descriptor: Int32

    enum Received {
        case request(Request)
        case nothing
        case ended
    }

    func receive() -> Received {
        var frame = apron_frame()
        var descriptors = [Int32](repeating: -1, count: Int(APRON_FDS_MAX))
        var count: UInt32 = 0
        let received = descriptors.withUnsafeMutableBufferPointer {
            apron_receive(descriptor, &frame, MemoryLayout<apron_frame>.size, $0.baseAddress, &count, 0)
        }
        if received < 0 { return apron_errno() == Errno.tryAgain ? .nothing : .ended }
        descriptors.removeLast(descriptors.count - Int(count))
        guard received == MemoryLayout<apron_frame>.size else {
            Request(frame: frame, descriptors: descriptors).closeDescriptors()
            return .ended
        }
        return .request(Request(frame: frame, descriptors: descriptors))
    }

    /// Sends a frame with entries behind it. False: the peer is gone or does not read; drop the connection.
    func send<Entry: BitwiseCopyable>(
        _ frame: apron_frame, _ entries: [Entry], descriptors: [Int32] = []
    ) -> Bool {
        var frame = frame
        frame.count = UInt32(entries.count)
        frame.version = UInt16(APRON_PROTOCOL_VERSION)
        var message = [UInt8]()
        message.reserveCapacity(MemoryLayout<apron_frame>.size + entries.count * MemoryLayout<Entry>.stride)
        withUnsafeBytes(of: frame) { message.append(contentsOf: $0) }
        entries.withUnsafeBytes { message.append(contentsOf: $0) }
        let sent = message.withUnsafeBytes { bytes in
            descriptors.withUnsafeBufferPointer {
                apron_send(descriptor, bytes.baseAddress, bytes.count, $0.baseAddress, UInt32($0.count), 0)
            }
        }
        return sent == message.count
    }
}
