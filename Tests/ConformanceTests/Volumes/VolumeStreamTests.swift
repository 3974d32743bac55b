import Foundation
import TestSupport
import Testing

extension Conformance {
    /// Archives into and out of volumes.
    @Suite struct VolumeStreams {
        private var volumes: Baggageclaim { get throws { try SharedWorker.volumes } }

        private func withVolume(privileged: Bool = false, _ body: (Baggageclaim, String) throws -> Void) throws {
            let volumes = try volumes
            let volume = try volumes.create(privileged: privileged)
            try body(volumes, volume.handle)
            try volumes.destroy(volume.handle)
        }

        private static let tree = """
            mkdir -p a/b; echo text >a/b/f; ln a/b/f a/g; ln -s b/f a/l; chmod 4751 a/b/f; chown 12:34 a/b/f
            head -c 3000000 /dev/urandom >a/big; truncate -s 20M a/sparse; mkfifo a/p; chmod 1777 a/b
            name=$(printf 'n%.0s' $(seq 200)); mkdir $name; echo long >$name/$name; touch -d '2001-02-03 04:05:06' a/g
            """
        private static let look = """
            tar --numeric-owner -xpf ../in.tar; cat a/l; sha256sum a/big; stat -c '%n %a %u:%g %h %s %Y %F' a/b/f a/g a/p a/b
            stat -c %b a/sparse | awk '{print ($1 < 100) ? "sparse" : "full"}'; cat n*/n*
            """

        @Test(arguments: ["gzip", "zstd", "raw"], [false, true])
        func roundTrips(encoding: String, privileged: Bool) throws {
            try withVolume(privileged: privileged) { volumes, handle in
                let archive = try Tarball(script: VolumeStreams.tree, format: "--sparse")
                let programs = ["gzip": ("gzip", "gzip -d"), "zstd": ("zstd -q", "zstd -dq"), "raw": ("cat", "cat")]
                let (pack, unpack) = try #require(programs[encoding])
                let packed = try archive.through(pack)
                #expect(try volumes.streamIn(handle, packed, encoding: encoding).status == 204)
                let back = try volumes.streamOut(handle, encoding: encoding)
                #expect(back.status == 200 && back.isComplete)
                let same = try Tarball(Tarball(back.body).through(unpack))
                let (found, wanted) = try (same.inspect(VolumeStreams.look), archive.inspect(VolumeStreams.look))
                #expect(found == wanted)
            }
        }

        /// What went out in S2 comes in in S2, and is what was there.
        @Test func snappyRoundTrip() throws {
            try withVolume { volumes, handle in
                let archive = try Tarball(script: VolumeStreams.tree)
                #expect(try volumes.streamIn(handle, archive.bytes).status == 204)
                let packed = try volumes.streamOut(handle, encoding: "s2")
                #expect(packed.isComplete)
                let copy = try volumes.create()
                #expect(try volumes.streamIn(copy.handle, packed.body, encoding: "s2").status == 204)
                let same = try Tarball(volumes.streamOut(copy.handle).body)
                let (found, wanted) = try (same.inspect(VolumeStreams.look), archive.inspect(VolumeStreams.look))
                #expect(found == wanted)
                try volumes.destroy(copy.handle)
            }
        }

        @Test func pathsAndSingleFiles() throws {
            try withVolume { volumes, handle in
                let archive = try Tarball(script: "mkdir d; echo x >d/f; ln -s d link; ln -s /d/f absolute")
                #expect(try volumes.streamIn(handle, archive.bytes, path: "deep/er").status == 204)
                #expect(try volumes.read(handle, "deep/er/d/f") == "x\n")
                let single = try Tarball(volumes.streamOut(handle, path: "deep/er/d/f").body)
                #expect(try single.names() == ["f"])
                let directory = try Tarball(volumes.streamOut(handle, path: "deep").body)
                #expect(try directory.names().contains("./er/d/f"))
                let missing = try volumes.streamOut(handle, path: "nothing")
                #expect(missing.status == 404)
                #expect(missing.text.contains("no such file or directory"))
                // A file in the way of a directory.
                #expect(try volumes.streamIn(handle, archive.bytes, path: "deep/er/d/f").status == 500)
                // Nothing leads out.
                for path in ["../../../etc/passwd", "/etc/passwd", "..%2f..%2fetc/passwd"] {
                    #expect(try volumes.streamOut(handle, path: path).status == 404, "\(path)")
                }
            }
        }

        @Test func linksLeadNowhere() throws {
            try withVolume { volumes, handle in
                let archive = try Tarball(script: "ln -s /etc etc; ln -s ../../../../../../etc up")
                #expect(try volumes.streamIn(handle, archive.bytes).status == 204)
                #expect(try volumes.streamOut(handle, path: "etc/passwd").status == 404)
                #expect(try volumes.streamOut(handle, path: "up/passwd").status == 404)
            }
        }

        @Test(arguments: [nil, "br", "identity", "gzip, zstd"] as [String?])
        func encodingsMustBeKnown(encoding: String?) throws {
            try withVolume { volumes, handle in
                let input = try volumes.streamIn(handle, [0], encoding: encoding)
                #expect(input.status == 400)
                let output = try volumes.streamOut(handle, encoding: encoding)
                #expect(output.status == 400)
            }
        }

        @Test func limitsCountEncodedBytes() throws {
            try withVolume { volumes, handle in
                let archive = try Tarball(script: "head -c 4000000 /dev/urandom >f")
                let reply = try volumes.streamIn(handle, archive.bytes, limit: "1.000000")
                #expect(reply.status == 403)
                #expect(try reply.json()["error"].string == "exceeded volume streaming limit of 1MB")
                #expect(try volumes.streamIn(handle, archive.bytes, limit: "8.000000").status == 204)
                #expect(try volumes.streamIn(handle, archive.bytes, limit: "0.000000").status == 204)
                #expect(try volumes.streamIn(handle, archive.bytes, limit: "many").status == 400)
                #expect(try volumes.streamIn(handle, archive.bytes, limit: "-1").status == 400)
                // 200 MB of zeros are a small archive.
                let bomb = try Tarball(script: "head -c 200000000 /dev/zero >f").through("gzip -9")
                #expect(try volumes.streamIn(handle, bomb, encoding: "gzip", limit: "0.100000").status == 403)
            }
        }

        @Test(arguments: ["escape", "outside", "parent", "device", "whiteout", "garbage", "truncated", "checksum"])
        func hostileArchives(kind: String) throws {
            try withVolume { volumes, handle in
                let made: [String: String] = [
                    "escape": """
                    ln -s /tmp e; tar -cf ../a.tar e; rm e; mkdir e; echo x >e/apron-escaped
                    tar -rf ../a.tar e/apron-escaped
                    """,
                    "outside": """
                    python3 -c 'import tarfile
                    t = tarfile.open("../a.tar", "w"); i = tarfile.TarInfo("g"); i.type = tarfile.LNKTYPE
                    i.linkname = "../../../../../../etc/passwd"; t.addfile(i); t.close()'
                    """,
                    "parent": "echo x >f; tar -Pcf ../a.tar --transform 's,^,../../../../,' f",
                    "device": "mknod d b 7 0; tar -cf ../a.tar d",
                    "whiteout": "mknod w c 0 0; tar -cf ../a.tar w",
                    "garbage": "head -c 20000 /dev/urandom >../a.tar",
                    "truncated": "head -c 100000 /dev/urandom >f; tar -cf ../b.tar f; head -c 50000 ../b.tar >../a.tar",
                    "checksum": """
                    echo x >f; tar -cf ../a.tar f; printf Z | dd of=../a.tar bs=1 seek=150 conv=notrunc 2>/dev/null
                    """,
                ]
                let script = try #require(made[kind])
                let archive = try Tarball(
                    Tarball([0]).inspect("cd ..; mkdir h; cd h; \(script); base64 -w0 ../a.tar").base64)
                let reply = try volumes.streamIn(handle, archive.bytes)
                #expect(reply.status == 400, "\(kind): \(reply.status) \(reply.text)")
                #expect(try reply.json()["error"].string?.isEmpty == false)
                #expect(try runProgram("bash", "-c", "ls /tmp/apron-escaped 2>&1 || true").contains("No such file"))
                // The volume still works.
                let small = try Tarball(script: "echo y >after").bytes
                #expect(try volumes.streamIn(handle, small).status == 204)
                #expect(try volumes.read(handle, "after") == "y\n")
            }
        }

        @Test func vanishingClients() throws {
            let volumes = try volumes
            let handle = try volumes.create().handle
            do {
                let archive = try Tarball(script: "head -c 30000000 /dev/urandom >f")
                for _ in 0..<5 {
                    let wire = try Wire(to: volumes.address)
                    try wire.send(
                        "PUT /volumes/\(handle)/stream-in?path=. HTTP/1.1\r\nHost: b\r\nContent-Encoding: raw\r\n"
                            + "Content-Length: \(archive.bytes.count)\r\n\r\n")
                    try wire.send(Array(archive.bytes.prefix(5_000_000)))
                    wire.reset()
                }
                #expect(try volumes.streamIn(handle, archive.bytes).status == 204)
                for _ in 0..<5 {
                    let wire = try Wire(to: volumes.address)
                    try wire.send(
                        Garden.request(
                            "PUT", "/volumes/\(handle)/stream-out?path=.", headers: ["Accept-Encoding: gzip"]))
                    _ = try wire.text(through: "\r\n\r\n")
                    wire.reset()
                }
                #expect(try volumes.streamOut(handle).isComplete)
            }
            // A stream whose client is gone has the volume until the worker has seen that and ended it.
            try eventually("the last stream to end") { try? volumes.destroy(handle) }
        }
    }
}

extension String {
    fileprivate var base64: [UInt8] { Array(Data(base64Encoded: self) ?? Data()) }
}
