internal import Kernel
internal import Storage
internal import Telemetry

extension VolumeError {
    /// What the store, the archive program or the kernel said, in terms of volumes, with the whole sentence.
    init(_ error: any Error, volume handle: String) {
        let cause = (error as? any KernelCaused)?.kernelCause ?? error as? KernelError
        switch error {
        case let error as VolumeError: self = error
        case _ where cause?.errno == .cancelled:
            self.init(.unavailable, "the request was given up", handle: handle, cause: cause)
        case let error as VolumeStoreError:
            self.init(Kind(error.kind), error.message, handle: error.handle ?? handle, cause: error.cause)
        case let error as ArchiveFailure:
            self.init(Kind(error.kind), error.message, handle: handle, cause: error.kernelCause)
        case let error as KernelError:
            let kind: Kind = error.errno == .noSpace ? .noSpace : .failed
            self.init(kind, "\(error)", handle: handle, cause: error)
        case is CancellationError: self.init(.unavailable, "the request was given up", handle: handle)
        default: self.init(.failed, "\(error)", handle: handle)
        }
    }
}

extension VolumeError.Kind {
    fileprivate init(_ kind: VolumeStoreError.Kind) {
        self =
            switch kind {
            case .unknown: .unknownVolume
            case .unknownParent: .unknownParent
            case .exists: .handleInUse
            case .inUse: .inUse
            case .beingDestroyed: .unavailable
            case .noSpace: .noSpace
            case .invalid: .invalid
            case .noSuchFile: .noSuchFile
            case .damaged, .failed: .failed
            }
    }

    fileprivate init(_ kind: ArchiveFailure.Kind) {
        self =
            switch kind {
            case .badArchive: .badArchive
            case .noSuchFile: .noSuchFile
            case .noSpace: .noSpace
            case .failed: .failed
            }
    }
}
