"""Paired rounds of candidates (peers/pairbench.c), and what its figures say."""
import collections

from figures import median

PARTS = ("create", "run", "destroy")


class Rounds:
    """Wall and CPU microseconds of every candidate and step, by round."""

    def __init__(self, path):
        self.steps = collections.OrderedDict()
        self.totals = collections.defaultdict(dict)
        for line in open(path):
            candidate, number, label, wall, cpu, _ = line.rstrip("\n").split(";")
            if label.startswith("-") or label in ("bytes", "sec"):
                continue
            sample = (float(wall), float(cpu))
            self.steps.setdefault((candidate, label), []).append(sample)
            if label == "TOTAL":
                self.totals[number][candidate] = sample

    def both(self, candidate, base):
        """The samples of the rounds in which both succeeded."""
        return [(r[candidate], r[base]) for r in self.totals.values() if candidate in r and base in r]

    def walls(self, candidate, base):
        """Milliseconds of the one and of the other, round by round."""
        pairs = self.both(candidate, base)
        return [a[0] / 1e3 for a, _ in pairs], [b[0] / 1e3 for _, b in pairs]

    def processor(self, candidate, base):
        """The same in milliseconds of CPU time."""
        pairs = self.both(candidate, base)
        return [a[1] / 1e3 for a, _ in pairs], [b[1] / 1e3 for _, b in pairs]

    def listing(self, base, bases):
        """All candidates by their median, then the parts of those that report parts. `bases` says what each is
        compared with; the others are compared with `base`."""
        def middle(key):
            return median(sample[0] for sample in self.steps[key])
        totals = sorted((key for key in self.steps if key[1] == "TOTAL"), key=middle)
        parts = [key for key in self.steps if key[1] in PARTS and (key[0], "create") in self.steps]
        lines = ["%-18s %-8s %4s %9s %9s %9s %9s %7s %7s  %s" % (
            "candidate", "step", "n", "min ms", "median", "p99", "cpu med", "x wall", "x cpu", "of")]
        for candidate, label in totals + parts:
            samples = self.steps[candidate, label]
            wall, cpu = sorted(s[0] for s in samples), sorted(s[1] for s in samples)
            of = bases.get(candidate, base)
            pairs = self.both(candidate, of) if label == "TOTAL" and candidate != of else []
            ratios = [f"{median(a[i] / b[i] for a, b in pairs if b[i] > 0):.2f}" for i in (0, 1)] if pairs else ["", ""]
            lines.append("%-18s %-8s %4d %9.3f %9.3f %9.3f %9s %7s %7s  %s" % (
                candidate, "" if label == "TOTAL" else label, len(wall), wall[0] / 1e3, median(wall) / 1e3,
                wall[min(len(wall) - 1, int(len(wall) * .99))] / 1e3,
                f"{median(cpu) / 1e3:.3f}" if cpu[-1] else "", *ratios, of if pairs else ""))
        return "\n".join(lines)
