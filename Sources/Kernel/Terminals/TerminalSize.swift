internal import CKernel

/// Tells a terminal's programs its size in characters, by its master side (ioctl_tty(2) TIOCSWINSZ).
public func setWindowSize(columns: UInt16, rows: UInt16, of master: borrowing Descriptor) throws(KernelError) {
    let number = master.number
    try invoke("ioctl TIOCSWINSZ") { apron_terminal_resize(number, columns, rows) }
}
