import Kernel
import Synchronization
import Testing

@testable import Telemetry

@Suite("traced")
struct TracedTests {
    struct OwnError: KernelCaused {
        var kernelCause: KernelError?
    }

    @Test("spans nest, and the body's span is the current one")
    func nesting() throws {
        let spans = Recording.spans { root in
            traced(.containerCreate) { create in
                #expect(TraceContext.current == create.context)
                traced(.cgroupCreate) { span in
                    span.set("apron.cgroup.version", 2)
                    span.set("apron.cgroup.version", 1)
                    span.set("missing", nil as String?)
                    span.set("text", "x")
                    span.set("flag", false)
                    span.set("share", 0.5)
                    span.set("large", UInt64.max)
                }
            }
            #expect(TraceContext.current == root.context)
        }
        let create = try #require(spans["container.create"])
        let cgroup = try #require(spans["cgroup.create"])
        #expect(create.parentID == spans["root"]?.context.spanID)
        #expect(cgroup.parentID == create.context.spanID)
        #expect(cgroup.context.traceID == create.context.traceID)
        #expect(
            cgroup.attributes == [
                Attribute("apron.cgroup.version", .int(1)), Attribute("text", .string("x")),
                Attribute("flag", .bool(false)), Attribute("share", .double(0.5)), Attribute("large", .int(.max)),
            ])
        #expect(spans.values.allSatisfy { !$0.isUnfinished && $0.status == .unset })
    }

    @Test("an asynchronous body keeps its span over await and in child tasks, and gives its result")
    func asynchronous() async throws {
        let spans = await Recording.spans { _ in
            let sum = await traced(.networkCreate) { span in
                await Task.yield()
                #expect(TraceContext.current == span.context)
                async let one = traced(.veth) { _ in 1 }
                return await one + 1
            }
            #expect(sum == 2)
        }
        #expect(spans["veth"]?.parentID == spans["network.create"]?.context.spanID)
    }

    @Test("errors keep their type, and the span says what failed")
    func errors() throws {
        let failure = KernelError(call: "mount", errno: .permission, subject: "/x")
        let spans = Recording.spans { _ in
            do throws(KernelError) {
                try traced(.rootfsPrepare) { _ throws(KernelError) in throw failure }
            } catch {
                #expect(error == failure)
            }
            #expect(throws: OwnError.self) { try traced(.unmount) { _ in throw OwnError(kernelCause: failure) } }
            #expect(throws: OwnError.self) { try traced(.kill) { _ in throw OwnError(kernelCause: nil) } }
        }
        for name in ["rootfs.prepare", "unmount"] {
            let span = try #require(spans[name])
            #expect(span["error.type"] == .string("EPERM"))
            #expect(span["apron.syscall"] == .string("mount"))
            #expect(span["apron.path"] == .string("/x"))
        }
        #expect(spans["rootfs.prepare"]?.status == .error("EPERM", failure.description))
        #expect(spans["kill"]?["error.type"] == .string("OwnError"))
        #expect(spans["kill"]?["apron.syscall"] == nil)
        #expect(spans["root"]?.status == .unset)
    }

    @Test("a result that cannot be copied comes through")
    func noncopyable() throws {
        struct Owned: ~Copyable { let number: Int }
        let spans = Recording.spans { _ in
            let owned = traced(.netns) { _ in Owned(number: 7) }
            #expect(owned.number == 7)
        }
        #expect(spans["netns"] != nil)
    }

    @Test("phases are contiguous, the first begins with the parent, errors and awaits included")
    func contiguous() async throws {
        let names = ["rootfs.prepare", "cgroup.create", "network.create", "state.commit"]
        let spans = await Recording.spans { _ in
            await traced(.containerCreate) { create in
                var phases = create.phases()
                phases.run(.rootfsPrepare) { _ in }
                #expect(throws: KernelError.self) {
                    try phases.run(.cgroupCreate) { _ in throw KernelError(call: "mkdir", errno: .noSpace) }
                }
                await phases.run(.networkCreate) { _ in await Task.yield() }
                phases.run(.stateCommit) { span in #expect(TraceContext.current == span.context) }
            }
        }
        let create = try #require(spans["container.create"])
        var instant = create.start
        for name in names {
            let span = try #require(spans[name])
            #expect(span.parentID == create.context.spanID)
            #expect(span.start == instant)
            instant = try #require(span.end)
        }
        #expect(try #require(create.end) >= instant)
    }

    @Test("a planned fault is thrown on entry, once, as the body's own error type")
    func faults() throws {
        let plan = FaultPlan([.veth: .kernel(.noSpace), .routes: .kernel(skip: 1)])
        let spans = plan.run {
            Recording.spans { _ in
                do throws(KernelError) {
                    try traced(.veth) { _ throws(KernelError) in Issue.record("the body ran") }
                } catch {
                    #expect(error.errno == .noSpace)
                }
                #expect(throws: Never.self) { try traced(.veth) { _ throws(any Error) in } }
                #expect(throws: Never.self) { try traced(.routes) { _ throws(any Error) in } }
                #expect(throws: KernelError.self) { try traced(.routes) { _ throws(any Error) in } }
            }
        }
        #expect(plan.fired == [.veth, .routes])
        #expect(spans["routes"]?.status.isError == true)
        #expect(FaultPlan.current == nil)
    }

    @Test("a planned fault strikes asynchronous phases of a sequence too")
    func asynchronousFaults() async throws {
        let plan = FaultPlan([.nat: .kernel()])
        await plan.run {
            _ = await Recording.spans { _ in
                await traced(.networkCreate) { span in
                    var phases = span.phases()
                    await #expect(throws: KernelError.self) {
                        try await phases.run(.nat) { _ async throws(any Error) in await Task.yield() }
                    }
                }
            }
        }
        #expect(plan.fired == [.nat])
    }

    @Test("while spans are off nothing is evaluated, and planned faults strike all the same")
    func off() {
        func unwanted() -> Int {
            Issue.record("evaluated although nobody records")
            return 0
        }
        let span = PhaseSpan(nil)
        span.set("number", unwanted())
        span.event("event", [Attribute("number", .int(Int64(unwanted())))])
        span.status(.error("\(unwanted())", ""))
        span.setHandle("\(unwanted())")
        #expect(!span.isRecording)

        let plan = FaultPlan([.veth: .kernel()])
        var clock: UInt64 = 0
        let context = TraceContext.current
        plan.run {
            watch(.veth, FacadeFlag.faults, parent: nil, clock: &clock) { span, fault in
                #expect(!span.isRecording)
                #expect(fault is KernelError)
                #expect(TraceContext.current == context)
                return fault
            }
        }
        #expect(clock == 0)
    }
}
