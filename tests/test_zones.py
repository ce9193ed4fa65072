"""Which zone a value of `TZ` names. The C library is asked too, by a process of its own."""

import json
import os
import random
import struct
import subprocess
import sys
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path

import pytest

from tests.support.zones import ZONES
from todo_cli.zones import is_zone_known, local, zone_of

WINTER = datetime(2026, 1, 15, 12, tzinfo=UTC)
SUMMER = datetime(2026, 7, 15, 12, tzinfo=UTC)
BERLIN = Path(ZONES, "Europe/Berlin")
NAMES = [
    "UTC",
    "",
    ":",
    ":Europe/Berlin",
    "Europe/Berlin",
    "Europe/Dublin",
    "Asia/Kathmandu",
    "Asia/Gaza",
    "Africa/Casablanca",
    "America/Nuuk",
    "Pacific/Kiritimati",
    "Antarctica/Troll",
    "./Europe/../Europe/Berlin",
    str(BERLIN),
    "EST5EDT",
    "XYZ5XYD",
    "CET-1CEST,M3.5.0,M10.5.0/3",
    "<+12>-12",
    "<-0330>3:30",
    "ABC+1:02:03",
    "XXX24",
    "AAA3BBB,J60,J300",
    "AAA3BBB,59/1,299/-2:30",
]
UNKNOWN = [
    "Nowhere/Here",
    "Europe",
    "europe/berlin ",
    "../../../../../../../../etc/passwd",
    "/no/such/zone",
    "/dev/null",
    "CET",
    "AB3",
    "CET-1CEST,M3.5.0",
    "ABC3DEF,M13.1.0,M11.1.0",
    "ABC99",
    "\udcff",
    "a\0b",
    "\ud800",
    "x" * 5000,
]


def zone(name: str, folder: str = ZONES) -> tzinfo:
    """The zone of a caller."""
    return zone_of({"TZ": name, "TZDIR": folder})


def hours(then: datetime, there: tzinfo) -> float:
    """How far a zone is ahead of UTC."""
    ahead = local(then, there) - then.replace(tzinfo=None)
    return ahead / timedelta(hours=1)


ASK = """
import json, os, sys, time
names, moments = json.load(sys.stdin)
found = []
for name in names:
    os.environ["TZ"] = name
    time.tzset()
    found.append([time.localtime(moment)[:6] for moment in moments])
print(json.dumps(found))
"""


def test_is_the_zone_of_the_c_library() -> None:
    moments = [
        datetime(year, month, 15, 12, tzinfo=UTC)
        for year in (1980, 2026, 2050)
        for month in range(1, 13)
    ]
    asked = subprocess.run(
        [sys.executable, "-I", "-c", ASK],
        input=json.dumps([NAMES, [moment.timestamp() for moment in moments]]),
        env={**os.environ, "TZDIR": ZONES},
        capture_output=True,
        check=True,
        text=True,
    )

    for name, times in zip(NAMES, json.loads(asked.stdout), strict=True):
        there = zone(name)
        ours = [list(local(then, there).timetuple()[:6]) for then in moments]
        assert ours == times, name


@pytest.mark.parametrize("name", NAMES)
def test_knows_a_zone(name: str) -> None:
    assert is_zone_known({"TZ": name, "TZDIR": ZONES})


@pytest.mark.parametrize("name", UNKNOWN)
def test_takes_an_unknown_zone_for_utc(name: str, tmp_path: Path) -> None:
    folder = str(tmp_path)
    assert not is_zone_known({"TZ": name, "TZDIR": folder})
    assert zone(name, folder) is UTC


def test_needs_no_files_for_a_rule(tmp_path: Path) -> None:
    there = zone("EST5EDT", str(tmp_path))

    assert (hours(WINTER, there), hours(SUMMER, there)) == (-5, -4)


def test_is_that_of_the_machine_without_tz() -> None:
    assert is_zone_known({})
    system = zone_of({"TZ": "/etc/localtime"})
    assert local(SUMMER, zone_of({})) == local(SUMMER, system)


def test_looks_up_names_in_the_usual_folder_without_tzdir() -> None:
    for variables in ({}, {"TZDIR": ""}):
        usual = zone_of({"TZ": "Asia/Tokyo", **variables})
        named = zone_of({"TZ": "/usr/share/zoneinfo/Asia/Tokyo"})
        assert local(WINTER, usual) == local(WINTER, named)


def test_does_not_ask_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    monkeypatch.setenv("TZDIR", "/nowhere")

    assert hours(WINTER, zone("Europe/Berlin")) == 1
    assert os.environ["TZ"] == "Asia/Tokyo"


def test_does_not_wait_for_a_pipe(tmp_path: Path) -> None:
    pipe = tmp_path / "zone"
    os.mkfifo(pipe)

    assert zone(str(pipe)) is UTC


def test_takes_a_file_that_cannot_be_opened_for_unknown() -> None:
    # Its name is a file, and opening it fails, for root too.
    assert zone("/proc/self/mem") is UTC


def test_shows_the_first_and_the_last_time_of_python() -> None:
    east, west = zone("<+12>-12"), zone("<-12>12")
    first = datetime.min.replace(tzinfo=UTC)
    last = datetime.max.replace(tzinfo=UTC)

    assert hours(first, west) == hours(last, east) == 0
    assert hours(first, east) == 12
    assert hours(last, west) == -12


# Damaged files


def rewritten(data: bytes, version: bytes) -> bytes:
    """A file of another version."""
    return data[:4] + version + data[5:]


def sized(*counts: int) -> bytes:
    """A head with these counts: two kinds of marks, leaps, times, kinds, names."""
    return struct.pack(">4sc15x6L", b"TZif", b"2", *counts)


def test_reads_the_first_version_of_files(tmp_path: Path) -> None:
    spring = datetime(2026, 3, 29, 1, tzinfo=UTC)
    times = struct.pack(">lB", int(spring.timestamp()), 1)
    kinds = struct.pack(">iBBiBB", 3600, 0, 0, 7200, 1, 0)
    head = rewritten(sized(0, 0, 0, 1, 2, 1), b"\0")
    file = tmp_path / "zone"
    file.write_bytes(head + times + kinds + b"\0")

    there = zone(str(file))

    assert (hours(WINTER, there), hours(SUMMER, there)) == (1, 2)


def test_reads_a_file_without_a_rule(tmp_path: Path) -> None:
    file = tmp_path / "zone"
    whole = BERLIN.read_bytes()
    file.write_bytes(whole[: whole.rindex(b"\n", 0, -1)] + b"\n\n")

    assert is_zone_known({"TZ": str(file)})


EMPTY = sized(0, 0, 0, 0, 1, 1) + bytes(7)
TIME = struct.pack(">q", 0)
BROKEN = {
    "empty": b"",
    "only a mark": b"TZif",
    "no file of a zone": b"T" * 100,
    "an unknown version": rewritten(BERLIN.read_bytes(), b"9"),
    "version 1 in digits": rewritten(BERLIN.read_bytes(), b"1"),
    "the second part is missing": BERLIN.read_bytes()[:100],
    "no rule at all": EMPTY + EMPTY,
    "half a rule": EMPTY + EMPTY + b"\nUTC0",
    "an end of one line feed": EMPTY + EMPTY + b"\n",
    "no line feed before the rule": EMPTY + EMPTY + b"UTC0\nx\n",
    "a rule that is none": EMPTY + EMPTY + b"\nUTC\n",
    "a rule that Python refuses": EMPTY + EMPTY + b"\nUTC99\n",
    "a rule beyond ASCII": EMPTY + EMPTY + b"\n\xff\n",
    "no kind": EMPTY + sized(0, 0, 0, 0, 0, 0) + b"\nUTC0\n",
    "more times than bytes": EMPTY + sized(0, 0, 0, 2**31, 1, 1) + b"\n\n",
    "a kind that is not there": EMPTY
    + sized(0, 0, 0, 1, 1, 1)
    + TIME
    + b"\x01"
    + bytes(7)
    + b"\nUTC0\n",
    "an offset of a week": EMPTY
    + sized(0, 0, 0, 0, 1, 1)
    + struct.pack(">iBBx", 604_800, 0, 0)
    + b"\nUTC0\n",
    "an offset of 68 years": EMPTY
    + sized(0, 0, 0, 0, 1, 1)
    + struct.pack(">iBBx", -(2**31), 0, 0)
    + b"\nUTC0\n",
}


@pytest.mark.parametrize("data", BROKEN.values(), ids=BROKEN.keys())
def test_takes_a_damaged_file_for_unknown(data: bytes, tmp_path: Path) -> None:
    """Python reads some of these for ever (python/cpython#143241), and crashes
    with others (python/cpython#145883).
    """
    file = tmp_path / "zone"
    file.write_bytes(data)

    assert zone(str(file)) is UTC


def test_no_damage_is_a_crash(tmp_path: Path) -> None:
    chosen = random.Random(14)
    whole = BERLIN.read_bytes()
    file = tmp_path / "zone"
    for _ in range(500):
        data = bytearray(whole[: chosen.randrange(200, len(whole) + 200)])
        for _ in range(chosen.randrange(5)):
            # The heads have the most to break.
            start = chosen.choice([0, data.find(b"TZif", 1), len(data) - 90])
            data[start + chosen.randrange(44)] = chosen.randrange(256)
        file.write_bytes(data)

        there = zone(str(file))

        assert abs(hours(WINTER, there)) <= 26


def test_a_file_may_end_in_summer_time(tmp_path: Path) -> None:
    """Python looks beyond its memory there (python/cpython#145883)."""
    kinds = struct.pack(">iBB", 3600, 1, 0) + struct.pack(">iBB", 7200, 1, 0)
    file = tmp_path / "zone"
    file.write_bytes(
        EMPTY
        + sized(0, 0, 0, 1, 2, 1)
        + TIME
        + b"\0"
        + kinds
        + b"\0"
        + b"\n\n"
    )

    assert hours(WINTER, zone(str(file))) == 1
