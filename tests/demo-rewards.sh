#!/usr/bin/env bash
# The README's year of bank lines, run as it stands: every block of shell under "A year of bank lines".
#
# A demo that is not run goes stale. So the blocks are cut out of README.md; only the address, the
# path of the binary and, when there is one, the larger statement are put in. The secret of a campaign
# is random, so who wins differs from run to run; what must hold every time is checked here: each line
# counts once and is drawn once, every draw can be done again from the exported files, what was
# promised was kept, all that was granted is in the wallets, and the books on disk balance.
# Usage: tests/demo-rewards.sh [BINARY [STATEMENT]]   (target/release/bursar; the README's own file)
#   UNTIL=1993-12-31: only up to this day of the file. QUICK=1: only its first forty days.
# Needs bash, awk, curl, grep, sed. Stops itself after twenty minutes; the README's own file takes some seconds.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
binary=${1:-$root/target/release/bursar}
[ -x "$binary" ] || { echo "demo: $binary is not there; build it with: cargo build --release" >&2; exit 2; }
binary=$(cd "$(dirname "$binary")" && pwd)/${binary##*/}
statement=${2:-$root/tests/data/statement.csv}
[ -f "$statement" ] || { echo "demo: $statement is not there" >&2; exit 2; }
statement=$(cd "$(dirname "$statement")" && pwd)/${statement##*/}
until=${UNTIL:-}
[ -z "${QUICK:-}" ] || until=1993-02-09

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
( exec >/dev/null 2>&1; sleep 1200 & pause=$!; trap 'kill $pause' TERM; wait $pause && kill -TERM $$ ) &
watchdog=$!

fail() { echo "demo: $*" >&2; exit 1; }

cd "$scratch"
# The third parties answer at once, so that a year takes minutes; nothing else differs.
BURSAR__SANDBOX__LATENCY_MS=0 BURSAR__SANDBOX__LATENCY_JITTER_MS=0 \
    "$binary" serve --sandbox --listen 127.0.0.1:0 --data ./data-rewards \
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
began=$SECONDS
: >answers
while IFS= read -r line; do
    if [ "$inside" = no ]; then
        if [ "$line" = '```sh' ]; then inside=yes; : >block; fi
    elif [ "$line" = '```' ]; then
        inside=no
        # The one that starts the server has been seen to above.
        if grep -q 'bursar serve' block; then continue; fi
        blocks=$((blocks + 1))
        if grep -q 'bursar verify ' block; then stop_server; fi
        sed -e "s|http://127\.0\.0\.1:8080|$BURSAR_URL|g" \
            -e "s#\./target/release/bursar import#$binary import --url $BURSAR_URL ${until:+--to $until}#g" \
            -e "s|\./target/release/bursar|$binary|g" \
            -e "s|tests/data/statement\.csv|$statement|g" block >"block-$blocks.sh"
        # shellcheck disable=SC1090
        source "./block-$blocks.sh" </dev/null >"answer-$blocks" \
            || { cat "block-$blocks.sh" "answer-$blocks" >&2; fail "block $blocks failed"; }
        # An answer over HTTP ends without a line break.
        { cat "answer-$blocks"; echo; } >>answers
    else
        printf '%s\n' "$line" >>block
    fi
done < <(sed -n '/^## A year of bank lines/,/^## A year of loans/p' "$root/README.md")
[ "$blocks" -ge 4 ] || fail "the README has no blocks under \"A year of bank lines\""
[ -z "$server" ] || fail "the demo ended without stopping the server"

has() { grep -q -- "$1" answers || { cat answers >&2; fail "no answer has: $1"; }; }
count() { sed -n "s/^$1  *\([0-9][0-9]*\)$/\1/p" answers | sed -n 1p; }

has '^Every line counts once, and each that is for a campaign was drawn once\.$'
has '^Every draw that could be done again is the one in the file\.$'
has ' are as they were noted\.$'
if grep -q '^Warning: ' answers; then fail "a commitment was published late"; fi

# The lines are those of the file, by another count than the command's.
lines=$(awk -F, -v until="${until:-9999}" 'NR > 1 && $3 <= until && $6 > 0' "$statement" | wc -l)
[ "$(count 'in the file')" -eq "$lines" ] || fail "the file has $lines lines"
[ "$(count 'new')" -eq "$lines" ] || fail "not $lines lines were new"
drawn=$(awk -F, -v until="${until:-9999}" 'NR > 1 && $3 <= until && $6 >= 50' "$statement" | wc -l)
[ "$(count 'drawn')" -eq "$drawn" ] || fail "not $drawn lines were drawn"
checked=$(sed -n 's/^year  *\([0-9]*\)  *\([0-9]*\)  *0  .*/\1 \2/p' answers | sed -n '$p')
[ "$checked" = "$drawn $drawn" ] || fail "$checked were checked, not $drawn"

sed -n '/^lines  /,/^Every line/p; /^campaign  draws/,/^Every draw/p' answers
echo "demo: $blocks blocks, $drawn draws of $lines lines done again; $((SECONDS - began)) s"
