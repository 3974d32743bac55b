import Storage
import TestSupport
import Testing

/// Archives that were changed at random, the same ones in every run: the process says what is wrong or unpacks, and
/// neither dies nor leaves the target.
@Suite struct ArchiveDamageTests {
    /// An archive with every kind of entry.
    private static let whole = TarBytes().entry("d/", "5", mode: 0o755).entry("d/file", contents: [65, 66, 67])
        .entry("d/hard", "1", link: "d/file").entry("d/link", "2", link: "file").entry("pipe", "6")
        .entry("null", "3", device: (1, 3)).entry(String(repeating: "n", count: 90), contents: [68])
        .entry("x", contents: [69], records: [("path", "d/long name"), ("mtime", "1.5"), ("SCHILY.xattr.user.k", "v")])
        .entry("sparse", contents: [70], records: [("GNU.sparse.size", "9"), ("GNU.sparse.map", "0,1")])
        .entry("listed", contents: [71], attribute: [2, 0, 0, 0]).ended

    @Test(arguments: ArchiveSite.View.allCases) func changedAtRandom(view: ArchiveSite.View) throws {
        let site = try ArchiveSite(view)
        try site.shell("mkdir outside; printf untouched > outside/file")
        var generator = Seeded(view == .privileged ? 1 : 2)
        for round in 0..<150 {
            // Most damage is found by the checksum of a header, which is not what is asked about here.
            let archive = Self.checked(generator.damage(Self.whole))
            do { try site.unpack(archive) } catch let failure as ArchiveFailure {
                // It has said so itself, and did not end in any other way.
                #expect(failure.outcome != nil && !failure.message.contains("archive process"), "\(round): \(failure)")
            }
        }
        #expect(try site.shell("cat outside/file; ls outside; ls") == "untouchedfile\noutside\ntarget\n")
    }

    /// The archive with the right checksum in all that looks like a header.
    private static func checked(_ archive: [UInt8]) -> [UInt8] {
        var archive = archive
        for start in stride(from: 0, through: archive.count - 512, by: 512) {
            guard Array(archive[(start + 257)..<(start + 262)]) == Array("ustar".utf8) else { continue }
            for place in (start + 148)..<(start + 156) { archive[place] = UInt8(ascii: " ") }
            let sum = String(archive[start..<(start + 512)].reduce(0) { $0 + Int($1) }, radix: 8)
            let digits = String(repeating: "0", count: max(0, 6 - sum.utf8.count)) + sum
            for (index, byte) in digits.utf8.prefix(6).enumerated() { archive[start + 148 + index] = byte }
            archive[start + 154] = 0
        }
        return archive
    }
}
