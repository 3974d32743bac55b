import Foundation
import Kernel
import Synchronization
import TestSupport
import Testing

extension Conformance {
    /// Volumes of a worker that is killed at any moment.
    @Suite(.ownWorker) struct VolumeCrashes {
        /// How often the worker is killed under load.
        private static let kills = 200
        private static let threads = 6

        /// What the worker has promised: handle to contents of its file `f`, nil for none.
        private final class Ledger: Sendable {
            private let promised = Mutex<[String: String?]>([:])
            private let asked = Mutex<Set<String>>([])

            func noteAsked(_ handle: String) { _ = asked.withLock { $0.insert(handle) } }
            func note(_ handle: String, _ text: String?) { promised.withLock { $0[handle] = .some(text) } }
            /// From now on nothing is promised of it: it is being changed or removed.
            func forget(_ handle: String) { promised.withLock { $0[handle] = nil } }
            func any() -> (handle: String, text: String?)? {
                promised.withLock { $0.randomElement() }.map { ($0.key, $0.value) }
            }
            /// Takes a volume out for a change, so that no other thread counts on it.
            func take() -> String? {
                promised.withLock { promised in
                    guard let handle = promised.keys.randomElement() else { return nil }
                    promised[handle] = nil
                    return handle
                }
            }
            var all: [String: String?] { promised.withLock { $0 } }
            func wasAsked(_ handle: String) -> Bool { asked.withLock { $0.contains(handle) } }
        }

        private let archives: [(text: String, bytes: [UInt8])]

        init() throws {
            archives = try ["one\n", "two\n", "three\n"].map { text in
                (text, try Tarball(script: "printf '\(text)' >f; head -c 300000 /dev/urandom >big").bytes)
            }
        }

        /// One change of the load; failures are the worker's death or a volume that another thread removed.
        private func work(_ volumes: Baggageclaim, _ ledger: Ledger) throws {
            switch Int.random(in: 0..<10) {
            case 0...2:
                let handle = Baggageclaim.newHandle()
                ledger.noteAsked(handle)
                _ = try volumes.create(handle: handle, privileged: Bool.random())
                ledger.note(handle, nil)
            case 3...5:
                guard let handle = ledger.take() else { return }
                let archive = archives.randomElement() ?? archives[0]
                if try volumes.streamIn(handle, archive.bytes).status == 204 { ledger.note(handle, archive.text) }
            case 6...7:
                guard let parent = ledger.take() else { return }
                let handle = Baggageclaim.newHandle()
                ledger.noteAsked(handle)
                let text = try? volumes.read(parent, "f")
                _ = try volumes.create(["type": "cow", "volume": parent], handle: handle, privileged: Bool.random())
                ledger.note(handle, text)
                ledger.note(parent, text)
            case 8:
                guard let handle = ledger.take() else { return }
                let text = try? volumes.read(handle, "f")
                try volumes.setPrivileged(handle, Bool.random())
                ledger.note(handle, text)
            default:
                guard let handle = ledger.take() else { return }
                try volumes.destroy(handle)
            }
        }

        @Test func acknowledgedVolumesAreWhole() throws {
            try withWorker { worker in
                let ledger = Ledger()
                let isOver = Mutex(false)
                let (volumes, load) = (worker.volumes, self)
                let group = DispatchGroup()
                for _ in 0..<VolumeCrashes.threads {
                    group.enter()
                    Thread.detachNewThread {
                        while !isOver.withLock({ $0 }) {
                            do { try load.work(volumes, ledger) } catch { Thread.sleep(forTimeInterval: 0.01) }
                        }
                        group.leave()
                    }
                }
                defer {
                    isOver.withLock { $0 = true }
                    group.wait()
                }
                for _ in 0..<VolumeCrashes.kills {
                    Thread.sleep(forTimeInterval: Double.random(in: 0.005...0.15))
                    try worker.restart()
                }
                isOver.withLock { $0 = true }
                group.wait()
                try worker.restart()
                try check(worker, ledger)
            }
        }

        @Test func streamsEndWithTheWorker() throws {
            try withWorker { worker in
                let (volumes, handle) = (worker.volumes, Baggageclaim.newHandle())
                _ = try volumes.create(handle: handle, privileged: true)
                let archive = try Tarball(script: "head -c 30000000 /dev/urandom >f")
                #expect(try volumes.streamIn(handle, archive.bytes).status == 204)
                // Half an archive goes in, and of what is there already the beginning is read.
                let (incoming, outgoing) = (try Wire(to: volumes.address), try Wire(to: volumes.address))
                try incoming.send(
                    "PUT /volumes/\(handle)/stream-in?path=other HTTP/1.1\r\nHost: b\r\nContent-Encoding: raw\r\n"
                        + "Content-Length: \(archive.bytes.count)\r\n\r\n")
                try incoming.send(Array(archive.bytes.prefix(5_000_000)))
                try outgoing.send(
                    Garden.request("PUT", "/volumes/\(handle)/stream-out?path=.", headers: ["Accept-Encoding: raw"]))
                _ = try outgoing.text(through: "\r\n\r\n")
                // The streams end when their connections are released.
                let pids = try withExtendedLifetime((incoming, outgoing)) {
                    let pids = try archiveProcesses(of: worker, count: 2)
                    try worker.end(by: 9)
                    return pids
                }
                try worker.start()
                try worker.poll("the archive processes to be gone") {
                    pids.allSatisfy { pid in
                        let command = try? KernelFile.read("/proc/\(pid)/cmdline")
                        return command?.hasPrefix("apron-archive") != true
                    }
                }
                try volumes.destroy(handle)
            }
        }

        private func archiveProcesses(of worker: WorkerUnderTest, count: Int) throws -> [Substring] {
            let parent = try #require(worker.pid)
            var pids: [Substring] = []
            try worker.poll("\(count) archive processes to be there") {
                let found = try? runProgram("pgrep", "-P", "\(parent)", "-f", "^apron-archive")
                pids = found?.split(separator: "\n") ?? []
                return pids.count == count
            }
            return pids
        }

        private func check(_ worker: WorkerUnderTest, _ ledger: Ledger) throws {
            let volumes = worker.volumes
            let listed = try Set(volumes.handles())
            for (handle, text) in ledger.all {
                #expect(listed.contains(handle), "\(handle) is gone; the worker said: \(worker.complaints)")
                if let text { #expect((try? volumes.read(handle, "f")) == text, "\(handle) is not whole") }
            }
            for handle in listed {
                #expect(ledger.wasAsked(handle), "\(handle) came from nowhere")
                // Whatever became of it, it can be read, and removed.
                #expect(try volumes.streamOut(handle).isComplete)
                try volumes.destroy(handle)
            }
            #expect(try volumes.handles().isEmpty)
        }
    }
}
