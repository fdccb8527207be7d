"""A second calendar, to hold the first one to account: writes cases.csv to standard output.

Nothing here is translated from the Rust code. Dates come from RFC 5545 rules (dateutil's rrule:
"the last of the 28th to the 31st that exists") and are compared with relativedelta, which cuts a
day off at the end of its month. Local times become instants by looking which instants show that
local time (PEP 495): the first of them counts, and where there is none, the local time moves
forward by the length of the gap. dateutil must say the same of each, but in one hour of Nuuk (see
MISTAKEN_HOUR), where Python as well as jiff are wrong about local times, not about instants.

Time zones come from tzdata on PyPI and never from the machine. Only zones whose rules have not
been announced year by year are worth a table; between the releases 2026e (in jiff) and 2026f the
one zone of the world that differs within 1995 to 2036 is America/Havana, so it is left out.
Nothing lies outside those years: 32-bit data ends in 2037.

The cases are chosen by fixed seeds, one for each group, so that the same database gives the same
table and a change of one zone changes only its rows. The file is not named calendar.py, because
Python would then take it for the module `calendar` of the standard library.
"""

import platform
import random
import sys
import zoneinfo
from datetime import date, datetime, time, timedelta, timezone
from fractions import Fraction
from importlib.metadata import version

import tzdata
from dateutil import rrule, tz
from dateutil.relativedelta import relativedelta

zoneinfo.reset_tzpath(to=[])

UTC = timezone.utc
BEGIN, END = datetime(1995, 1, 1, tzinfo=UTC), datetime(2037, 1, 1, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
MILLISECOND = timedelta(milliseconds=1)
ZONES = [
    "UTC",
    "Europe/Prague",
    "America/New_York",
    "Australia/Lord_Howe",  # half an hour of daylight saving
    "Pacific/Apia",  # no 2011-12-30
    "Asia/Kathmandu",  # +05:45
    "America/Sao_Paulo",  # gaps at midnight until 2018
    "Africa/Casablanca",  # the clock is put back for Ramadan
    "Pacific/Chatham",  # +12:45, changes at 02:45
    "Europe/Dublin",  # negative daylight saving in winter
    "Antarctica/Troll",  # two hours of daylight saving
    "America/St_Johns",  # changes at 00:01 until 2011
    "America/Nuuk",  # gaps from Saturday to Sunday
    "Africa/Cairo",
    "America/Caracas",  # half an hour once and back
    "Asia/Tehran",
    "Atlantic/Azores",  # midnight comes twice
]
# Nuuk did not put its clock back in 2023, but by the rule of the years from 2024 on it would have.
# Libraries that look a local time up by that rule take this hour to come twice; zdump does not.
MISTAKEN_HOUR = ("America/Nuuk", datetime(2023, 10, 28, 23), datetime(2023, 10, 29))
WEEKDAYS = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
DEFAULT_ON = {"day": "", "week": "monday", "month": "1", "year": "01-01"}

chance = random.Random()
rows = {}


def begin(*group):
    chance.seed(" ".join(map(str, group)))


def below(count):
    """Only random() promises the same numbers in every version of Python."""
    return int(chance.random() * count)


def pick(things):
    return things[below(len(things))]


def written(instant):
    assert instant.tzinfo is UTC and BEGIN - DAY <= instant < END, instant
    whole = instant.second == 0 and instant.microsecond == 0
    spec = "minutes" if whole else "milliseconds"
    return instant.replace(tzinfo=None).isoformat(timespec=spec)


def put(*fields):
    rows[",".join(str(field) for field in fields)] = None


# Dates.


def rule(every, on, first):
    """The RFC 5545 rule of a cadence, from a date on, without end."""
    start = datetime.combine(first, time())
    on = on or DEFAULT_ON[every]
    if every == "day":
        return rrule.rrule(rrule.DAILY, dtstart=start)
    if every == "week":
        names = [name for name in WEEKDAYS if on.lower() in (name, name[:3])]
        weekday = WEEKDAYS.index(names[0]) if names else int(on) - 1
        return rrule.rrule(rrule.WEEKLY, dtstart=start, byweekday=weekday)
    month, day = (None, on) if every == "month" else map(int, on.split("-"))
    day = 31 if day == "last" else int(day)
    # The last of the days up to the wanted one that the month has.
    days = [day] if day <= 28 else list(range(28, day + 1))
    frequency = rrule.MONTHLY if every == "month" else rrule.YEARLY
    return rrule.rrule(frequency, dtstart=start, bymonth=month, bymonthday=days, bysetpos=-1)


def clamped(every, on, first):
    """The same dates by relativedelta, which keeps within the month."""
    on = on or DEFAULT_ON[every]
    month, day = (None, on) if every == "month" else on.split("-")
    day = 31 if day == "last" else int(day)
    if every == "month":
        found = first.replace(day=1)
        step = relativedelta(months=1)
    else:
        found = first.replace(month=int(month), day=1)
        step = relativedelta(years=1)
    while True:
        if (chosen := found + relativedelta(day=day)) >= first:
            yield chosen
        found += step


def dates(every, on, first, count):
    found = [moment.date() for moment, _ in zip(rule(every, on, first), range(count))]
    if every in ("month", "year"):
        others = [day for day, _ in zip(clamped(every, on, first), range(count))]
        assert found == others, (every, on, first)
    return found


# Instants.


def offsets_near(local, zone):
    """Every offset from UTC that the zone had within a day and a half of a local time."""
    hours = range(-36, 37)
    moments = [local.replace(tzinfo=UTC) + hour * HOUR for hour in hours]
    return sorted({moment.astimezone(zone).utcoffset() for moment in moments})


def instant_of(local, zone):
    """See the head of the file."""
    candidates = [(local - offset).replace(tzinfo=UTC) for offset in offsets_near(local, zone)]
    showing = [c for c in candidates if c.astimezone(zone).replace(tzinfo=None) == local]
    name, low, high = MISTAKEN_HOUR
    if zone.key == name and low <= local < high:
        (instant,) = showing
        return instant
    aware = local.replace(tzinfo=zone)
    assert bool(showing) == tz.datetime_exists(aware), (local, zone)
    if showing:
        assert (len(showing) > 1) == tz.datetime_ambiguous(aware), (local, zone)
        return min(showing)
    gap = aware.replace(fold=1).utcoffset() - aware.replace(fold=0).utcoffset()
    assert timedelta() < gap <= DAY, (local, zone)
    moved = local + gap
    assert tz.resolve_imaginary(aware).replace(tzinfo=None, fold=0) == moved, (local, zone)
    return instant_of(moved, zone)


def occurrences(every, on, at, name, after):
    """All from well before an instant to well after it; each date left out shares its instant."""
    zone = zoneinfo.ZoneInfo(name or "UTC")
    first = after.astimezone(zone).date() - 3 * DAY
    hour, minute = map(int, (at or "00:00").split(":"))
    for day in dates(every, on, first, 20):
        yield instant_of(datetime.combine(day, time(hour, minute)), zone)


def add(every, on, at, name, after):
    """One case; left out when it leaves the years."""
    if not BEGIN <= after < END - 9 * 366 * DAY * (every == "year") - 300 * DAY:
        return
    found = [i for i in occurrences(every, on, at, name, after) if i > after]
    found = sorted(set(found))[:6]
    assert len(found) == 6
    put("cadence", every, on, at, name, written(after), *map(written, found))


def transitions(name):
    """Each change of a zone's offset: the instant, the offset before it and after it."""
    zone = zoneinfo.ZoneInfo(name)
    offset = lambda moment: moment.astimezone(zone).utcoffset()
    moment = BEGIN
    while moment + DAY < END:
        low, high = moment, moment + DAY
        before, after = offset(low), offset(high)
        if before != after:
            while high - low > MINUTE:
                middle = low + (high - low) / 2
                middle -= timedelta(seconds=middle.second, microseconds=middle.microsecond)
                low, high = (low, middle) if offset(middle) != before else (middle, high)
            yield high, before, after
        moment += DAY


# The cases.


def on_for(every, day):
    """A text for the given date."""
    if every == "day":
        return ""
    if every == "week":
        name = WEEKDAYS[day.weekday()]
        return pick([name, name[:3], str(day.isoweekday())])
    is_last = (day + DAY).day == 1
    if every == "month":
        return pick(["31", "last", str(day.day)]) if is_last else str(day.day)
    return f"{day.month:02}-{day.day:02}"


def around_changes():
    """Local times in a gap, in an overlap, and at their edges."""
    for name in ZONES:
        changes = list(transitions(name))
        for moment, before, after in changes:
            begin("changes", name, moment)
            # What the clock shows at the change, by both offsets: the gap or the overlap.
            low, high = sorted((moment + before, moment + after))
            low, high = low.replace(tzinfo=None), high.replace(tzinfo=None)
            length = (high - low) // MINUTE
            for _ in range(1 if len(changes) > 60 else 2):
                minutes = pick([0, 0, -1, length, length - 1, below(length), below(length)])
                local = low + minutes * MINUTE
                every = pick(["day", "day", "week", "month", "month", "year"])
                on, at = on_for(every, local.date()), local.strftime("%H:%M")
                due = instant_of(local, zoneinfo.ZoneInfo(name))
                start = pick(
                    [due, due - MILLISECOND, due + MILLISECOND, moment, moment - MILLISECOND]
                    + [due - DAY, due + length * MINUTE, due - below(3 * 1440) * MINUTE]
                )
                add(every, on, at, name, start)
            if after > before and low.date() < high.date():
                over_midnight(name, moment, low, length)


def over_midnight(name, moment, low, length):
    """A gap that leads into the next date, asked from that date."""
    local = low + below(length) * MINUTE
    if local.date() == low.date() and (below(3) == 0 or moment.year > 2023):
        for every in ("day", "month"):
            add(every, on_for(every, local.date()), local.strftime("%H:%M"), name, moment)


def around_the_date_left_out():
    """Apia in the last days of 2011."""
    begin("left out")
    for every in ("day", "week", "month", "year"):
        for number in (28, 29, 30, 31):
            for at in ("00:00", "09:30", "23:59"):
                on = on_for(every, date(2011, 12, number))
                hours = below(120)
                start = datetime(2011, 12, 27, 10, tzinfo=UTC) + hours * HOUR
                add(every, on, at, "Pacific/Apia", start)


def within_the_mistaken_hour():
    name, low, _ = MISTAKEN_HOUR
    begin("mistaken")
    for every in ("day", "week", "month", "year"):
        for at in ("22:59", "23:00", "23:30", "23:59"):
            start = low.replace(tzinfo=UTC) - below(5 * 24) * HOUR
            add(every, on_for(every, low.date()), at, name, start)


def ends_of_months():
    for name in ZONES:
        begin("months", name)
        for on in ("1", "15", "28", "29", "30", "31", "last", str(1 + below(31))):
            for _ in range(3):
                year, month = 1995 + below(41), pick([1, 2, 2, 3, 1 + below(12), 12])
                start = datetime(year, month, 1 + below(28), below(24), below(60), tzinfo=UTC)
                add("month", on, any_time(), name, start)


def years():
    for name in ZONES:
        begin("years", name)
        for on in ("02-29", "02-29", "02-28", "03-01", "01-01", "12-31", "12-30"):
            for _ in range(2):
                year = pick([1995, 1996, 1999, 2000, 2003, 2004, 2023, 2024, 2026])
                month, day = pick([(2, 27), (2, 28), (3, 1), (3, 2), (12, 30), (12, 31), (1, 1)])
                start = datetime(year, month, day, below(24), below(60), tzinfo=UTC)
                add("year", on, any_time(), name, start)


def any_time():
    return pick(["00:00", "23:59", "02:30", "01:15", f"{below(24):02}:{below(60):02}"])


def any_day():
    return BEGIN.date() + below((END - BEGIN).days - 400) * DAY


def any_instant():
    return BEGIN + below((END - BEGIN) // MINUTE) * MINUTE + below(60_000) * MILLISECOND


def anything():
    begin("anything")
    for _ in range(900):
        every = pick(["day", "week", "month", "year"])
        add(every, on_for(every, any_day()), any_time(), pick(ZONES), any_instant())


def defaults():
    begin("defaults")
    for every in ("day", "week", "month", "year"):
        for at in ("", "12:00"):
            for name in ("", "Europe/Prague"):
                add(every, "", at, name, any_instant())


def downtimes():
    """How many occurrences a span has, which is the first and which the last."""
    begin("downtimes")
    for _ in range(260):
        every = pick(["day", "day", "week", "month"])
        on, at, name = on_for(every, any_day()), any_time(), pick(ZONES)
        after = any_instant()
        now = after + below(1440 * {"day": 12, "week": 60, "month": 300}[every]) * MINUTE
        if now >= END:
            continue
        around = sorted(set(occurrences(every, on, at, name, after)))
        assert around[-1] > now
        if below(4) == 0:
            # To the very instant of one of them, or just before it.
            later = [instant for instant in around if instant > after]
            now = pick(later[:5]) - pick([0, 1]) * MILLISECOND
            if now >= END:
                continue
        found = [instant for instant in around if after < instant <= now]
        ends = [written(found[0]), written(found[-1])] if found else ["", ""]
        put("missed", every, on, at, name, written(after), written(now), len(found), *ends)


def plans():
    """Dates of debits: each is counted from the first day."""
    begin("plans")
    unit = {"day": "days", "week": "weeks", "month": "months", "year": "years"}
    firsts = [date(year, 1, day) for year in (2023, 2024) for day in (28, 29, 30, 31)]
    firsts += [date(2024, 2, 29), date(2096, 2, 29), date(2026, 8, 31), date(2026, 12, 31)]
    firsts += [date(2023, 2, 28), date(2099, 12, 31), date(1996, 2, 29)]
    firsts += [any_day() for _ in range(100)]
    for first in firsts:
        for every in ("day", "week", "month", "year"):
            counts = [0, 1, 2, 3, 4, 11, 12, 13, below(520), 519]
            found = [first + relativedelta(**{unit[every]: count}) for count in counts]
            if every in ("month", "year"):
                on = str(first.day) if every == "month" else f"{first:%m-%d}"
                by_rule = [day.date() for day, _ in zip(rule(every, on, first), range(14))]
                assert found[:8] == [by_rule[count] for count in counts[:8]]
            pairs = [f"{count}:{day}" for count, day in zip(counts, found)]
            put("plan", every, first, " ".join(pairs))


def local_days():
    """The date of an instant, and the first instant of a date, by looking at the minutes."""
    for name in ZONES:
        begin("local", name)
        zone = zoneinfo.ZoneInfo(name)
        near = [moment for moment, _, _ in transitions(name)] or [any_instant()]
        for _ in range(12):
            instant = pick([any_instant(), pick(near), pick(near) - MILLISECOND])
            local = instant.astimezone(zone)
            put("local", name, written(instant), local.date())
            day = local.date()
            start = instant_of(datetime.combine(day, time()), zone)
            assert start.astimezone(zone).date() == day
            assert (start - MILLISECOND).astimezone(zone).date() < day
            if BEGIN <= start:
                put("start", name, day, written(start))


def splits():
    """Equal parts and a last one, by fractions."""
    begin("splits")
    for _ in range(300):
        count = pick([1, 2, 3, 7, 12, 520, 1 + below(520)])
        amount = pick([count - 1, count, below(10 ** (1 + below(17))), below(10**12)])
        part = Fraction(amount, count).__floor__()
        ends = [part, amount - part * (count - 1)] if part >= 1 else ["", ""]
        put("split", amount, count, *ends)


def main():
    around_changes()
    around_the_date_left_out()
    within_the_mistaken_hour()
    ends_of_months()
    years()
    anything()
    defaults()
    downtimes()
    plans()
    local_days()
    splits()
    out = sys.stdout
    packages = f"python-dateutil {version('python-dateutil')}, Python {platform.python_version()}"
    out.write(f"# tzdata {tzdata.IANA_VERSION} (PyPI {version('tzdata')}), {packages}\n")
    out.write("# cadence,every,on,at,time_zone,after,the next six; all in UTC\n")
    out.write("# missed,every,on,at,time_zone,after,now,how many,first,last\n")
    out.write("# plan,every,first,n:date of the debit n periods later\n")
    out.write("# local,time_zone,instant,its date\n")
    out.write("# start,time_zone,date,its first instant\n")
    out.write("# split,minor units,installments,each part,the last part; empty when refused\n")
    out.writelines(row + "\n" for row in rows)


main()
