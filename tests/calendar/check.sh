#!/usr/bin/env bash
# Makes the table of the independent calendar again and compares it with the one checked in.
#
#   tests/calendar/check.sh            with the versions of requirements.txt
#   tests/calendar/check.sh latest     with the newest tzdata and python-dateutil of PyPI
#   tests/calendar/check.sh --write    with the versions of requirements.txt, into cases.csv
#
# Ends with 0 when every row is the same, with 3 when only the time zone database differs (then
# the rows are right for another release of it than the one in the binary), with 1 otherwise.
# What is installed goes to a temporary folder. It needs Python 3.11 or newer and PyPI.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")"
what=${1:-pinned}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

rows() { grep -v '^#' "$1"; }
says() { sed -n '1s/^# //p' "$1"; }
database() { sed -n '1s/^# tzdata \([^ ]*\) .*/\1/p' "$1"; }
package() { sed -n '1s/.*(PyPI \([^)]*\)).*/\1/p' "$1"; }
make_table() { "$scratch/venv/bin/python" make_cases.py >"$1"; }
install() { "$scratch/venv/bin/pip" install --quiet --disable-pip-version-check "$@"; }
# same_rows ONE OTHER: whether they have the same rows; what differs is left in $scratch/rows.diff.
same_rows() { diff <(rows "$1") <(rows "$2") >"$scratch/rows.diff"; }

python3 -m venv "$scratch/venv"
case "$what" in
    pinned | --write) install --requirement requirements.txt ;;
    latest) install tzdata python-dateutil ;;
    *) sed -n 4,6p "${BASH_SOURCE[0]##*/}" >&2; exit 2 ;;
esac

make_table "$scratch/made.csv"
echo "checked in: $(says cases.csv 2>/dev/null || true)"
echo "made now:   $(says "$scratch/made.csv")"
if [ "$what" = --write ]; then
    cp "$scratch/made.csv" cases.csv
    echo "written: $(rows cases.csv | wc -l) rows"
    exit
fi

if same_rows cases.csv "$scratch/made.csv"; then
    echo "the same: $(rows cases.csv | wc -l) rows"
    exit
fi
cp "$scratch/rows.diff" "$scratch/first.diff"
count=$(grep -c '^>' "$scratch/first.diff" || true)
head -n 20 "$scratch/first.diff"
echo "$count rows made now are not in the table"

# Is it the database? With the table's own release of it, every row must be the same again.
if [ "$(database cases.csv)" != "$(database "$scratch/made.csv")" ]; then
    install "tzdata==$(package cases.csv)"
    make_table "$scratch/again.csv"
    if same_rows cases.csv "$scratch/again.csv"; then
        echo "ONLY THE TIME ZONE DATABASE DIFFERS:" \
            "$(database cases.csv) is checked in, $(database "$scratch/made.csv") was used now"
        exit 3
    fi
fi
echo "THE TABLE DIFFERS, and not because of the time zone database"
exit 1
