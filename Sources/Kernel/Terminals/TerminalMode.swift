internal import CKernel
internal import Glibc
internal import Synchronization

/// A terminal in raw mode: every key goes to the program as it is. Set back by ``restore()`` or when the value goes.
public final class TerminalMode: Sendable {
    private let stream: StandardStream
    private let before: Mutex<termios?>

    /// Puts the terminal into raw mode (cfmakeraw(3)).
    /// - Throws: ENOTTY when the stream is no terminal.
    public init(raw stream: StandardStream) throws(KernelError) {
        self.stream = stream
        var mode = termios()
        // Safe: tcgetattr fills the structure.
        try invoke("tcgetattr", "descriptor \(stream.number)") { unsafe tcgetattr(stream.number, &mode) }
        before = Mutex(mode)
        // Safe: cfmakeraw changes the structure only.
        unsafe cfmakeraw(&mode)
        // Safe: tcsetattr reads the structure.
        try invoke("tcsetattr", "descriptor \(stream.number)") { unsafe tcsetattr(stream.number, TCSADRAIN, &mode) }
    }

    deinit { restore() }

    /// Sets the terminal back as it was; the second time it does nothing.
    public func restore() {
        before.withLock { saved in
            guard var mode = saved.take() else { return }
            // Safe: tcsetattr reads the structure. A terminal that has gone away needs no restoring.
            _ = unsafe tcsetattr(stream.number, TCSADRAIN, &mode)
        }
    }
}

extension StandardStream {
    /// The terminal's size in characters (ioctl(2) TIOCGWINSZ); nil when the stream is no terminal or has no size.
    public var terminalSize: (columns: UInt16, rows: UInt16)? {
        var size = winsize()
        // Safe: the request fills a winsize.
        guard unsafe apron_ioctl(number, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0 else {
            return nil
        }
        return (size.ws_col, size.ws_row)
    }
}
