#!/usr/bin/env python3
"""Counts rewards again, from exported files alone, and shares no code with Bursar.

    recount.py DIRECTORY

The directory has the tables `campaigns`, `commitments`, `draws`, `rewards`, `transactions`, `entries`
and `wallets` of `bursar export --format ndjson`, each as TABLE.ndjson, taken when nothing was on its
way any more and all seeds were revealed. Two files more are read when they are there:

    terms.json    the answer of GET /v1/campaigns: then it is checked which campaign draws a line
    sent.ndjson   what was sent, a line each: {"wallet", "transaction_id", "date", "status",
                  "amount", ...}: then nothing else may be there, and all of it must be

Checked is: every line was taken once and every purchase drawn once, in the right campaign; every
seed is what was promised, and every draw comes out the same; every win was granted, or the budget or
a limit held it back; what was granted is in the wallets, once, and within the budget; all counts.

Prints what was counted as JSON. Exits with 1 when anything is wrong, and says what on standard error.
Only the standard library is used.
"""

import hashlib
import hmac
import json
import pathlib
import sys
from collections import Counter, defaultdict

FAULTS_MAX = 50
faults = []


def check(holds, *what):
    """Notes a fault unless the condition holds."""
    if not holds:
        faults.append(" ".join(map(str, what)))


def numbers(seed, key):
    """The 64-bit numbers of a key, one after the other."""
    block = 0
    while True:
        tail = b"" if block == 0 else b"\0" + block.to_bytes(4, "big")
        digest = hmac.new(seed, key.encode() + tail, hashlib.sha256).digest()
        for at in range(0, 32, 8):
            yield int.from_bytes(digest[at : at + 8], "big")
        block += 1


def one_of(count, stream):
    """One of 0 to count - 1, each as likely."""
    limit = 2**64 // count * count
    return next(number for number in stream if number < limit) % count


def draw(seed, key, wins, of, prizes):
    """The place of the prize that is won, or None."""
    stream = numbers(seed, key)
    if one_of(of, stream) >= wins:
        return None
    drawn = one_of(sum(prize["weight"] for prize in prizes), stream)
    for place, prize in enumerate(prizes):
        if drawn < prize["weight"]:
            return place
        drawn -= prize["weight"]
    raise AssertionError("what is drawn is below the sum of the weights")


def worth(prize, spent):
    """What a prize is worth, in minor units."""
    if "amount_minor" in prize:
        return prize["amount_minor"]
    whole, rest = divmod(spent * prize["millionths"], 10**6)
    half = 5 * 10**5
    if prize["rounding"] == "up":
        whole += rest > 0
    elif prize["rounding"] == "half-even":
        whole += rest > half or (rest == half and whole % 2 == 1)
    won = max(whole, 1)
    return won if prize["max_minor"] is None else min(won, prize["max_minor"])


def minor(text):
    """An amount with two decimals, in minor units."""
    whole, part = text.split(".")
    assert len(part) == 2, text
    return int(whole + part)


def fits(terms, line):
    """Whether a campaign, as the API shows it, is for a line."""
    if not terms["first_day"] <= line["date"] <= terms["last_day"]:
        return False
    if terms["currency"] != line["currency"]:
        return False
    if "min_amount" in terms and line["amount_minor"] < minor(terms["min_amount"]):
        return False
    rules = terms["merchants"]
    if not rules:
        return True
    name = (line["merchant_name"] or "").strip().lower()
    code = line["category_code"]
    for rule in rules.get("names", []):
        if line["merchant_name"] is None:
            break
        if name.startswith(rule[:-1]) if rule.endswith("*") else name == rule:
            return True
    for rule in rules.get("category_codes", []):
        first, _, last = rule.partition("-")
        if code is not None and int(first) <= code <= int(last or first):
            return True
    return line["merchant_id"] is not None and line["merchant_id"] in rules.get("ids", [])


def campaign_of(terms, line):
    """Which campaign draws a line, if any."""
    found = [campaign for campaign in terms if fits(campaign, line)]
    order = lambda campaign: (-campaign["priority"], campaign["starts_at"], campaign["id"])
    return min(found, key=order)["id"] if found else None


class Tables:
    """The files of a directory."""

    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        for name in (
            "campaigns commitments draws rewards transactions entries wallets".split()
        ):
            setattr(self, name, self.read(f"{name}.ndjson"))
        self.prizes = {row["campaign"]: json.loads(row["prizes"]) for row in self.campaigns}
        self.campaign = {row["campaign"]: row for row in self.campaigns}

    def read(self, name):
        with open(self.directory / name, encoding="utf-8") as file:
            return [json.loads(line) for line in file]

    def extra(self, name):
        return self.directory / name if (self.directory / name).exists() else None


def check_lines(tables):
    """Every line was taken once. Returns the purchases that were to be drawn."""
    seen = Counter((row["wallet"], row["transaction_id"], row["status"]) for row in tables.transactions)
    for line, times in seen.items():
        check(times == 1, "taken", times, "times:", line)
    purchases = {}
    for row in tables.transactions:
        check(not row["eligible"] or row["status"] == "posted", "drawn though not posted:", row)
        if row["eligible"]:
            key = (row["wallet"], row["purchase"])
            check(key not in purchases, "drawn for twice:", key)
            purchases[key] = row
    posted = {(row["wallet"], row["purchase"]) for row in tables.transactions if row["status"] == "posted"}
    check(posted == set(purchases), "not every posted purchase was drawn:", posted ^ set(purchases))
    if tables.extra("sent.ndjson"):
        sent = tables.read("sent.ndjson")
        said = lambda row: tuple(row[name] for name in "wallet transaction_id status date amount".split())
        taken = Counter((row["wallet"], row["transaction_id"], row["status"], row["date"],
                         f"{row['amount_minor'] // 100}.{row['amount_minor'] % 100:02}")
                        for row in tables.transactions)
        check(taken == Counter(map(said, sent)), "taken is not what was sent")
    return purchases


def check_seeds(tables):
    """Seeds are what was promised. Returns them by campaign and day."""
    seeds = {}
    for row in tables.commitments:
        check(row["seed"] is not None, "not revealed:", row)
        seed = bytes.fromhex(row["seed"] or "")
        check(hashlib.sha256(seed).hexdigest() == row["sha256"], "another seed was promised:", row)
        seeds[row["campaign"], row["day"]] = seed
    check(len(set(seeds.values())) == len(seeds), "a seed is there twice")
    return seeds


def check_draws(tables, purchases, seeds):
    """Every draw comes out the same, and every purchase has one."""
    drawn = set()
    for row in tables.draws:
        key = (row["wallet"], row["transaction_id"])
        check(key not in drawn, "drawn twice:", key)
        drawn.add(key)
        line = purchases.get(key)
        if line is None:
            check(False, "drawn, but never taken:", key)
            continue
        check(row["business_key"] == "/".join(key), "another key:", row)
        check(row["day"] == line["date"], "another day:", row)
        check(row["purchase_amount_minor"] == line["amount_minor"], "another amount:", row)
        campaign = tables.campaign[row["campaign"]]
        prizes = tables.prizes[row["campaign"]]
        seed = seeds[row["campaign"], row["day"]]
        place = draw(seed, "/".join(key), campaign["odds_wins"], campaign["odds_of"], prizes)
        check(row["won"] == (place is not None) and row["prize"] == place, "drawn otherwise:", row, place)
        won = None if place is None else worth(prizes[place], line["amount_minor"])
        check(row["prize_amount_minor"] == won, "worth otherwise:", row, won)
    if tables.extra("terms.json"):
        terms = json.loads(tables.extra("terms.json").read_text("utf-8"))["items"]
        expected = {key: campaign_of(terms, line) for key, line in purchases.items()}
        expected = {key: campaign for key, campaign in expected.items() if campaign}
        found = {(row["wallet"], row["transaction_id"]): row["campaign"] for row in tables.draws}
        check(found == expected, "not the right campaigns:",
              list((set(found.items()) ^ set(expected.items())))[:5])


def check_rewards(tables):
    """Every win has one reward, and what was granted is in the wallets once."""
    wins = {row["reward_id"]: row for row in tables.draws if row["won"]}
    rewards = {row["reward_id"]: row for row in tables.rewards}
    check(len(rewards) == len(tables.rewards), "a reward is there twice")
    check(set(wins) == set(rewards), "wins are not rewards:", set(wins) ^ set(rewards))
    ends = {"granted", "clawed-back", "budget-exhausted", "limit-reached", "failed"}
    for name, row in rewards.items():
        won = wins.get(name)
        check(row["status"] in ends, "not at its end:", row)
        check(won and won["prize_amount_minor"] == row["amount_minor"], "another amount:", row)
        check(won and won["limited"] == (row["status"] == "limit-reached"), "limited or not:", row)
    credits = Counter()
    back = defaultdict(int)
    for row in tables.entries:
        if row["kind"] == "reward":
            credits[row["reference"], row["account"], row["amount_minor"]] += 1
        elif row["kind"] == "reward-clawed-back":
            back[row["account"]] -= row["amount_minor"]
    granted = [row for row in tables.rewards if row["status"] in ("granted", "clawed-back")]
    expected = Counter((row["reward_id"], row["wallet"], row["amount_minor"]) for row in granted)
    check(credits == expected, "credits are not what was granted:",
          list(((credits - expected) + (expected - credits)).items())[:5])
    taken = defaultdict(int)
    for row in granted:
        taken[row["wallet"]] += row["clawed_back_minor"] or 0
    for wallet in set(back) | set(taken):
        check(back[wallet] == taken[wallet], "taken back otherwise:", wallet, back[wallet], taken[wallet])


def check_campaigns(tables):
    """Counts and sums of each campaign. Returns what was counted."""
    counted = {}
    for name, row in tables.campaign.items():
        draws = [draw for draw in tables.draws if draw["campaign"] == name]
        rewards = [reward for reward in tables.rewards if reward["campaign"] == name]
        of = lambda *status: [reward for reward in rewards if reward["status"] in status]
        sums = {
            "draws": len(draws),
            "wins": sum(draw["won"] and not draw["limited"] for draw in draws),
            "rewards": len(of("granted", "clawed-back")),
            "exhausted": len(of("budget-exhausted")),
            "failed": len(of("failed")),
            "waiting": 0,
            "clawed_back_minor": sum(reward["clawed_back_minor"] or 0 for reward in rewards),
        }
        credited = sum(reward["amount_minor"] for reward in of("granted", "clawed-back"))
        sums["granted_minor"] = credited - sums["clawed_back_minor"]
        for what, value in sums.items():
            check(row[what] == value, name, what, "is", row[what], "and counted", value)
        left = row["budget_minor"] - sums["granted_minor"]
        check(left >= 0, name, "granted more than its budget")
        if sums["clawed_back_minor"] == 0:
            for reward in of("budget-exhausted"):
                check(reward["amount_minor"] > left, "there was enough for", reward)
        counted[name] = sums
    return counted


def check_wallets(tables):
    """Balances are the sums of the entries."""
    sums = defaultdict(int)
    for row in tables.entries:
        if row["entity"] == "wallet":
            sums[row["account"]] += row["amount_minor"]
    for row in tables.wallets:
        check(sums[row["id"]] == row["posted_minor"], "does not add up:", row)


def main():
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        print(__doc__, file=sys.stderr)
        return 2
    tables = Tables(sys.argv[1])
    purchases = check_lines(tables)
    seeds = check_seeds(tables)
    check_draws(tables, purchases, seeds)
    check_rewards(tables)
    check_wallets(tables)
    campaigns = check_campaigns(tables)
    for fault in faults[:FAULTS_MAX]:
        print(fault, file=sys.stderr)
    report = {
        "lines": len(tables.transactions),
        "purchases": len(purchases),
        "draws": len(tables.draws),
        "seeds": len(seeds),
        "campaigns": campaigns,
        "faults": len(faults),
    }
    print(json.dumps(report, indent=2))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
