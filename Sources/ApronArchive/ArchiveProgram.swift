import ArchiveProtocol
import Kernel

/// Packs or unpacks one archive, confined to one directory, and ends.
///
/// Started by the daemon for each stream, with these descriptors:
///
///     0  the archive to unpack, encoded       3  the directory that becomes the root
///     1  where a packed archive goes          4  where reports go (``ArchiveReport``)
///     2  for a crash's last words             5  the user namespace to enter, if any
///
/// It ends when the other end of 4 is gone, so a stream never outlives the daemon that wanted it.
@main
enum ArchiveProgram {
    static func main() {
        let reporter = Reporter(Descriptor(owning: 4))
        do {
            let request = try ArchiveRequest(CommandLine.arguments)
            try Enclosure.enter(request)
            try reporter.endWithReader()
            switch request.action {
            case .unpack:
                var unpacking = try Unpacking(request, reporter)
                try unpacking.run()
            case .pack:
                var packing = try Packing(request, reporter)
                try packing.run()
            }
            reporter.finish(nil)
        } catch {
            reporter.finish(ArchiveFault(error))
        }
    }
}
