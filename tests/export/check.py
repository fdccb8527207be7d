"""Reads the Parquet files of an export with DuckDB and compares them with the same rows as NDJSON.

For each table in a folder there are TABLE.parquet and TABLE.ndjson, of one position. NDJSON is read
by Python alone, so that nothing of the two ways is shared: types, the number of rows, the number of
values of every column, the sums of every number and amount, per currency, and every single value in
order. Ends with 0 when all is the same.
"""

import datetime
import decimal
import json
import pathlib
import sys

import duckdb

MILLIS = datetime.timedelta(milliseconds=1)
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


def plain(value):
    """A value of DuckDB as NDJSON would have it."""
    if isinstance(value, datetime.datetime):
        if value.tzinfo is None:
            value = value.replace(tzinfo=datetime.timezone.utc)
        millis = (value - EPOCH) // MILLIS
        at = EPOCH + millis * MILLIS
        return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{millis % 1000:03d}Z"
    if isinstance(value, datetime.date):
        return value.isoformat()
    return value


def same(parquet, ndjson):
    """Whether two values are one."""
    if isinstance(parquet, decimal.Decimal):
        return ndjson is not None and parquet == decimal.Decimal(ndjson)
    return plain(parquet) == ndjson


def check(folder, name):
    """Compares one table; returns what differs."""
    faults = []
    file = str(folder / f"{name}.parquet")
    with open(folder / f"{name}.ndjson", encoding="utf-8") as lines:
        rows = [json.loads(line, parse_float=decimal.Decimal) for line in lines]
    described = duckdb.sql(f"DESCRIBE SELECT * FROM read_parquet('{file}')").fetchall()
    types = {column: kind for column, kind, *_ in described}
    table = duckdb.sql(f"SELECT * FROM read_parquet('{file}')")
    columns, values = table.columns, table.fetchall()
    if len(values) != len(rows):
        return [f"{len(values)} rows in Parquet, {len(rows)} in NDJSON"]
    if rows and list(rows[0]) != columns:
        return [f"columns {columns} in Parquet, {list(rows[0])} in NDJSON"]

    # DuckDB's own sums, over the types that the file says. Names stand without quotes, as people
    # write them: a column must not be called by a word of the language.
    for column in columns:
        kind = types[column]
        present = [row[column] for row in rows if row[column] is not None]
        (count,) = duckdb.sql(f"SELECT count({column}) FROM read_parquet('{file}')").fetchone()
        if count != len(present):
            faults.append(f"{column}: {count} values in Parquet, {len(present)} in NDJSON")
        if kind == "BIGINT" or kind.startswith("DECIMAL"):
            (total,) = duckdb.sql(
                f"SELECT coalesce(sum({column}), 0) FROM read_parquet('{file}')"
            ).fetchone()
            expected = sum((decimal.Decimal(value) for value in present), decimal.Decimal(0))
            if decimal.Decimal(total) != expected:
                faults.append(f"{column}: {total} in Parquet, {expected} in NDJSON")
        if kind.startswith("DECIMAL") and kind != "DECIMAL(38,4)":
            faults.append(f"{column} is {kind}")

    for number, (parquet, ndjson) in enumerate(zip(values, rows)):
        for column, value in zip(columns, parquet):
            if not same(value, ndjson[column]):
                faults.append(f"row {number}, {column}: {value!r} and {ndjson[column]!r}")
                if len(faults) > 10:
                    return faults

    notes = dict(
        (key.decode(), value.decode())
        for _, key, value in duckdb.sql(
            f"SELECT * FROM parquet_kv_metadata('{file}')"
        ).fetchall()
    )
    if notes.get("bursar.table") != name or "bursar.position" not in notes:
        faults.append(f"the file says of itself: {notes}")
    if not faults:
        amounts = {
            column: str(sum(decimal.Decimal(row[column]) for row in rows if row[column] is not None))
            for column in columns
            if types[column].startswith("DECIMAL")
        }
        print(f"{name}: {len(rows)} rows, {len(columns)} columns are the same; sums {amounts}")
    return faults


def main():
    """Checks every table of the folder."""
    folder = pathlib.Path(sys.argv[1])
    duckdb.sql("SET TimeZone = 'UTC'")
    names = sorted(file.stem for file in folder.glob("*.parquet"))
    if not names:
        sys.exit(f"there is no Parquet file in {folder}")
    bad = False
    for name in names:
        for fault in check(folder, name):
            bad = True
            print(f"{name}: {fault}")
    print(f"DuckDB {duckdb.__version__}: {len(names)} tables, {'THEY DIFFER' if bad else 'all the same'}")
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
