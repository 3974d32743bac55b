import Foundation
import Kernel
import Storage
import TestSupport
import Testing

/// Trees come out of a stream as they went in, also from and to GNU tar.
@Suite struct ArchiveRoundTripTests {
    /// Every kind of entry. Ids, times and modes are told apart; the tree's own ids are those of a view.
    static func fill(_ view: ArchiveSite.View) -> String {
        let root = view.rootID
        let devices = view == .privileged ? "mknod -m 640 null c 1 3; mknod disk b 7 200;" : ""
        return """
            mkdir -m 2750 -p d/deep; printf hello > d/file; ln d/file d/hard; ln -s ../d/file d/link; ln -s nowhere dangling
            ln d/link linktwin 2>/dev/null; mkfifo -m 600 pipe; \(devices) : > empty; chmod 4755 empty
            head -c 3000000 /dev/urandom > big; truncate -s 5G sparse; printf x | dd of=sparse bs=1 seek=4000000000 conv=notrunc status=none
            n=$(printf 'n%.0s' $(seq 200)); mkdir -p long/$n/$n; printf deep > long/$n/$n/$n
            printf odd > "$(printf 'odd\\xff\\x01 name')"; printf nfd > "$(printf 'e\\xcc\\x81')"; printf nfc > "$(printf '\\xc3\\xa9')"
            chown -hR \(root):\(root) .; chown 1000:1001 d/file; chown -h 7:8 d/link; chmod 4711 d/file
            xset user.note remark d/file; xset user.bin "$(printf '\\x01\\x7f=\\n.')" d; setcap cap_net_raw+ep big
            touch -hd '2001-02-03 04:05:06.123456789Z' d/file d/link pipe; touch -d '1969-12-31 23:59:58Z' big
            touch -d '2002-03-04 05:06:07Z' d/deep d long
            """
    }

    static let listing = """
        find . -mindepth 1 -printf '%p|%y|%m|%U|%G|%T@|%l|%n\\n' | sort; \
        find . -type f ! -name sparse -print0 | sort -z | xargs -0 sha256sum; \
        du -k sparse | awk '{print ($1 < 1024)}'; stat -c %s sparse; cmp -n 1 -i 4000000000:0 sparse <(printf x); \
        xget d d/file; xlist big; stat -c '%t %T' null disk 2>/dev/null || true
        """

    @Test(arguments: ArchiveSite.View.allCases, ["raw", "gzip", "zstd", "s2"])
    func everyKindOfEntryComesBack(view: ArchiveSite.View, encoding: String) throws {
        let site = try ArchiveSite(view)
        try site.shell("mkdir source; cd source; \(Self.fill(view))")
        let (stream, packed) = try site.pack("\(site.scratch.path)/source", encoding: encoding)
        #expect(packed.encodedBytes == UInt64(stream.count))
        #expect(packed.warnings.isEmpty, "\(packed.warnings)")
        // The five gigabytes of the hole are nowhere.
        #expect(packed.archiveBytes < 5 << 20)
        let outcome = try site.unpack(stream, encoding: encoding)
        #expect(outcome.entries == packed.entries)
        #expect(outcome.warnings.isEmpty, "\(outcome.warnings)")
        let before = try site.shell("cd source; \(Self.listing)")
        let after = try site.shell("cd target; \(Self.listing)")
        #expect(before == after)
        // In a user namespace a capability is one of that namespace, which shows outside.
        if view == .privileged { #expect(try site.shell("getcap target/big").hasSuffix(" cap_net_raw=ep\n")) }
        #expect(try site.shell("[ target/d/file -ef target/d/hard ] && echo same") == "same\n")
    }

    @Test(arguments: ["--format=gnu --sparse", "--format=pax --sparse --xattrs", "--format=posix"])
    func archivesOfGNUTarAreRead(options: String) throws {
        let site = try ArchiveSite()
        try site.shell("mkdir source; cd source; \(Self.fill(.privileged))")
        // Without --sparse the hole is data, so it has to be smaller; old formats know no fractions and attributes.
        try site.shell("truncate -s 1M source/sparse")
        try site.shell(
            "for f in d d/file; do python3 -c 'import os, sys; [os.removexattr(sys.argv[1], n) for n in os.listxattr(sys.argv[1])]' source/$f; done; setcap -r source/big; find source -exec touch -hd '2005-01-02 03:04:05Z' {} +"
        )
        try site.shell("tar \(options) --numeric-owner -C source -cf a.tar .")
        try site.unpack(try site.bytes(of: "a.tar"))
        let listing = Self.listing.replacingOccurrences(of: "cmp -n 1 -i 4000000000:0 sparse <(printf x);", with: "")
        let view = listing.replacingOccurrences(of: "du -k sparse | awk '{print ($1 < 1024)}';", with: "")
        #expect(try site.shell("cd source; \(view)") == (try site.shell("cd target; \(view)")))
    }

    @Test func archivesAreReadByGNUTar() throws {
        let site = try ArchiveSite()
        try site.shell("mkdir source; cd source; \(Self.fill(.privileged))")
        let (stream, _) = try site.pack("\(site.scratch.path)/source")
        try Data(stream).write(to: URL(filePath: "\(site.scratch.path)/a.tar"))
        try site.shell("tar --xattrs '--xattrs-include=*' --numeric-owner -C target -xpf a.tar")
        #expect(try site.shell("cd source; \(Self.listing)") == (try site.shell("cd target; \(Self.listing)")))
        #expect(try site.shell("tar -df a.tar -C source && echo equal") == "equal\n")
    }

    @Test func ownersAreThoseOfTheContainer() throws {
        let site = try ArchiveSite(.unprivileged)
        try site.unpack(try site.archive("touch root user; chown 0:0 root; chown 33:44 user"))
        #expect(try site.shell("stat -c %u:%g target/root target/user") == "4294967294:4294967294\n33:44\n")
        let (stream, _) = try site.pack()
        try Data(stream).write(to: URL(filePath: "\(site.scratch.path)/a.tar"))
        let listing = try site.shell("tar --numeric-owner -tvf a.tar | awk '{print $2, $6}' | sort")
        #expect(listing == "0/0 ./\n0/0 ./root\n33/44 ./user\n")
    }

    @Test func accessListsAreThoseOfTheContainer() throws {
        let site = try ArchiveSite(.unprivileged)
        let root = site.view.rootID
        try site.shell(
            """
            mkdir -p source/d; touch source/f; printf x > source/d/inner; chmod 640 source/d/inner
            chown -R \(root):\(root) source; acl access \(root) source/f; acl default \(root) source/d
            """)
        let (stream, packed) = try site.pack("\(site.scratch.path)/source")
        #expect(packed.warnings.isEmpty)
        #expect(try site.unpack(stream).warnings.isEmpty)
        let listing = "xget f d d/inner; stat -c %a f d d/inner"
        #expect(try site.shell("cd source; \(listing)") == (try site.shell("cd target; \(listing)")))
        // Nothing was inherited, though the directory was there first.
        #expect(try site.shell("xlist target/d/inner; stat -c %a target/d/inner") == "\n640\n")
        // The same archive on the host speaks of the host's root.
        let host = try ArchiveSite(.privileged)
        try host.unpack(stream)
        try host.shell("mkdir expected; cd expected; mkdir d; touch f; acl access 0 f; acl default 0 d")
        #expect(try host.shell("cd target; xget f d") == (try host.shell("cd expected; xget f d")))
    }

    @Test(arguments: ["cat", "gzip", "zstd", "xz", "bzip2"])
    func anEncodingIsToldByTheFirstBytes(program: String) throws {
        let site = try ArchiveSite()
        _ = try site.archive("printf hello > file")
        try site.shell("\(program) < archive.tar > archive")
        try site.unpack(try site.bytes(of: "archive"), encoding: "auto")
        #expect(try site.shell("cat target/file") == "hello")
    }

    @Test func aSingleFileHasItsOwnNameOnly() throws {
        let site = try ArchiveSite()
        try site.shell(
            "mkdir -p target/a/b; printf hello > target/a/b/file; ln -s /a/b target/way; ln -s / target/a/top")
        for path in ["a/b/file", "/way/file", "../../a/b/file", "a/top/way/file"] {
            let (stream, outcome) = try site.pack(path: path)
            #expect(outcome.entries == 1)
            try Data(stream).write(to: URL(filePath: "\(site.scratch.path)/a.tar"))
            #expect(try site.shell("tar -tf a.tar; tar -xOf a.tar") == "file\nhello")
        }
    }

    @Test func aMissingPathIsToldBeforeTheStream() throws {
        let site = try ArchiveSite()
        try site.shell("ln -s /etc target/etc; touch target/file")
        for path in ["nothing", "etc/passwd", "file/below"] {
            #expect(try site.packFailure(path: path).kind == .noSuchFile)
        }
    }

    @Test(arguments: ArchiveSite.View.allCases)
    func aTargetIsMadeWithItsParents(view: ArchiveSite.View) throws {
        let site = try ArchiveSite(view)
        let archive = TarBytes().entry("file", contents: [65]).ended
        try site.unpack(archive, path: "/../new/./deep")
        #expect(
            try site.shell("cd target; stat -c '%a %u %n' new new/deep; cat new/deep/file")
                == "755 \(view.rootID) new\n755 \(view.rootID) new/deep\nA")
        #expect(try site.failure(archive, path: "new/deep/file").kind == .failed)
    }

    @Test func existingFilesAreReplacedAndDirectoriesKept() throws {
        let site = try ArchiveSite()
        try site.shell("mkdir target/d; printf old > target/d/file; ln target/d/file twin; printf kept > target/d/kept")
        try site.unpack(try site.archive("mkdir d; printf new > d/file"))
        #expect(try site.shell("cat target/d/file target/d/kept twin") == "newkeptold")
        let overDirectory = try site.failure(TarBytes().entry("d", contents: [65]).ended)
        #expect(overDirectory.kind == .failed && overDirectory.message.contains("a directory is in the way"))
        let overFile = try site.failure(TarBytes().entry("d/file", "5").ended)
        #expect(overFile.kind == .failed && overFile.message.contains("in the way of a directory"))
    }
}
