internal import Kernel

/// A work directory for one `apron run`: the first of numbered directories that nobody uses.
///
/// One whose user was killed is taken again by the next run, which finds and removes what was left in it.
enum RunDirectory {
    /// More runs at a time than a machine would bear.
    private static let runsMax = 4096

    /// Takes a directory under `parent`.
    /// - Throws: EAGAIN when all are taken, else what making or locking one said.
    static func claim(under parent: String) throws(KernelError) -> DirectoryClaim {
        for number in 0..<runsMax {
            do throws(KernelError) {
                return try DirectoryClaim("\(parent)/\(number)")
            } catch  where error.errno == .tryAgain {}
        }
        throw KernelError(call: "flock", errno: .tryAgain, subject: parent)
    }
}
