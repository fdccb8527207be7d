#!/usr/bin/env bash
# Reads exported Parquet files with an independent reader, DuckDB, and compares them with NDJSON.
#
#   tests/export/check.sh [BINARY]     default: target/release/bursar, or what CARGO_TARGET_DIR says
#
# Starts a server with a part of the bank's statement and loans in it, exports every table from it as
# Parquet and as NDJSON, each at one position, stops it, exports again from its directory, and has
# check.py compare. What is installed goes to a temporary folder. It needs Python 3 and PyPI.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
binary=${1:-${CARGO_TARGET_DIR:-target}/release/bursar}
tables='wallets providers payments entries activities reimbursements deals investments advances debits transactions draws rewards campaigns commitments outcomes'
scratch=$(mktemp -d)
server=
trap 'kill -KILL "${server:-}" 2>/dev/null || true; rm -rf "$scratch"' EXIT

[ -x "$binary" ] || { echo "there is no $binary: build it, or name another one" >&2; exit 2; }
python3 -m venv "$scratch/venv"
"$scratch/venv/bin/pip" install --quiet --disable-pip-version-check \
    --requirement tests/export/requirements.txt

"$binary" serve --sandbox --data "$scratch/data" --listen 127.0.0.1:0 >"$scratch/server.out" &
server=$!
for _ in {1..600}; do
    if grep -q 'listening on ' "$scratch/server.out"; then break; fi
    kill -0 "$server" || { echo "the server ended before it listened" >&2; exit 1; }
    sleep 0.1
done
url=$(sed -n 's/.*listening on \(http:[^ ]*\).*/\1/p' "$scratch/server.out" | sed -n 1p)
[ -n "$url" ] || { echo "the server does not listen" >&2; exit 1; }

post() { curl -sS -f -o /dev/null --max-time 30 -H 'Content-Type: application/json' \
    -H "Idempotency-Key: $1" "$url$2" -d "$3"; }

"$binary" import tests/data/statement.csv --url "$url" >/dev/null
"$binary" import --loans tests/data/loans.csv --limit 20 --wait --url "$url" >/dev/null
today=$(date -u +%Y-%m-%d)
post k-prov /v1/providers '{"id":"clinic","name":"Clinic \"Süd\", Ltd","currency":"EUR",
    "settlement":{"every":"day"},"account":"clinic-bank"}'
post k-act /v1/providers/clinic/activities "[
    {\"activity_id\":\"v:1\",\"member\":\"Zoë\",\"service_date\":\"$today\",\"amount\":\"12.34\",\"currency\":\"EUR\"},
    {\"activity_id\":\"v:2\",\"member\":\"mia\",\"service_date\":\"$today\",\"amount\":\"0.01\",\"currency\":\"EUR\",
     \"description\":\"x, \\\"y\\\"\"}]"
post k-yen /v1/wallets '{"id":"yen","currency":"JPY"}'
post k-yen-1 /v1/wallets/yen/deposits '{"amount":"5000","currency":"JPY","method":"external"}'
post k-dinar /v1/wallets '{"id":"dinar","currency":"KWD","owner":""}'
post k-dinar-1 /v1/wallets/dinar/deposits '{"amount":"1.005","currency":"KWD","method":"external"}'
post k-deal /v1/deals '{"id":"mill","name":"Mill","amount":"100.00","currency":"EUR","max_investors":2}'
post k-ann /v1/wallets '{"id":"ann","currency":"EUR"}'
post k-invest /v1/deals/mill/investments \
    '{"wallet":"ann","amount":"10.00","currency":"EUR","funding":"bank"}'
post k-campaign /v1/campaigns "{\"id\":\"tea\",\"name\":\"Tee, gratis\",\"currency\":\"EUR\",\"budget\":\"5.00\",
    \"starts_at\":\"$today\",\"ends_at\":\"$(date -u -d '+30 days' +%Y-%m-%d)\",\"odds\":\"1\",\"prizes\":[{\"percent\":\"50\"}]}"
post k-lines /v1/wallets/ann/transactions "[
    {\"transaction_id\":\"t/1\",\"date\":\"$today\",\"status\":\"posted\",\"amount\":\"7.77\",\"currency\":\"EUR\",
     \"description\":\"x, \\\"y\\\"\",\"merchant\":{\"id\":\"m\",\"name\":\"Zoë\",\"category_code\":\"0042\"}},
    {\"transaction_id\":\"t/2\",\"date\":\"$today\",\"status\":\"posted\",\"amount\":\"9.99\",\"currency\":\"EUR\"}]"
post k-clock /admin/clock '{"advance":"P40D"}'

# export FOLDER OPTIONS...: every table at one position.
export_all() {
    local folder=$1 position
    shift
    mkdir -p "$folder"
    position=$("$binary" export --table wallets --format ndjson --out "$folder/first" --json "$@" \
        | sed -n 's/.*"position": "\([0-9.]*\)".*/\1/p')
    rm "$folder/first"
    for table in $tables; do
        for format in parquet ndjson; do
            "$binary" export --table "$table" --format "$format" --at "$position" \
                --out "$folder/$table.$format" "$@" >/dev/null
        done
    done
}

export_all "$scratch/live" --url "$url"
"$scratch/venv/bin/python" tests/export/check.py "$scratch/live"
kill -TERM "$server"
wait "$server"
server=
export_all "$scratch/stored" --data "$scratch/data"
"$scratch/venv/bin/python" tests/export/check.py "$scratch/stored"
