#!/usr/bin/env python3
"""Tables of scripts/bench.

usage: report.py life CSV BASE...        the paired comparison: every candidate against the floor it is compared with
       report.py pair CSV CANDIDATE BASE   "median-ms base-ms wall-ratio cpu-ratio"
       report.py targets FILE            lines "what;value;unit;base;ratio;target" as one table
BASE is CANDIDATE=FLOOR; a candidate that is not named is compared with "limit"."""
import collections
import re
import sys

HEADER = ("candidate", "step", "n", "min ms", "median", "p99", "cpu med", "x wall", "x cpu", "of")
PARTS = ("create", "run", "destroy")


def quantile(values, part):
    return values[min(len(values) - 1, int(len(values) * part))]


def read(path):
    """step samples per candidate, and totals per round: {round: {candidate: (wall, cpu)}}"""
    steps, rounds = collections.OrderedDict(), collections.defaultdict(dict)
    for line in open(path):
        candidate, number, label, wall, cpu, _ = line.rstrip("\n").split(";")
        if label.startswith("-") or label in ("bytes", "sec"):
            continue
        sample = (float(wall), float(cpu))
        steps.setdefault((candidate, label), []).append(sample)
        if label == "TOTAL":
            rounds[number][candidate] = sample
    return steps, rounds


def ratios(rounds, candidate, base):
    """paired ratios, median over the rounds in which both succeeded"""
    pairs = [(r[candidate], r[base]) for r in rounds.values() if candidate in r and base in r]
    if not pairs:
        return None
    wall = sorted(a[0] / b[0] for a, b in pairs)
    cpu = sorted(a[1] / b[1] for a, b in pairs if b[1] > 0)
    return quantile(wall, .5), quantile(cpu, .5) if cpu else 0.0


def life(path, bases):
    """candidates by their median, then the parts of those that report parts"""
    steps, rounds = read(path)
    bases = dict(b.split("=") for b in bases)
    parts = [k for k in steps if k[1] in PARTS and (k[0], "create") in steps]
    totals = [k for k in steps if k[1] == "TOTAL"]
    totals.sort(key=lambda k: quantile(sorted(s[0] for s in steps[k]), .5))
    print("%-18s %-8s %4s %9s %9s %9s %9s %7s %7s  %s" % HEADER)
    for candidate, label in totals + parts:
        samples = steps[candidate, label]
        wall, cpu = sorted(s[0] for s in samples), sorted(s[1] for s in samples)
        base = bases.get(candidate, next((c for c, _ in totals if c == "limit"), ""))
        pair = ratios(rounds, candidate, base) if label == "TOTAL" and candidate != base else None
        print("%-18s %-8s %4d %9.3f %9.3f %9.3f %9s %7s %7s  %s" % (
            candidate, "" if label == "TOTAL" else label, len(wall),
            wall[0] / 1e3, quantile(wall, .5) / 1e3, quantile(wall, .99) / 1e3,
            "%.3f" % (quantile(cpu, .5) / 1e3) if cpu[-1] else "",
            *(("%.2f" % pair[0], "%.2f" % pair[1], base) if pair else ("", "", ""))))


def pair(path, candidate, base):
    """one line for shell scripts: median ms of both, wall ratio, cpu ratio"""
    steps, rounds = read(path)
    both = [sorted(s[0] for s in steps.get((c, "TOTAL"), [])) for c in (candidate, base)]
    ratio = ratios(rounds, candidate, base)
    if not all(both) or not ratio:
        return
    print("%.3f %.3f %.3f %.3f" % (quantile(both[0], .5) / 1e3, quantile(both[1], .5) / 1e3, *ratio))


def targets(path):
    print("%-58s %12s %12s %8s %12s" % ("what", "figure", "floor", "ratio", "target"))
    for line in open(path):
        what, value, unit, base, ratio, target = line.rstrip("\n").split(";")
        met = ""
        wanted = re.match(r"^(≤|≥) ?([0-9.]+)", target)
        if wanted:
            figure = float(ratio or value)
            good = figure <= float(wanted[2]) if wanted[1] == "≤" else figure >= float(wanted[2])
            met = "" if good else "  missed"
        print("%-58s %12s %12s %8s %12s%s" % (
            what, ("%s %s" % (value, unit)).strip(), ("%s %s" % (base, unit)).strip() if base else "", ratio, target, met))


if len(sys.argv) < 3:
    sys.exit(__doc__)
{"life": lambda: life(sys.argv[2], sys.argv[3:]), "targets": lambda: targets(sys.argv[2]),
 "pair": lambda: pair(*sys.argv[2:5])}[sys.argv[1]]()
