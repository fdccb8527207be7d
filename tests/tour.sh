#!/usr/bin/env bash
# The README's tour, run as it stands: every block of shell under "A tour" against a real server.
#
# A tour that is not run goes stale. So the blocks are cut out of README.md, only the address and
# the path of the binary are put in, and each call must get the status that is listed below.
# Usage: tests/tour.sh [BINARY]   (target/release/bursar when it is not said)
# Needs bash, curl, grep, sed. Takes some seconds; stops itself after two minutes.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
binary=${1:-$root/target/release/bursar}
[ -x "$binary" ] || { echo "tour: $binary is not there; build it with: cargo build --release" >&2; exit 2; }
binary=$(cd "$(dirname "$binary")" && pwd)/${binary##*/}

# The status of each call of the tour, in order.
expected="201 201 201 201 201 409 200 200 200 201 200 200"
# The deal: opened, a fault, three wallets, three requests; two waited for; the deal, the mails.
expected="$expected 201 201 201 201 201 202 202 202 200 200 200 200"
expected="$expected 200 200 200 200"
# Paid at once, activities, an advance; the day, a campaign, bank lines twice; the clock; a reward.
expected="$expected 201 200 200 200 200 201 202 202 200 200 200 200 200 200"

scratch=$(mktemp -d)
server=
watchdog=
finish() {
    result=$?
    trap - EXIT
    [ -z "$watchdog" ] || kill "$watchdog" 2>/dev/null || true
    [ -z "$server" ] || kill -KILL "$server" 2>/dev/null || true
    if [ "$result" -ne 0 ]; then
        echo "tour: FAILED; the server said:" >&2
        cat "$scratch/server.out" "$scratch/server.err" >&2 2>/dev/null || true
    fi
    rm -rf "$scratch"
    exit "$result"
}
trap finish EXIT
trap 'exit 143' TERM INT
( exec >/dev/null 2>&1; sleep 120 & pause=$!; trap 'kill $pause' TERM; wait $pause && kill -TERM $$ ) &
watchdog=$!

fail() { echo "tour: $*" >&2; exit 1; }

cd "$scratch"
BURSAR__SERVER__LISTEN=127.0.0.1:0 "$binary" </dev/null >server.out 2>server.err &
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

# Every call is bounded in time and notes its status.
curl() {
    local result=0
    command curl --max-time 60 "$@" -w '%{stderr}%{http_code}\n' 2>>"$scratch/statuses" || result=$?
    # The stream of outcomes never ends by itself: the tour gives it a time, and 28 says it is over.
    [ "$result" -eq 28 ] && [[ "$*" == *outcomes/events* ]] || return "$result"
}

: >statuses
blocks=0
inside=no
while IFS= read -r line; do
    if [ "$inside" = no ]; then
        if [ "$line" = '```sh' ]; then inside=yes; : >block; fi
    elif [ "$line" = '```' ]; then
        inside=no
        blocks=$((blocks + 1))
        if grep -q 'bursar verify' block; then stop_server; fi
        sed -e "s|http://127\.0\.0\.1:8080|$BURSAR_URL|g" -e "s|\./target/release/bursar|$binary|g" \
            block >"block-$blocks.sh"
        # shellcheck disable=SC1090
        source "./block-$blocks.sh" </dev/null >"answer-$blocks" \
            || { cat "block-$blocks.sh" "answer-$blocks" >&2; fail "block $blocks failed"; }
    else
        printf '%s\n' "$line" >>block
    fi
done < <(sed -n '/^## A tour/,/^## Import/p' "$root/README.md")

found=$(sed -n '/^[0-9][0-9][0-9]$/p' statuses | sed -e ':all' -e 'N' -e '$!b all' -e 's/\n/ /g')
[ "$found" = "$expected" ] || { cat answer-* >&2; fail "the statuses are $found and not $expected"; }
[ -z "$server" ] || fail "the tour ended without stopping the server"

cat answer-* >answers
has() { grep -qi -- "$1" answers || { cat answers >&2; fail "no answer has $1"; }; }
has '"balance_after":"87.70"'
has '^idempotency-replayed: true'
has '"code":"insufficient-funds"'
has '"balance":8770'
has '"refunded":"2.30"'
has '"index":3,"status":409'
has '^event: refund.posted'
has '"sum":"0.00"'
has '"wallet":"ben".*"status":"failed"'
has '"wallet":"cleo".*"status":"confirmed"'
has '"confirmed":"20000.00".*"last_ticket":3'
has 'cleo@example.com'
has '^event: investment.confirmed'
has '"balanced":true'
has '"posted":"90.00"'
has '<title>Bursar API</title>'
has '"provider":"dentist".*"status":"posted"'
has '"activity_id":"act-1","status":"new"'
has '"activity_id":"act-1","status":"duplicate"'
has '"provider":"clinic","number":[0-9]*,"status":"paid"\|"status":"paid"'
has '"account":"acct-dora".*"status":"completed"'
has '"transaction_id":"tx-1","status":"new"'
has '"transaction_id":"tx-1","status":"duplicate"'
has '"wallet":"ann","campaign":"coffee".*"status":"granted","amount":"1.25"'
has '"key":"ann/tx-1".*"seed":"[0-9a-f]\{64\}".*"won":true'
echo "tour: $blocks blocks, $(grep -c . statuses) calls, all as the README says"
