"""Makes seeds for the target `journal` from the golden files, which are values of every kind.

Each is a value in its envelope (46 bytes; the kind is byte 5). What stands in it goes in as it is, too,
behind the letter by which the target knows what it is. Run after golden files were added:
`python3 fuzz/make_seeds.py`. The other targets' seeds are written by hand.
"""

import pathlib
import struct

ROOT = pathlib.Path(__file__).parent.parent
GOLDEN = ROOT / "snapshots/tests/golden"
SEEDS = ROOT / "fuzz/seeds/journal"
GROUP, SNAPSHOT, OUTCOMES = 1, 2, 5
LETTERS = {
    "wallet": b"w", "provider": b"p", "deal": b"d", "saga": b"s", "compensation": b"c",
    "advance": b"a", "run": b"n", "schedule": b"t", "campaign": b"m", "statement": b"l",
}


def records(body):
    """The records of a group."""
    slices, at = struct.unpack_from("<I", body, 8)[0], 12
    for _ in range(slices):
        count, at = struct.unpack_from("<I", body, at + 18)[0], at + 22
        for _ in range(count):
            length = struct.unpack_from("<I", body, at)[0]
            yield body[at + 4:at + 4 + length]
            at += 4 + length


def seeds(path):
    """Name and bytes of the seeds of one golden file."""
    value = path.read_bytes()
    if value[:4] != b"BRSR":
        return
    name, kind, body = path.stem, value[5], value[46:]
    if kind == GROUP and name.split("_")[0] in ("group", "claim"):
        yield f"group-{name}", b"g" + body
        for number, record in enumerate(records(body)):
            yield f"record-{name}-{number}", b"r" + record
    elif kind == OUTCOMES:
        yield f"outcomes-{name}", b"o" + body
    elif kind == SNAPSHOT:
        entity = name.split("_")[0]
        yield f"state-{name}", LETTERS[entity] + body[8:]
    if len(value) < 600:
        yield f"value-{name}", b"e" + value


def main():
    SEEDS.mkdir(parents=True, exist_ok=True)
    for path in sorted(GOLDEN.glob("*.bin")):
        for name, seed in seeds(path):
            (SEEDS / name).write_bytes(seed)


main()
