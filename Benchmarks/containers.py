"""Containers against the floor, the kernel's own work by direct system calls, and against other runtimes."""
import hashlib
import os
import random
import re
import subprocess
import time

from figures import median
from pairs import Rounds
from world import CGROUPS, GROUP, SLOTS, Daemon, say

CANDIDATES = ("fork-exec", "limit", "limit-userns", "bwrap", "crun", "crun-userns", "runc",
              "apron-privileged", "apron", "apron-network", "apron-run")
BASES = {"apron": "limit-userns", "apron-network": "limit-userns", "crun-userns": "limit-userns", "apron-run": "crun"}


def specify(world, name, daemon, *arguments):
    """A life over the Garden API as a candidate: what crun is given before and after, and the client between."""
    steps = (world.spec / "crun").read_text().splitlines()
    rootfs = f"raw://{world.scratch}/slot%s/rootfs"
    lines = [f"cand {name}", *(s for s in steps if s.startswith("mount ")),
             " ".join(["ask life", *daemon.client, "--rootfs", rootfs, "--prefix s%s", *arguments]),
             *(s for s in steps if s.startswith(("umount ", "rmtree ")))]
    (world.spec / name).write_text("\n".join(lines) + "\n")


def life(world, table):
    """create + run /bin/true + destroy"""
    specify(world, "apron", world.plain, "--limits")
    specify(world, "apron-privileged", world.plain, "--limits --privileged")
    specify(world, "apron-network", world.plain, "--limits --network")
    # It makes its own overlay of the image, which may not be an overlay itself.
    (world.spec / "apron-run").write_text(
        f"cand apron-run\nrun run {world.apron} run --image {world.image} --work-dir {world.scratch}/run%s "
        "--network none --memory 512M --cpu 1 --pids 1024 -- /bin/true\n")
    csv = world.out / "life.csv"
    specs = [world.spec / name for name in CANDIDATES if (world.spec / name).exists()]
    say(f"life of a container, {world.rounds} rounds")
    world.pairbench("-n", world.rounds, "-w", world.warm, "-o", csv, *specs)
    rounds = Rounds(csv)
    print(rounds.listing("limit", BASES), flush=True)
    for what, candidate, base, wall, cpu in (
            ("create + run + destroy, unprivileged", "apron", "limit-userns", "≤ 2.0", "≤ 2.0"),
            ("create + run + destroy, privileged", "apron-privileged", "limit", "≤ 2.0", "≤ 2.0"),
            ("the same with bridge, veth and rules", "apron-network", "limit-userns", "≤ 3.0", "≤ 3.0"),
            ("`apron run`, against `crun run`", "apron-run", "crun", "≤ 0.5", ""),
            ("crun run, against the floor", "crun", "limit", "", "")):
        table.compare(f"{what}, wall", *rounds.walls(candidate, base), "ms", target=wall)
        table.compare(f"{what}, CPU", *rounds.processor(candidate, base), "ms", target=cpu)


def program(world, table):
    """a second program in a living container"""
    rootfs = world.mount_slot(SLOTS)
    world.plain.ask("--privileged", "--limits", "--rootfs", f"raw://{rootfs}", "--create", "living")
    children = subprocess.run(["pgrep", "-n", "-P", str(world.plain.pid)], capture_output=True, text=True).stdout
    floor = f"ask exec {world.bin}/execfloor {children.strip()} {world.out}/seccomp.bpf /bin/true 0"
    steps = {"exec-floor": floor, "exec-apron": " ".join(["ask exec", *world.plain.client, "--exec living"])}
    world.mount_slot(SLOTS + 1)
    bundle = world.scratch / f"slot{SLOTS + 1}/bundlesleep"
    with open(world.out / "errors.log", "a") as errors:
        crun = subprocess.run(world.beside(["crun", "run", "--detach", "--bundle", bundle, "bench-living"]),
                              stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors).returncode == 0
    if crun:
        steps["exec-crun"] = "run exec crun exec bench-living /bin/true"
    for name, step in steps.items():
        (world.spec / name).write_text(f"cand {name}\n{step}\n")
    csv = world.out / "exec.csv"
    say(f"a program in a living container, {world.rounds} rounds")
    world.pairbench("-n", world.rounds, "-w", world.warm, "-o", csv, *(world.spec / name for name in steps))
    rounds = Rounds(csv)
    print(rounds.listing("exec-floor", {}), flush=True)
    table.compare("a program in a living container, wall", *rounds.walls("exec-apron", "exec-floor"), "ms",
                  target="≤ 2.0")
    table.compare("the same, CPU", *rounds.processor("exec-apron", "exec-floor"), "ms")
    if crun:
        subprocess.run(world.beside(["crun", "delete", "--force", "bench-living"]), capture_output=True)
        table.compare("crun exec, wall", *rounds.walls("exec-crun", "exec-floor"), "ms")
    world.plain.ask("--destroy", "living")
    world.unmount_slot(SLOTS)
    world.unmount_slot(SLOTS + 1)


def parallel(world, table):
    """lives a second, eight at a time"""
    each = 8 if world.quick else 30
    say(f"{SLOTS} at a time, {world.repeats} times")
    specify(world, "apron-parallel", world.plain, "--limits")
    place = ["-2", CGROUPS] if world.cgroups.version == "v2" else ["-c", "memory,pids,cpu", "-g", CGROUPS]
    floor = [world.bin / "limit", "-b", world.image, "-d", world.scratch / "parallel", "-f", world.out / "seccomp.bpf",
             "-p", world.out / "paths", *place, "-G", f"{GROUP}/parallel", "-u", "-j", SLOTS, "-n", each * 4, "-q"]
    speeds = {"floor": [], "apron-parallel": [], "crun-userns": []}
    for _ in range(world.repeats):
        line = subprocess.run([str(word) for word in floor], capture_output=True, text=True, check=True).stdout
        speeds["floor"].append(float(re.search(r"throughput *([0-9.]+)", line)[1]))
        for name in ("apron-parallel", "crun-userns"):
            if (world.spec / name).exists():
                line = world.pairbench("-j", SLOTS, "-n", each, "-w", 1, world.spec / name)
                speeds[name].append(float(re.search(r";([0-9.]+)/s;", line)[1]))
                if failed := int(re.search(r"failed=(\d+)", line)[1]):
                    table.note(f"{name}: {failed} lives failed")
    table.compare(f"{SLOTS} at a time", speeds["apron-parallel"], speeds["floor"], "/s", target="≥ 0.5")
    if speeds["crun-userns"]:
        table.compare(f"crun, {SLOTS} at a time", speeds["crun-userns"], speeds["floor"], "/s")


def private(*processes):
    """KiB that belong to these processes alone."""
    total = 0
    for process in processes:
        try:
            lines = open(f"/proc/{process}/smaps_rollup").read().splitlines()
        except FileNotFoundError:
            continue
        total += sum(int(line.split()[1]) for line in lines if line.startswith(("Private_Clean:", "Private_Dirty:")))
    return total


def children(process):
    return subprocess.run(["pgrep", "-P", str(process)], capture_output=True, text=True).stdout.split()


class Held:
    """So many idle containers, while the `with` lasts."""

    def __init__(self, daemon, count, image):
        self.command = [*daemon.client, "--rootfs", f"raw://{image}", "--hold", str(count)]
        self.count = count

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        self.words = dict(w.split("=") for w in line.split())
        if int(self.words.get("created", 0)) != self.count:
            raise RuntimeError(f"of {self.count} idle containers: {line or 'none'}")
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()


def idle(world, table):
    """what a container that does nothing holds"""
    count = 40 if world.quick else 200
    say(f"{count} idle containers")
    daemon = world.plain
    with Held(daemon, 2, world.image):
        pass
    before, others = private(daemon.pid), private(*children(daemon.pid))
    with Held(daemon, count, world.image) as held:
        inside = private(*children(daemon.pid)) - others
        growth = private(daemon.pid) - before
    table.add("private memory of an idle container, process 1", inside / count, "KiB", target="≤ 256")
    table.add("the same with the daemon's growth", (inside + growth) / count, "KiB", target="≤ 256")
    first, last = (float(held.words[name]) / 1e3 for name in ("first", "last"))
    table.add(f"create beside {count} alive, against the first", last, "ms", base=first, ratio=last / first,
              target="≤ 1.3")


def start(world, table):
    """a daemon that has just been started, with all its ports"""
    seconds, resident, own = [], [], []
    say(f"start of the daemon, {world.repeats} times")
    for number in range(world.repeats):
        daemon = Daemon(world, f"start{number}", operations=True, volumes=True)
        time.sleep(0.3)
        status = open(f"/proc/{daemon.pid}/status").read()
        seconds.append(daemon.start_seconds * 1e3)
        resident.append(int(re.search(r"VmRSS:\s*(\d+)", status)[1]) / 1000)
        own.append(private(daemon.pid) / 1024)
        daemon.stop()
    table.add("start of the daemon to its first answer", median(seconds), "ms", target="≤ 150")
    table.add("idle daemon, resident", median(resident) * 1.024, "MB", target="≤ 40")
    table.add("idle daemon, private", median(own), "MiB")


def clone(world, table):
    """the cost of starting a process does not depend on the daemon's size"""
    count = 200 if world.quick else 2000
    say(f"clone and exec from 20 and from 500 MiB, {count} times each")
    parents = {size: subprocess.Popen([world.release / "CloneBenchmark", str(size)], stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE, text=True) for size in (20, 500)}
    took = {size: [] for size in parents}
    for _ in range(count):
        for size in random.sample(list(parents), 2):
            parents[size].stdin.write("\n")
            parents[size].stdin.flush()
            took[size].append(float(parents[size].stdout.readline()) / 1e3)
    for parent in parents.values():
        parent.stdin.close()
        parent.wait()
    table.compare("clone + exec at 500 MiB, against 20 MiB", took[500], took[20], "µs", target="≤ 1.2")


def output(world, table):
    """output of a process over HTTP"""
    mib = 256 if world.quick else 1024
    say(f"output of a process, {mib} MiB, {world.repeats} times")
    rootfs = world.mount_slot(SLOTS)
    world.plain.ask("--rootfs", f"raw://{rootfs}", "--create", "writer")
    floors, rates = [], []
    arguments = f"if=/dev/zero bs=65536 count={mib * 16}"
    for _ in range(world.repeats):
        lines = subprocess.run([world.bin / "tcpfloor", str(mib)], capture_output=True, text=True, check=True).stdout
        floors.append(max(float(line.split()[1]) for line in lines.splitlines()))
        answer = world.plain.ask("--exec", "writer", "--once", "--prog", "/bin/dd", "--args", arguments)
        if answer["bytes"] != mib << 20:
            raise RuntimeError(f"{answer['bytes']} bytes of {mib << 20} arrived")
        rates.append(mib / answer["sec"])
    table.compare("process output over HTTP, against pipe to TCP", rates, floors, "MiB/s", target="≥ 0.8")
    hashed(world, table, rootfs, 128 if world.quick else 1024)
    world.plain.ask("--destroy", "writer")
    world.unmount_slot(SLOTS)


def hashed(world, table, rootfs, mib):
    """Random bytes to a reader that stops for a while: the same bytes have to arrive."""
    piece, pause = 32, 3000
    data = os.urandom(piece << 20)
    (rootfs / "random").write_bytes(data)
    wanted = hashlib.sha256()
    for _ in range(mib // piece):
        wanted.update(data)
    answer = world.plain.ask("--exec", "writer", "--once", "--sha256", "--pause", pause, "--prog", "/bin/cat",
                             "--args", " ".join(["/random"] * (mib // piece)))
    (rootfs / "random").unlink()
    same = answer["bytes"] == mib << 20 and answer["sha256"] == wanted.hexdigest()
    table.add(f"{mib} MiB to a reader that pauses {pause // 1000} s: share with the right SHA-256", 100.0 * same, "%",
              target="≥ 100")
