#!/usr/bin/env bash
# Puts something of every kind into a fresh server, so that the addresses of the API exist.
#
#   tests/schema/seed.sh URL
#
# The ids are those that schemathesis.toml names. Everything is done once and under a key; the first
# call that is refused ends it.
set -euo pipefail

url=$1
today=$(date -u +%Y-%m-%d)
soon=$(date -u -d '+30 days' +%Y-%m-%d)

send() { curl -sS -f --max-time 60 -H 'Content-Type: application/json' \
    -H "Idempotency-Key: seed-$1" -H 'Prefer: wait=30' -X "$2" "$url$3" -d "$4"; }
post() { send "$1" POST "$2" "$3"; echo; }
id_in() { sed -n '1s/^{"id":"\([^"]*\)".*/\1/p'; }

for wallet in alice bob carol; do
    post "$wallet" /v1/wallets "{\"id\":\"$wallet\",\"currency\":\"EUR\",\"owner\":\"${wallet^}\"}"
    post "$wallet-1" "/v1/wallets/$wallet/deposits" \
        '{"amount":"100000.00","currency":"EUR","method":"external","description":"to begin with"}'
done
deposit=$(post pull /v1/wallets/alice/deposits \
    '{"amount":"25.00","currency":"EUR","method":"bank_pull"}' | id_in)
post clinic /v1/providers '{"id":"clinic","name":"Clinic by the Lake","currency":"EUR",
    "settlement":{"every":"month","on":"1","at":"02:00","time_zone":"Europe/Prague"},"account":"acct-clinic"}'
post quick /v1/providers \
    '{"id":"quick","name":"Quick","currency":"EUR","settlement":"immediate","account":"acct-quick"}'
payment=$(post pay /v1/payments '{"wallet":"alice","provider":"clinic","amount":"12.30",
    "currency":"EUR","metadata":{"order":"17"}}' | id_in)
post pay-now /v1/payments '{"wallet":"bob","provider":"quick","amount":"1.00","currency":"EUR"}'
post refund "/v1/payments/$payment/refunds" '{"amount":"2.30"}'
post activities /v1/providers/clinic/activities "[{\"activity_id\":\"act-0\",\"member\":\"member-7\",
    \"service_date\":\"$today\",\"amount\":\"25.00\",\"currency\":\"EUR\"}]"
post harbour /v1/deals '{"id":"harbour","name":"Harbour Lofts","amount":"500000.00","currency":"EUR"}'
investment=$(post invest /v1/deals/harbour/investments \
    '{"wallet":"alice","amount":"1000.00","currency":"EUR","funding":"wallet"}' | id_in)
advance=$(post advance /v1/advances \
    '{"account":"acct-alice","amount":"120.00","currency":"EUR","plan":{"installments":12,"every":"week"}}' | id_in)
post coffee /v1/campaigns "{\"id\":\"coffee\",\"currency\":\"EUR\",\"budget\":\"5000.00\",
    \"starts_at\":\"$today\",\"ends_at\":\"$soon\",\"odds\":\"1\",\"prizes\":[{\"percent\":\"50\"}]}"
post lines /v1/wallets/alice/transactions "[{\"transaction_id\":\"t-0\",\"date\":\"$today\",
    \"status\":\"posted\",\"amount\":\"7.77\",\"currency\":\"EUR\",\"description\":\"coffee\",
    \"merchant\":{\"id\":\"m-1\",\"name\":\"Café\",\"category_code\":\"5812\"}}]"
for _ in {1..300}; do
    reward=$(curl -sS -f --max-time 10 "$url/v1/wallets/alice/rewards" | sed -n 's/.*"id":"\(rwd_[^"]*\)".*/\1/p')
    if [ -n "$reward" ]; then break; fi
    sleep 0.1
done
echo "$deposit $payment $investment $advance $reward"
