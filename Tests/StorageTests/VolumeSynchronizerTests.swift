import Kernel
import Synchronization
import Testing

@testable import Storage

/// A schedule whose changes can stand in expectations.
private final class Schedule {
    private var value = SyncSchedule(delay: 100)

    var due: UInt64 { value.due }
    var isRunning: Bool { value.isRunning }
    func touch(at now: UInt64) -> Bool { value.touch(at: now) }
    func begin(at now: UInt64) -> Bool { value.begin(at: now) }
    func end(isWanted: Bool) -> Bool { value.end(isWanted: isWanted) }
    func stop() { value.stop() }
}

/// When written volumes are brought to the disk.
@Suite struct VolumeSynchronizerTests {
    @Test func everyWritePutsItOffButNotForEver() {
        let schedule = Schedule()
        #expect(schedule.touch(at: 1000))
        #expect(schedule.due == 1100)
        #expect(!schedule.begin(at: 1099))
        // A thread waits already.
        #expect(!schedule.touch(at: 1090))
        #expect(schedule.due == 1190)
        for now: UInt64 in stride(from: 1150, to: 1300, by: 50) { _ = schedule.touch(at: now) }
        // Three delays after the first.
        #expect(schedule.due == 1300)
        #expect(!schedule.begin(at: 1299))
        #expect(schedule.begin(at: 1300))
    }

    @Test func whatIsWrittenMeanwhileIsAnotherOnesWork() {
        let schedule = Schedule()
        _ = schedule.touch(at: 0)
        #expect(schedule.begin(at: 100))
        #expect(!schedule.touch(at: 150))
        // The bound counts from the first write that was not served.
        #expect(schedule.due == 250)
        for now: UInt64 in [240, 330, 420] { _ = schedule.touch(at: now) }
        #expect(schedule.due == 450)
        #expect(schedule.end(isWanted: true))
        #expect(schedule.begin(at: 450))
        #expect(!schedule.end(isWanted: true))
        #expect(!schedule.isRunning)
        #expect(schedule.touch(at: 500))
    }

    @Test func nobodyWaitsForAStoreThatIsGone() {
        let schedule = Schedule()
        _ = schedule.touch(at: 0)
        #expect(schedule.begin(at: 100))
        _ = schedule.touch(at: 150)
        #expect(!schedule.end(isWanted: false))
        #expect(schedule.touch(at: 200))
        // The thread could not be started.
        schedule.stop()
        #expect(schedule.touch(at: 210))
    }

    /// However many write while one synchronisation runs, one more serves them all.
    @Test func oneSynchronisationServesMany() {
        let synchronizer = VolumeSynchronizer(delay: 1)
        let (began, mayEnd) = (Semaphore(), Semaphore())
        let count = Mutex(0)
        let synchronize: @Sendable () -> Bool = {
            let isFirst = count.withLock { count in
                count += 1
                return count == 1
            }
            if isFirst {
                began.signal()
                mayEnd.wait()
            }
            return true
        }
        synchronizer.touch(synchronize)
        began.wait()
        for _ in 0..<50 { synchronizer.touch(synchronize) }
        #expect(!synchronizer.isIdle)
        mayEnd.signal()
        while !synchronizer.isIdle { CallingThread.pause(microseconds: 1000) }
        #expect(count.withLock { $0 } == 2)
        synchronizer.touch(synchronize)
        while !synchronizer.isIdle { CallingThread.pause(microseconds: 1000) }
        #expect(count.withLock { $0 } == 3)
    }

    @Test func withoutADelayNothingIsDone() {
        let synchronizer = VolumeSynchronizer(delay: nil)
        synchronizer.touch {
            Issue.record("was called")
            return true
        }
        #expect(synchronizer.isIdle)
    }
}
