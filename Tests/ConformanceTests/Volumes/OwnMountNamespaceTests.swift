import Kernel
import TestSupport
import Testing

/// Service managers and containers give a worker a mount namespace of its own.
@Suite(.hostUnchanged) struct OwnMountNamespaceTests {
    /// Linux 6.18 numbers namespaces by the processor that makes them, and does not mount one whose number is lower
    /// than that of the caller's own: made on one processor, the worker has to start on any other.
    @Test func volumesAreServedInANamespaceFromAnotherProcessor() throws {
        let scratch = try Scratch()
        let said = try runProgram(
            "sh", "-c", OwnMountNamespaceTests.script, "sh", try Roots.binary(), scratch.path)
        #expect(said.contains("served"))
        #expect(!said.contains("ended"), "\(said)")
    }

    /// Tries the first two processors, if there are two, in each order, and says how each went.
    private static let script = """
        for made in 0 1; do for runs in 0 1; do
            taskset -c $made true && taskset -c $runs true || continue
            volumes=$2/$made-$runs
            mkdir $volumes
            taskset -c $made unshare --mount --net --pid --fork --kill-child --mount-proc sh -c '
                taskset -c $1 "$2" baggageclaim --volumes "$3" --bind-port 0 >"$3.log" 2>&1 & worker=$!
                until grep -q " $3/namespace " /proc/self/mountinfo; do
                    kill -0 $worker || { echo "ended: $(tail -n 1 "$3.log")"; exit; }
                    sleep 0.02
                done
                echo served' sh $runs "$1" $volumes
        done; done 2>/dev/null
        """
}
