internal import CKernel
internal import Glibc

extension SharedDescriptor {
    /// The most input thrown away by ``endSending()``: closing a socket with unread input resets the connection, but a
    /// peer that never stops sending must not hold us.
    private static let discardedInputMax = 256 * 1024

    /// Says to the peer that nothing more comes, and throws away what it has sent, so that closing the socket does not
    /// reset the connection under bytes that are still on their way (shutdown(2), tcp(7)).
    public func endSending() {
        // ENOTCONN: the peer is gone already.
        _ = shutdown(number, Int32(SHUT_WR))
        var scratch = [UInt8](repeating: 0, count: 16 * 1024)
        var left = Self.discardedInputMax
        while left > 0 {
            // Safe: the kernel writes at most the array's length into it.
            let count = unsafe recv(number, &scratch, scratch.count, Int32(MSG_DONTWAIT))
            guard count > 0 else { return }
            left -= count
        }
    }

    /// Makes small writes leave at once (TCP_NODELAY, tcp(7)); without effect on sockets that are not TCP.
    public func sendWithoutDelay() {
        _ = apron_set_socket_option(number, Int32(IPPROTO_TCP), TCP_NODELAY, 1)
    }
}
