import Foundation
import Kernel
import Storage
import TestSupport
import Testing

/// Archives made to do harm, and damaged ones: nothing leaves the target, and the error names the entry.
@Suite struct ArchiveHostileTests {
    private func refused(
        _ archive: TarBytes, _ view: ArchiveSite.View = .privileged, naming entry: String,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> ArchiveSite {
        let site = try ArchiveSite(view)
        try site.shell("mkdir outside; printf untouched > outside/file")
        let failure = try site.failure(archive.ended)
        #expect(failure.kind == .badArchive, "\(failure)", sourceLocation: sourceLocation)
        #expect(failure.message.contains(entry), "\(failure)", sourceLocation: sourceLocation)
        #expect(try site.shell("cat outside/file; ls outside") == "untouchedfile\n", sourceLocation: sourceLocation)
        return site
    }

    @Test func aLinkOfTheArchiveIsNotFollowed() throws {
        for target in ["../outside", "/", "d"] {
            let archive = TarBytes().entry("d/", "5", mode: 0o755).entry("way", "2", link: target)
                .entry("way/file", contents: [65])
            let site = try refused(archive, naming: "way/file")
            #expect(try site.shell("ls target/d | wc -l") == "0\n")
        }
    }

    @Test func aLinkThatWasThereIsNotFollowed() throws {
        let site = try ArchiveSite()
        try site.shell(
            "mkdir outside target/d; ln -s ../outside target/way; ln -s d target/inside; ln -s ../outside/x target/x")
        for name in ["way/file", "inside/file"] {
            let failure = try site.failure(TarBytes().entry(name, contents: [65]).ended)
            #expect(failure.kind == .badArchive && failure.message.contains("symbolic link"), "\(failure)")
        }
        // A file takes a link's place.
        try site.unpack(TarBytes().entry("x", contents: [65]).ended)
        #expect(try site.shell("ls outside | wc -l; test ! -L target/x; cat target/x") == "0\nA")
    }

    @Test func namesWithDotsAreRefusedAndSlashesRemoved() throws {
        _ = try refused(TarBytes().entry("../outside/file", contents: [65]), naming: "../outside/file")
        _ = try refused(TarBytes().entry("a/../../outside/file", contents: [65]), naming: "outside/file")
        let site = try ArchiveSite()
        let outcome = try site.unpack(TarBytes().entry("/absolute", contents: [65]).ended)
        #expect(outcome.warnings == ["absolute: the leading slash was removed"])
        #expect(try site.shell("cat target/absolute") == "A")
    }

    /// As GNU tar has it: the kernel would see no more of the name.
    @Test func aNameEndsAtItsNul() throws {
        let site = try ArchiveSite()
        try site.shell("mkdir outside")
        let names = ["safe\u{0}/../../outside/file", "d/kept\u{0}../../x"]
        let archive = names.reduce(TarBytes()) { $0.entry("unused", contents: [65], records: [("path", $1)]) }
        try site.unpack(archive.ended)
        let found = try site.shell("find target outside -type f | sort; cat target/safe target/d/kept")
        #expect(found == "target/d/kept\ntarget/safe\nAA")
    }

    @Test func hardLinksLeadToFilesOfTheTargetOnly() throws {
        for link in ["../outside/file", "missing", "missing/file", "d", "way/file"] {
            let archive = TarBytes().entry("d/", "5").entry("way", "2", link: "../outside").entry("h", "1", link: link)
            _ = try refused(archive, naming: "entry h")
        }
        // An absolute one means the target's root, and a link to itself must not remove the file.
        let site = try ArchiveSite()
        let archive = TarBytes().entry("f", contents: [65]).entry("h", "1", link: "/f").entry("f", "1", link: "./f")
        #expect(try site.unpack(archive.ended).warningCount == 2)
        #expect(try site.shell("cat target/f; stat -c %h target/h") == "A2\n")
    }

    @Test func devicesAreForPrivilegedVolumes() throws {
        _ = try refused(TarBytes().entry("d/null", "3", device: (1, 3)), .unprivileged, naming: "d/null")
        _ = try refused(TarBytes().entry("d/disk", "4", device: (8, 0)), .unprivileged, naming: "d/disk")
        let site = try ArchiveSite()
        try site.unpack(TarBytes().entry("null", "3", mode: 0o666, device: (1, 3)).ended)
        #expect(try site.shell("stat -c '%F %t:%T' target/null") == "character special file 1:3\n")
    }

    @Test(arguments: ArchiveSite.View.allCases)
    func nothingOfAnOverlayReachesALayer(view: ArchiveSite.View) throws {
        _ = try refused(TarBytes().entry("d/gone", "3", device: (0, 0)), view, naming: "d/gone")
        let site = try ArchiveSite(view)
        let names = [
            "trusted.overlay.opaque", "user.overlay.opaque", "user.overlay.whiteout", "trusted.other", "user.kept",
        ]
        let records = names.map { ("SCHILY.xattr.\($0)", "y") }
        let outcome = try site.unpack(TarBytes().entry("d/", "5", mode: 0o755, records: records).ended)
        #expect(outcome.warningCount == 4, "\(outcome.warnings)")
        #expect(try site.shell("xlist target/d") == "user.kept\n")
    }

    @Test func aTerabyteOfNothingCostsNothing() throws {
        let site = try ArchiveSite()
        try site.shell("mkdir source; truncate -s 1T source/huge; tar --sparse -C source -cf a.tar .")
        try site.unpack(try site.bytes(of: "a.tar"))
        #expect(try site.shell("stat -c '%s %b' target/huge") == "1099511627776 0\n")
        let (stream, _) = try site.pack()
        #expect(stream.count <= 20 << 10)
    }

    @Test func aTruncatedArchiveIsNoArchive() throws {
        let site = try ArchiveSite()
        let archive = try site.archive(
            "head -c 20000 /dev/urandom > one; head -c 9000 /dev/urandom > two; mkdir d", "--format=pax")
        for end in stride(from: 0, to: archive.count, by: 4096) where !isMarked(archive[..<end]) {
            let failure = try site.failure(Array(archive[..<end]))
            #expect(failure.kind == .badArchive, "\(end): \(failure)")
        }
        let tiny = TarBytes().entry("a", contents: [1, 2, 3]).ended
        // The last block of zeros is not needed.
        for end in stride(from: 0, to: tiny.count - 512, by: 1) {
            let failure = try site.failure(Array(tiny[..<end]))
            #expect(failure.kind == .badArchive, "\(end): \(failure)")
        }
        let inside = try site.failure(
            Array(TarBytes().entry("x/name", contents: Array(repeating: 1, count: 2000)).bytes[..<1500]))
        #expect(inside.message.contains("x/name"), "\(inside)")
    }

    /// Whether a part of an archive has the end marker already.
    private func isMarked(_ bytes: ArraySlice<UInt8>) -> Bool {
        guard let last = bytes.lastIndex(where: { $0 != 0 }) else { return false }
        return bytes.count >= (last / 512 + 2) * 512
    }

    @Test func damageIsFound() throws {
        let site = try ArchiveSite()
        let good = TarBytes().entry("a", contents: [65]).entry("b", contents: [66])
        var wrongSum = good.ended
        wrongSum[1024 + 5] ^= 1
        #expect(try site.failure(wrongSum).kind == .badArchive)
        let garbage = try site.failure(good.ended + [0, 0, 7])
        #expect(garbage.kind == .badArchive && garbage.message.contains("end of the archive"), "\(garbage)")
        // Any number of zeros may follow, in whole blocks or not.
        try site.unpack(good.ended + [UInt8](repeating: 0, count: 70_001))
        for encoding in ["gzip", "zstd", "s2"] {
            #expect(try site.failure(good.ended, encoding: encoding).kind == .badArchive)
        }
        try Data(good.ended).write(to: URL(filePath: "\(site.scratch.path)/a.tar"))
        try site.shell("gzip < a.tar > a.gz; zstd -q < a.tar > a.zst")
        let compressed = try site.bytes(of: "a.gz")
        #expect(try site.failure(compressed).kind == .badArchive)
        #expect(try site.failure(compressed, encoding: "zstd").kind == .badArchive)
        #expect(try site.failure(compressed.dropLast(3), encoding: "gzip").kind == .badArchive)
        #expect(try site.failure(try site.bytes(of: "a.zst").dropLast(1), encoding: "zstd").kind == .badArchive)
        #expect(try site.failure(Array("not an archive at all".utf8)).kind == .badArchive)
    }

    @Test func aKilledStreamLeavesNoProcess() throws {
        let site = try ArchiveSite()
        try site.shell("truncate -s 300M zero; tar -cf - zero | gzip -1 > bomb.gz; rm zero")
        let bomb = try site.bytes(of: "bomb.gz")
        let process = try site.startUnpacking(encoding: "gzip")
        let pipe = try site.pipe(of: process)
        try StandardStream(number: pipe.number).write(Array(bomb[..<(bomb.count / 2)]))
        process.kill()
        let failure = #expect(throws: ArchiveFailure.self) { try process.wait() }
        #expect(failure?.message.contains("killed") == true)
        #expect(
            try site.shell(
                "pgrep -f '^apron-archive' | xargs -r -I{} readlink /proc/{}/root | grep -c \(site.scratch.path) || true"
            ) == "0\n")
    }

    @Test func aFullFileSystemIsNamed() throws {
        let site = try ArchiveSite()
        try site.shell("mount -t tmpfs -o size=1m tmpfs target")
        defer { _ = try? site.shell("umount target") }
        let failure = try site.failure(try site.archive("mkdir d; head -c 3000000 /dev/urandom > d/big"))
        #expect(failure.kind == .noSpace)
        #expect(failure.kernelCause?.errno == .noSpace)
        #expect(failure.message.contains("d/big") && failure.message.contains("ENOSPC"), "\(failure)")
    }

    /// The archive's header has promised so many bytes.
    @Test func aFileThatShrinksIsFilledUp() throws {
        let site = try ArchiveSite()
        try site.shell("head -c 30000000 /dev/urandom > target/big; cp target/big before")
        let (stream, outcome) = try site.pack(meanwhile: { try site.shell("truncate -s 12000000 target/big") })
        #expect(outcome.warnings == ["./big: shrank while it was read, filled with zeros"])
        try Data(stream).write(to: URL(filePath: "\(site.scratch.path)/a.tar"))
        try site.shell("mkdir after; tar -C after -xf a.tar; [ $(stat -c %s after/big) = 30000000 ]")
        try site.shell("cmp -n 12000000 before after/big; cmp -n 18000000 -i 12000000:0 after/big /dev/zero")
    }

    @Test func filesThatVanishAreLeftOut() throws {
        let site = try ArchiveSite()
        try site.shell("for i in $(seq 40); do head -c 1000000 /dev/urandom > target/$i; done; cp -r target before")
        let (stream, outcome) = try site.pack(meanwhile: { try site.shell("rm target/*") })
        #expect(outcome.entries + outcome.warningCount == 41)
        #expect(outcome.warningCount > 20 && outcome.entries > 1)
        #expect(outcome.warnings.allSatisfy { $0.hasSuffix(": removed before it was read") }, "\(outcome.warnings)")
        try Data(stream).write(to: URL(filePath: "\(site.scratch.path)/a.tar"))
        try site.shell("mkdir after; tar -C after -xf a.tar; cd after; for f in *; do cmp $f ../before/$f; done")
    }

    @Test func accessListsOfUnknownIdsAreLeftOut() throws {
        let site = try ArchiveSite(.unprivileged)
        let number = { (value: UInt32, bytes: Int) in (0..<bytes).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) } }
        let entry = { (tag: UInt32, id: UInt32) in number(tag, 2) + number(4, 2) + number(id, 4) }
        // The user namespace has no such id inside; and a list that is none.
        let list =
            number(2, 4) + entry(1, .max) + entry(2, UserNamespace.rootID)
            + [4, 16, 32].flatMap { entry($0, .max) }
        for attribute in [list, [2, 0, 0]] {
            let outcome = try site.unpack(TarBytes().entry("f", contents: [65], attribute: attribute).ended)
            #expect(outcome.warningCount == 1)
            #expect(outcome.warnings.first?.hasPrefix("f: the attribute system.posix_acl_access was left out") == true)
            #expect(try site.shell("cat target/f; xlist target/f") == "A\n")
        }
    }

    @Test func aReaderThatLeavesIsNoFailure() throws {
        let site = try ArchiveSite()
        try site.shell("head -c 20000000 /dev/urandom > target/big")
        let process = try site.startPacking()
        try process.waitUntilReady()
        try site.readOnce(process)
        #expect(try process.wait().entries >= 1)
    }
}
