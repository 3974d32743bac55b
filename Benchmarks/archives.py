"""Archives into volumes and out of them, against tar and the compressors in a pipe, on the same disk."""
import os
import random
import shutil
import subprocess
import time

import tree
from figures import median
from volumes import Volumes, daemon_of
from world import say

PACK = "tar -C '{}' --numeric-owner -c . | zstd -q -1 -c"
# ext4 without a journal gives the number of a deleted file to no other for a minute after its end is on the disk
# (recently_deleted in fs/ext4/ialloc.c). Until then every new file nearby looks at all of them first, which takes many
# times what making it takes, and whoever comes first after a deletion pays.
FORGETTING_SECONDS = 61


class Timed:
    """Wall and CPU seconds by what was done."""

    def __init__(self, world):
        self.world, self.walls, self.processor = world, {}, {}

    def run(self, what, group, call):
        """What was written before is on the disk first, so that nobody pays for others."""
        os.sync()
        before, began = self.world.cgroups.processor(group), time.perf_counter()
        call()
        self.walls.setdefault(what, []).append(time.perf_counter() - began)
        self.processor.setdefault(what, []).append(self.world.cgroups.processor(group) - before)


def pipeline(world, command):
    """A shell's pipe in a cgroup of its own, so that all of its processes count."""
    shell = ["bash", "-c", f"set -o pipefail; {command}"]
    subprocess.run(shell, check=True, preexec_fn=world.cgroups.enter("pipeline"))


def archives(world, table):
    """stream-in and stream-out of a tree"""
    daemon, contents = daemon_of(world)
    api, timed, generator = Volumes(daemon), Timed(world), random.Random(3)
    rounds = 2 if world.quick else 4
    zst, gz = (contents.archives / f"big.tar.{suffix}" for suffix in ("zst", "gz"))
    targets, handles = world.disk / "unpacked", []
    targets.mkdir()
    settle(world)  # after the volumes that were measured before
    say(f"letting the file system forget deleted files, {FORGETTING_SECONDS} s")
    time.sleep(FORGETTING_SECONDS)
    source = api.fill(zst, privileged=True)
    check(world, api, source, table)

    def unpack(command):
        target = targets / str(len(list(targets.iterdir())))
        target.mkdir()
        pipeline(world, f"{command} | tar -x --numeric-owner -C '{target}'")

    def fill(archive, privileged):
        handles.append(api.fill(archive, privileged))

    def pack():
        api.client.download(f"/volumes/{source}/stream-out?path=.", "Accept-Encoding: zstd\r\n")

    steps = [
        ("zstd in", "volumes", lambda: fill(zst, True)), ("zstd in, unprivileged", "volumes", lambda: fill(zst, False)),
        ("zstd in, pipe", "pipeline", lambda: unpack(f"zstd -dcq '{zst}'")),
        ("gzip in", "volumes", lambda: fill(gz, True)),
        ("gzip in, pipe", "pipeline", lambda: unpack(f"pigz -dc '{gz}'")),
        ("zstd out", "volumes", pack),
        ("zstd out, pipe", "pipeline",
         lambda: pipeline(world, f"{PACK.format(contents.big)} >/dev/null"))]
    for number in range(rounds):
        say(f"archives, round {number + 1} of {rounds}")
        generator.shuffle(steps)
        for what, group, call in steps:
            timed.run(what, group, call)
    report(table, timed)
    # Nothing is removed before: see above.
    for handle in handles:
        settle(world)
        api.destroy(handle, "destroy")
    shutil.rmtree(targets)
    table.add(f"answer to the destroy of {tree.FILES} files", median(api.samples["destroy"]), "ms", target="≤ 5 ms")
    api.destroy(source, "")


def settle(world):
    """What is destroyed is deleted behind the reply: what comes next shall not pay for it."""
    dead = world.disk / "work-volumes/volumes/dead"
    limit = time.monotonic() + 120
    while any(dead.iterdir()) and time.monotonic() < limit:
        time.sleep(0.05)
    os.sync()


def report(table, timed):
    for what, against, name, target in (
            ("zstd in", "zstd in, pipe", "stream-in zstd, against `zstd -dc | tar -x`", "≤ 1.15"),
            ("zstd in, unprivileged", "zstd in, pipe", "the same, unprivileged", "≤ 1.15"),
            ("gzip in", "gzip in, pipe", "stream-in gzip, against `pigz -dc | tar -x`", "≤ 1.15"),
            ("zstd out", "zstd out, pipe", "stream-out zstd, against `tar -c | zstd -1`", "≤ 1.1")):
        table.compare(f"{name}, wall", timed.walls[what], timed.walls[against], "s", target=target)
        table.compare(f"{name.split(',')[0]}, CPU", timed.processor[what], timed.processor[against], "s",
                      target="≤ 1.0" if what == "zstd out" else "")


def check(world, api, source, table):
    """What comes out is what went in: names, sizes, modes, owners and contents. Says how well each side packs."""
    path = world.scratch / "out.tar.zst"
    with open(path, "wb") as file:
        api.client.download(f"/volumes/{source}/stream-out?path=.", "Accept-Encoding: zstd\r\n", file)
    command = f"zstd -dcq '{path}' | tar -d --numeric-owner -f - -C '{world.contents.big}'"
    done = subprocess.run(["bash", "-c", f"set -o pipefail; {command}"], capture_output=True, text=True)
    if done.returncode or done.stdout:
        raise RuntimeError(f"the archive differs from the tree: {(done.stdout + done.stderr)[:500]}")
    pipe = subprocess.run(["bash", "-c", f"{PACK.format(world.contents.big)} | wc -c"], capture_output=True, check=True)
    ours, theirs = path.stat().st_size / 1e6, int(pipe.stdout) / 1e6
    table.note(f"{ours:.0f} MB come out as zstd, {theirs:.0f} MB out of the pipe")
    path.unlink()
