"""Measures Apron topic by topic and prints a table of each; scripts/bench starts it in namespaces of its own."""
import argparse
import gc
import os
import pathlib
import platform
import shutil
import signal
import sys
import time

import archives
import containers
import telemetry
import volumes
from figures import Table
from world import World, say

# In the order in which they run: what fills memory and disk comes last.
TOPICS = {
    "Containers": [
        containers.start, containers.life, containers.program, containers.parallel, containers.idle, containers.clone],
    "Output of processes": [containers.output],
    "Telemetry": [telemetry.facade, telemetry.export, telemetry.flood, telemetry.metrics, telemetry.coverage],
    "Volumes": [volumes.volumes],
    "Archives": [archives.archives],
}
PARTS = {part.__name__: part for parts in TOPICS.values() for part in parts}
NAMES = {topic.split()[0].lower(): [part.__name__ for part in parts] for topic, parts in TOPICS.items()}


def usage():
    lines = ["", "topics and their parts:"]
    for name, parts in NAMES.items():
        lines.append(f"  {name:<12} {PARTS[name].__doc__}" if parts == [name] else f"  {name}")
        lines += [f"    {part:<10} {PARTS[part].__doc__}" for part in parts if part != name]
    return "\n".join(lines)


def options():
    parser = argparse.ArgumentParser(
        prog="scripts/bench", formatter_class=argparse.RawDescriptionHelpFormatter, epilog=usage(), allow_abbrev=False,
        description="Measures Apron against the floor, the kernel's own work by direct system calls, and against\n"
        "other programs, in shuffled, paired rounds of one run. Ratios mean something on any machine; single times\n"
        "do not. "
        "Needs root. Ends what it began, also when it is interrupted.")
    parser.add_argument("--quick", action="store_true", help="few rounds: minutes less, figures rougher")
    parser.add_argument("--only", metavar="LIST", help="topics or parts of them, by comma (default: all)")
    parser.add_argument("--rounds", type=int, help="rounds of the paired comparisons (default: 60; quick: 12)")
    parser.add_argument("--markdown", metavar="FILE", type=pathlib.Path, help="write the tables there, too")
    parser.add_argument("--out", metavar="DIR", type=pathlib.Path, help="keep raw figures and logs there")
    parser.add_argument("--disk", metavar="DIR", default="/var/tmp",
                        help="folder on the disk that volumes are measured on; takes 12 GB, half of it with --quick "
                             "(default: /var/tmp)")
    parser.add_argument("--no-build", action="store_true", help="take what .build/release has")
    parser.add_argument("--no-packages", action="store_true", help="do not look for missing Debian packages")
    parsed = parser.parse_args()
    wanted = parsed.only.split(",") if parsed.only else list(PARTS)
    if unknown := [name for name in wanted if name not in NAMES and name not in PARTS]:
        parser.error(f"unknown topic {', '.join(unknown)}; see --help")
    if parsed.out and parsed.out.exists() and not parsed.out.is_dir():
        parser.error(f"{parsed.out} is not a directory")
    parsed.parts = {part for name in wanted for part in NAMES.get(name, [name])}
    return parsed


def machine():
    return (f"{os.cpu_count()} processors, Linux {platform.release().split('-')[0]}, "
            f"load {os.getloadavg()[0]:.1f} at the start")


def measure(world):
    """The tables of the topics that are wanted. What fails in one part leaves the others to be measured."""
    tables, failed = [], []
    for topic, parts in TOPICS.items():
        table = Table(topic)
        for part in (p for p in parts if p.__name__ in world.options.parts):
            began = time.monotonic()
            try:
                part(world, table)
            except Exception as error:  # whatever it was, it is told, and the run fails in the end
                say(f"{part.__name__} failed: {type(error).__name__}: {error}")
                failed.append(part.__name__)
            say(f"{part.__name__}: {time.monotonic() - began:.0f} s")
        if table.rows:
            print(table.plain(), flush=True)
            tables.append(table)
    return tables, failed


def report(world, tables, failed, where):
    rows = [row for table in tables for row in table.rows if row.target]
    missed = [row.what for row in rows if row.verdict == "missed"]
    print(f"\n{len(rows) - len(missed)} of {len(rows)} targets met ({where}).")
    for what in missed:
        print(f"  missed: {what}")
    for part in failed:
        print(f"  not measured: {part}")
    if world.options.markdown:
        how = "`scripts/bench --quick`" if world.quick else "`scripts/bench`"
        text = f"{how} on {where}, cgroup {world.cgroups.version}; medians, and medians of the ratios of paired rounds:"
        world.options.markdown.write_text("\n\n".join([text, *(table.markdown() for table in tables)]) + "\n")


def keep(world):
    if world.options.out:
        world.options.out.mkdir(parents=True, exist_ok=True)
        for file in [*world.out.glob("*.csv"), *world.out.glob("*.log")]:
            shutil.copy(file, world.options.out)


def interrupted(*_):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise KeyboardInterrupt


def main():
    parsed = options()
    if "APRON_BENCH_WORK" not in os.environ:
        return 0  # the driver had the options checked
    signal.signal(signal.SIGTERM, interrupted)
    gc.disable()
    where = machine()
    if os.getloadavg()[0] > os.cpu_count() / 4:
        say(f"this machine is busy ({where}): figures will be rough")
    world = None
    try:
        folders = (pathlib.Path(os.environ[f"APRON_BENCH_{name}"]) for name in ("WORK", "DISK"))
        world = World(parsed, *folders)
        tables, failed = measure(world)
        report(world, tables, failed, where)
        return 1 if failed else 0
    except KeyboardInterrupt:
        say("interrupted")
        return 130
    finally:
        say("cleaning up")
        if world:
            world.stop()
            keep(world)


if __name__ == "__main__":
    sys.exit(main())
