"""Computes the constants of `draw.rs` from the words of `campaign/draw.rs` alone.

Run it with any Python 3: `python3 known_answers.py`. Nothing here is shared with the code that is
tested: HMAC and SHA-256 are those of the standard library, and the numbers are Python's, which have
no width and so no bias to hide.
"""

import hashlib
import hmac


def mac(key, text):
    return hmac.new(key, text, hashlib.sha256).digest()


def seed(secret, campaign, day):
    return mac(secret, f"{campaign}/{day}".encode())


def numbers(seed, key):
    block = 0
    while True:
        tail = b"" if block == 0 else b"\0" + block.to_bytes(4, "big")
        digest = mac(seed, key.encode() + tail)
        for at in range(0, 32, 8):
            yield int.from_bytes(digest[at : at + 8], "big")
        block += 1


def one_of(source, n, seen):
    limit = 2**64 // n * n
    for number in source:
        seen.append(number)
        if number < limit:
            return number % n


def draw(seed, key, wins, of, weights):
    """The place of the prize or None, and how many numbers were looked at."""
    seen, source = [], numbers(seed, key)
    if one_of(source, of, seen) >= wins:
        return None, len(seen)
    drawn = one_of(source, sum(weights), seen)
    for place, weight in enumerate(weights):
        if drawn < weight:
            return place, len(seen)
        drawn -= weight


SECRETS = [bytes(range(32)), bytes(32), b"\xff" * 32]
PLACES = [("spring", "2026-11-21"), ("cmp_1-x", "2024-02-29"), ("S" * 64, "0000-01-01")]
KEYS = ["alice/tx-1", "a/b/c", "W_9-z/Zahlung 7 – Café", "w/" + "x" * 64]
ODDS = [
    (1, 1, [1]),
    (1, 2, [1, 1, 1]),
    (2**62, 2**63 + 1, [3, 5, 2]),
    (2**62, 3 * 2**62, [7, 1, 2, 90]),
    (2**64 - 2, 2**64 - 1, [5, 5]),
]

print("// (secret, campaign, day, seed, commitment)")
for secret, (campaign, day) in zip(SECRETS, PLACES):
    s = seed(secret, campaign, day)
    print(f'("{secret.hex()}", "{campaign}", "{day}",')
    print(f' "{s.hex()}", "{hashlib.sha256(s).hexdigest()}"),')

FIRST = seed(SECRETS[0], *PLACES[0])
print("// (key, digest)")
for key in KEYS:
    print(f'("{key}", "{mac(FIRST, key.encode()).hex()}"),')

print("// (wins, of, weights, the prizes of keys k/0 to k/39: a letter for the place, - for nothing)")
for wins, of, weights in ODDS:
    drawn = [draw(FIRST, f"k/{n}", wins, of, weights) for n in range(40)]
    text = "".join("-" if place is None else chr(ord("a") + place) for place, _ in drawn)
    print(f'({wins}, {of}, &{weights}, "{text}"),  // most numbers: {max(n for _, n in drawn)}')

print("// (number of the key, prize) where one digest was not enough, or two")
found = 0
for n in range(100_000):
    place, count = draw(FIRST, f"long/{n}", 2**62, 2**63 + 1, [3, 5, 2])
    if count > (4 if found < 4 else 8) and place is not None:
        print(f"({n}, {place}),  // {count} numbers")
        found += 1
        if found == 8:
            break
