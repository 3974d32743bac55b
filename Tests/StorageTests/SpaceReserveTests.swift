import Kernel
import TestSupport
import Testing

@testable import Storage

@Suite struct SpaceReserveTests {
    let scratch: Scratch

    init() throws { scratch = try Scratch() }

    @Test func theSmallerOfTwoIsKept() {
        let reserve = SpaceReserve(directory: scratch.directory)
        #expect(reserve.bytes(of: 10 << 30) == 512 << 20)
        #expect(reserve.bytes(of: 1 << 40) == 2 << 30)
        #expect(SpaceReserve(directory: scratch.directory, size: .percent(10)).bytes(of: 1000) == 100)
        #expect(SpaceReserve(directory: scratch.directory, size: .bytes(7)).bytes(of: 1000) == 7)
    }

    @Test func refusalsHaveNumbers() throws {
        let reserve = SpaceReserve(directory: scratch.directory, size: .bytes(.max))
        let error = try #require(kernelError { try reserve.check(for: "volume h1") })
        #expect(error.errno == .noSpace)
        #expect(error.description.hasPrefix("space volume h1: "))
        #expect(error.description.contains("are kept in reserve"))
        #expect(error.description.contains(scratch.path))
        try SpaceReserve(directory: scratch.directory, size: .bytes(0)).check(for: "volume h1")
    }

    @Test func bytesAreForPeople() {
        #expect(ByteCount(0).description == "0 B")
        #expect(ByteCount(1023).description == "1023 B")
        #expect(ByteCount(1536).description == "1.5 KiB")
        #expect(ByteCount(2 << 30).description == "2.0 GiB")
        #expect(ByteCount(.max).description == "15.9 EiB")
    }
}
