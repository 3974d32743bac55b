import Kernel
import TestSupport
import Testing

@testable import Worker

/// What is remembered of probes, and what is not.
@Suite(.hostUnchanged) struct FeatureShelfTests {
    let scratch: Scratch
    let shelf: FeatureShelf
    let work: Directory
    let namespace: SharedDescriptor
    /// Nothing can be shifted by it: a probe with it finds something missing.
    let none: SharedDescriptor

    init() throws {
        scratch = try Scratch(in: "/dev/shm")
        shelf = FeatureShelf(directory: try scratch.directory.make("cache"))
        work = try scratch.directory.make("work")
        namespace = SharedDescriptor(try UserNamespace().release())
        none = SharedDescriptor(try KernelFile.open("/dev/null"))
    }

    private func features(_ namespace: SharedDescriptor, disabled: String = "") throws -> Features {
        try namespace.with { (descriptor) throws(KernelError) in
            try shelf.features(userNamespace: descriptor, workDirectory: work, disabled: disabled)
        }
    }

    @Test func onlyACompleteSetIsRemembered() throws {
        #expect(try !features(none).has(.idMap))
        #expect(try !features(namespace, disabled: "idmap").has(.idMap))
        #expect(try shelf.directory.isEmpty())

        let probed = try features(namespace)
        #expect(try shelf.directory.isEmpty() == !probed.isComplete)
        #expect(try features(none).isComplete == probed.isComplete)
        #expect(try work.isEmpty())
    }

    @Test func whatIsSwitchedOffStaysOff() throws {
        _ = try features(namespace)
        let without = try features(namespace, disabled: "idmap")
        #expect(without.states[.idMap] == .disabled)
        #expect(without.missingRequired.isEmpty)
        #expect(throws: KernelError.self) { try features(namespace, disabled: "idmaps") }
    }

    @Test func whatAnotherVersionTriedIsTriedAgain() throws {
        guard try features(namespace).isComplete else { return }
        let file = try #require(try shelf.directory.entries().first)
        try shelf.directory.write(file, Array("openat2".utf8))
        #expect(try !features(none).has(.idMap))
    }
}
