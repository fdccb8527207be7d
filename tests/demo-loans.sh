#!/usr/bin/env bash
# The README's year of loans, run as it stands: every block of shell under "A year of loans".
#
# A demo that is not run goes stale. So the blocks are cut out of README.md, only the address and
# the path of the binary are put in, and the table at the end must be the README's to the cent: all
# chance comes from the sandbox's seed and the keys of the loans, so every run ends the same. Then
# the processor's own ledger must say what the table says, and the books on disk must balance.
# Usage: tests/demo-loans.sh [BINARY]   (target/release/bursar when it is not said)
# Needs bash, curl, grep, sed. Takes one to three minutes; stops itself after ten.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
binary=${1:-$root/target/release/bursar}
[ -x "$binary" ] || { echo "demo: $binary is not there; build it with: cargo build --release" >&2; exit 2; }
binary=$(cd "$(dirname "$binary")" && pwd)/${binary##*/}

scratch=$(mktemp -d)
server=
watchdog=
finish() {
    result=$?
    trap - EXIT
    [ -z "$watchdog" ] || kill "$watchdog" 2>/dev/null || true
    [ -z "$server" ] || kill -KILL "$server" 2>/dev/null || true
    if [ "$result" -ne 0 ]; then
        echo "demo: FAILED; the server said:" >&2
        tail -n 50 "$scratch/server.out" "$scratch/server.err" >&2 2>/dev/null || true
    fi
    rm -rf "$scratch"
    exit "$result"
}
trap finish EXIT
trap 'exit 143' TERM INT
( exec >/dev/null 2>&1; sleep 600 & pause=$!; trap 'kill $pause' TERM; wait $pause && kill -TERM $$ ) &
watchdog=$!

fail() { echo "demo: $*" >&2; exit 1; }

cd "$scratch"
mkdir -p tests/data
cp "$root/tests/data/loans.csv" tests/data/
# The third parties answer at once, so that a year takes a minute; nothing else differs.
BURSAR__SANDBOX__LATENCY_MS=0 BURSAR__SANDBOX__LATENCY_JITTER_MS=0 \
    "$binary" serve --sandbox --listen 127.0.0.1:0 --data ./data-loans \
    </dev/null >server.out 2>server.err &
server=$!
for _ in {1..300}; do
    if grep -q 'listening on ' server.out; then break; fi
    kill -0 "$server" 2>/dev/null || fail "the server ended before it listened"
    sleep 0.1
done
BURSAR_URL=$(sed -n 's/.*listening on \(http:[^ ]*\).*/\1/p' server.out | sed -n 1p)
[ -n "$BURSAR_URL" ] || fail "the server did not say where it listens"

stop_server() {
    kill -TERM "$server"
    result=0
    wait "$server" || result=$?
    server=
    [ "$result" -eq 0 ] || fail "the server stopped with $result"
}

# Every call is bounded in time and must be answered well.
curl() { command curl --fail-with-body --max-time 120 "$@"; }

blocks=0
inside=no
: >answers
while IFS= read -r line; do
    if [ "$inside" = no ]; then
        if [ "$line" = '```sh' ]; then inside=yes; : >block; fi
    elif [ "$line" = '```' ]; then
        inside=no
        # The one that starts the server has been seen to above.
        if grep -q 'bursar serve' block; then continue; fi
        blocks=$((blocks + 1))
        if grep -q 'bursar verify' block; then stop_server; fi
        sed -e "s|http://127\.0\.0\.1:8080|$BURSAR_URL|g" \
            -e "s#\./target/release/bursar \(import\|advances\)#$binary \1 --url $BURSAR_URL#g" \
            -e "s|\./target/release/bursar|$binary|g" block >"block-$blocks.sh"
        # shellcheck disable=SC1090
        source "./block-$blocks.sh" </dev/null >"answer-$blocks" \
            || { cat "block-$blocks.sh" "answer-$blocks" >&2; fail "block $blocks failed"; }
        # An answer over HTTP ends without a line break.
        { cat "answer-$blocks"; echo; } >>answers
    else
        printf '%s\n' "$line" >>block
    fi
done < <(sed -n '/^## A year of loans/,/^## The folders/p' "$root/README.md")
[ "$blocks" -gt 3 ] || fail "the README has no blocks under \"A year of loans\""
[ -z "$server" ] || fail "the demo ended without stopping the server"

# The tables of the README, line by line, must have come out.
tables=0
while IFS= read -r line; do
    grep -qxF -- "$line" answers || { cat answers >&2; fail "not what came out: $line"; }
    tables=$((tables + 1))
done < <(sed -n '/^## A year of loans/,/^## The folders/p' "$root/README.md" \
    | grep -E '^(currency  status|CZK       |months  loans| +(12|24|36|48|60) |"totals":)' )
[ "$tables" -ge 10 ] || fail "the README shows $tables lines of tables"

# What the processor booked is what the table says.
total=$(sed -n 's/^CZK       total  *//p' answers)
read -r _ _ given collected outstanding _ <<<"$total"
grep -q "\"pulled\":\"$collected\",\"pushed\":\"$given\"" answers \
    || { cat answers >&2; fail "the processor's ledger is not given $given, collected $collected"; }

echo "demo: $blocks blocks, as the README says; $outstanding CZK are outstanding"
sed -n '/^currency  status/,/^CZK       total/p' answers
