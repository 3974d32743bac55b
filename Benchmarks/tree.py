"""A tree of files as an image has them, the same in every run: what volumes are filled with."""
import itertools
import os
import random
import stat
import subprocess

FILES, BYTES = 21_000, 450_000_000
WORDS_BYTES = 16 << 20


def text(generator):
    """Bytes that compress about as well as programs and their texts do, by three."""
    words = ["".join(generator.choices("etaoinshrdlucmfwypvbgkjqxz_(){}=;.", k=generator.randint(2, 11))).encode()
             for _ in range(6000)]
    often = list(itertools.accumulate(1 / rank for rank in range(1, len(words) + 1)))  # as words of a language are
    pieces, size = [], 0
    while size < WORDS_BYTES:
        pieces.append(b" ".join(generator.choices(words, cum_weights=often, k=14)) + b"\n" + generator.randbytes(6))
        size += len(pieces[-1])
    return b"".join(pieces)


def make(root, files=FILES, size=BYTES):
    """Fills a new directory: folders of fourteen files, a few links among them, owners and modes of an image."""
    generator = random.Random(1)
    source = text(generator)
    weights = [generator.lognormvariate(0, 1.6) for _ in range(files)]
    scale = size / sum(weights)
    folder = ""
    for number, weight in enumerate(weights):
        if number % 14 == 0:
            folder = os.path.join(root, f"usr{number // 2800}", f"lib{number // 140 % 20}", f"part{number // 14}")
            os.makedirs(folder)
        path = os.path.join(folder, f"file-{number}.txt")
        if number % 50 == 49:
            os.symlink(f"file-{number - 1}.txt", path)
            continue
        with open(path, "wb") as file:
            left = int(weight * scale)
            while left > 0:
                begin = generator.randrange(len(source) - 4096)
                left -= file.write(source[begin:begin + left])
            os.fchmod(file.fileno(), stat.S_IRUSR | stat.S_IWUSR | (0o755 if number % 9 == 0 else 0o044))


def small(root, files):
    """So many files of a few bytes."""
    for number in range(files):
        if number % 500 == 0:
            folder = os.path.join(root, f"folder{number // 500}")
            os.makedirs(folder)
        with open(os.path.join(folder, str(number)), "w") as file:
            file.write("x")


def archive(root, path):
    """The tree as an archive, which names ending in .gz and .zst compress."""
    program = {"gz": "pigz -6", "zst": "zstd -q -3 -T0"}[path.suffix[1:]]
    subprocess.run(["tar", "-C", root, "--numeric-owner", "-I", program, "-cf", path, "."], check=True)
