import ArchiveProtocol
import Codecs
import Kernel

extension ArchiveFault {
    /// What an error of any layer means for the one who asked.
    init(_ error: any Error) {
        switch error {
        case let fault as ArchiveFault: self = fault
        case let error as KernelError: self.init(error, entry: "")
        case let error as CodecError: self.init(error.kind == .failed ? .failed : .badArchive, "\(error)")
        default: self.init(.failed, "\(error)")
        }
    }

    /// A failed call, and the entry it was about.
    init(_ error: KernelError, entry: String) {
        let kind: Kind
        switch error.errno {
        case .noSpace, ErrorNumber.quotaExceeded: kind = .noSpace
        case .nameTooLong, .tooManyLinks: kind = .badArchive
        default: kind = .failed
        }
        self.init(kind, "\(error)", entry: entry, call: error.call, errno: error.errno.rawValue)
    }

    /// The same fault with the entry's name, unless it has one.
    func at(_ entry: String) -> ArchiveFault {
        var fault = self
        if fault.entry.isEmpty { fault.entry = entry }
        return fault
    }
}
