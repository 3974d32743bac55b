import Foundation
import TestSupport
import Testing

/// How `scripts/test-vm` notices that the kernel of a guest has died. A program takes the place of QEMU, and writes to
/// the serial lines what a guest would; everything else is the script's own.
@Suite(.timeLimit(.minutes(5))) struct GuestWatchTests {
    /// What a guest does in each of its lives, in the words of the stand-in.
    struct Play: CustomTestStringConvertible {
        let testDescription: String
        /// One life after the other.
        let lives: [String]
        /// With what the watch ends.
        let status: Int
        /// What stands in the evidence of each life that was a death.
        var deaths: [String] = []
        /// The commands that each life was given.
        var steps = ["0,1,2"]
    }

    static let plays = [
        Play(
            testDescription: "a panic ends QEMU",
            lives: [
                """
                say APRON-VM-READY 'APRON-VM-DONE 0' 'half of command 1'
                say '[   42.000042] Kernel panic - not syncing: Attempted to kill init!'
                """, "say APRON-VM-READY 'APRON-VM-DONE 1' 'APRON-VM-DONE 2' 'APRON-VM-EXIT 0'",
            ], status: 0, deaths: ["Attempted to kill init"], steps: ["0,1,2", "1,2"]),
        Play(
            testDescription: "a stuck kernel says so and stays",
            lives: [
                "say APRON-VM-READY '[   99.5] watchdog: BUG: soft lockup - CPU#0 stuck for 26s! [busy:42]'; stay",
                "say APRON-VM-READY 'APRON-VM-EXIT 7'",
            ], status: 7, deaths: ["soft lockup"], steps: ["0,1,2", "0,1,2"]),
        Play(
            testDescription: "a stuck kernel says nothing",
            lives: [
                "say APRON-VM-READY 'APRON-VM-DONE 0' 'APRON-VM-DONE 1' 'the last words'; beat; stay",
                "say APRON-VM-READY 'APRON-VM-DONE 2' 'APRON-VM-EXIT 0'",
            ], status: 0, deaths: ["the last words"], steps: ["0,1,2", "2"]),
        Play(
            testDescription: "QEMU does not start, twice", lives: ["fail 'no such machine'", "fail 'nor such a one'"],
            status: 125, deaths: ["no such machine", "nor such a one"], steps: ["0,1,2", "0,1,2"]),
        Play(
            testDescription: "a command that fails is not tried again",
            lives: ["say APRON-VM-READY 'APRON-VM-DONE 0' 'APRON-VM-EXIT 3'"], status: 3),
        Play(
            testDescription: "a test may speak of a panic",
            lives: ["say APRON-VM-READY 'expected: Kernel panic' 'APRON-VM-EXIT 0'"], status: 0),
    ]

    private static let standIn = #"""
        #!/bin/bash
        serials=()
        while [ $# -gt 0 ]; do
            case $1 in
                -serial) serials+=("${2#file:}"); shift ;;
                -append) line=$2; shift ;;
            esac
            shift
        done
        say() { printf '%s\r\n' "$@" >>"${serials[0]}"; }
        beat() { printf . >>"${serials[1]}"; }
        stay() { exec sleep 1000; }
        fail() { printf '%s\n' "$1" >&2; exit 1; }
        life=$(sed 's/.*APRON_LIFE=\([0-9]*\).*/\1/' <<<"$line")
        sed 's/.*APRON_STEPS=\([0-9,]*\).*/\1/' <<<"$line" >>"$stage/steps"
        . "$stage/life.$life"
        """#

    /// The head of the script in short: no guest is given up for being slow.
    private static let watch = #"""
        set -euo pipefail
        export stage=$1 PATH=$1:$PATH
        repo=$stage work=$stage/work disk=none kernel=none accel=tcg verbose=0 memory_mib=1
        boot_timeout_s=250 timeout_s=250 silence_s=1 last_words_s=0
        say() { printf 'said: %s\n' "$*" >&2; }
        die() { say "$1"; exit "$2"; }
        mkdir "$work"
        declare -A left=([1]='0 1 2')
        . "$2"
        begin=$SECONDS
        boot 1 tcg
        attend
        printf '%s' "$status" >"$stage/status"
        """#

    @Test(arguments: plays) func aDeadGuestIsReplacedOnce(_ play: Play) throws {
        let stage = try Scratch()
        func write(_ name: String, _ text: String) throws {
            try text.write(toFile: "\(stage.path)/\(name)", atomically: false, encoding: .utf8)
        }
        for (number, life) in play.lives.enumerated() { try write("life.\(number + 1)", life) }
        try write("qemu-system-x86_64", Self.standIn)
        try runProgram("chmod", "+x", "\(stage.path)/qemu-system-x86_64")
        try runProgram(
            "bash", "-c", Self.watch, "watch", stage.path, "\(BackgroundProgram.package)/scripts/test-vm-guests")

        func text(_ name: String) throws -> String {
            try String(contentsOfFile: "\(stage.path)/\(name)", encoding: .utf8)
        }
        let status = try text("status")
        #expect(status == "\(play.status)")
        let steps = try text("steps").split(separator: "\n").map(String.init)
        #expect(steps == play.steps)
        let build = "\(stage.path)/.build"
        let kept = (try? FileManager.default.contentsOfDirectory(atPath: build)) ?? []
        #expect(kept.count == play.deaths.count)
        for (number, death) in play.deaths.enumerated() {
            let name = try #require(kept.first { $0.hasSuffix("-1.\(number + 1).log") }, "\(kept)")
            #expect(try text(".build/\(name)").contains(death))
        }
    }
}
