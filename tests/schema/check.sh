#!/usr/bin/env bash
# Holds the running server against its own description with an independent tool, schemathesis.
#
#   tests/schema/check.sh [BINARY] [--minutes M] [--seed N]
#
# Starts a server with something of every kind in it (seed.sh), checks that every example in the
# description is valid and that every answer of a tour is as described (examples.py), then sends it
# what the description allows and what it forbids, by count; with --minutes, for so long. What is not
# asked, and why, stands in schemathesis.toml and hooks.py. What is installed goes to a temporary
# folder. It needs Python 3.11 and PyPI; where PyPI cannot be reached, it says "skipped".
# Ends with 0 when nothing was found, with 1 when something was, with 2 after wrong use.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
binary=${CARGO_TARGET_DIR:-target}/release/bursar
seed=6
bound=(--max-examples 40)
usage() { sed -n 4p tests/schema/check.sh >&2; exit 2; }
while [ $# -gt 0 ]; do
    case "$1" in
        --minutes) [[ "${2:-}" =~ ^[1-9][0-9]*$ ]] || usage; bound=(--max-time $(($2 * 60))); shift 2 ;;
        --seed) [[ "${2:-}" =~ ^[0-9]+$ ]] || usage; seed=$2; shift 2 ;;
        -*) usage ;;
        *) binary=$1; shift ;;
    esac
done
[ -x "$binary" ] || { echo "there is no $binary: build it, or name another one" >&2; exit 2; }
binary=$(realpath "$binary")
here=$PWD/tests/schema
scratch=$(mktemp -d)
server=
trap 'kill -KILL "${server:-}" 2>/dev/null || true; rm -rf "$scratch"' EXIT

reach=0
timeout 60 curl -sSf -o /dev/null https://pypi.org/simple/schemathesis/ || reach=$?
[ "$reach" -eq 0 ] || { echo "skipped: PyPI cannot be reached"; exit 0; }
python3 -m venv "$scratch/venv"
"$scratch/venv/bin/pip" install --quiet --disable-pip-version-check \
    --requirement "$here/requirements.txt"

"$binary" serve --sandbox --data "$scratch/data" --listen 127.0.0.1:0 \
    >"$scratch/server.out" 2>"$scratch/server.err" &
server=$!
for _ in {1..600}; do
    if grep -q 'listening on ' "$scratch/server.out"; then break; fi
    kill -0 "$server" || { echo "the server ended before it listened" >&2; exit 1; }
    sleep 0.1
done
url=$(sed -n 's/.*listening on \(http:[^ ]*\).*/\1/p' "$scratch/server.out" | sed -n 1p)
[ -n "$url" ] || { echo "the server does not listen" >&2; exit 1; }

"$here/seed.sh" "$url" >"$scratch/ids"
"$scratch/venv/bin/python" "$here/examples.py" "$url" "$scratch/ids"

# In its own folder: schemathesis leaves files behind.
cd "$scratch"
found=0
PYTHONPATH=$here SCHEMATHESIS_HOOKS=hooks PYTHONDONTWRITEBYTECODE=1 \
    "$scratch/venv/bin/st" --config-file "$here/schemathesis.toml" run "$url/openapi.json" \
    --no-color --seed "$seed" "${bound[@]}" || found=$?
kill -0 "$server" || { echo "the server ended" >&2; cat "$scratch/server.err" >&2; exit 1; }
kill -TERM "$server"
wait "$server"
server=
"$binary" verify --data "$scratch/data"
[ "$found" -eq 0 ] || { echo "the server and its description differ (seed $seed)" >&2; exit 1; }
