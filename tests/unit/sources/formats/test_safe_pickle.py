import copyreg
import os
import pickle
import sys
import types
import zoneinfo
from datetime import UTC, datetime, timedelta, timezone
from enum import Enum

import pytest

from windrow.errors import DataError
from windrow.sources.formats.safe_pickle import BoundingBox, read_bounding_box, read_timestamps

NOON = datetime(2018, 6, 1, 12)


@pytest.fixture
def foreign(monkeypatch):
    """Classes under the names of packages that are not there, as a pickle would hold them."""

    def install(module, name, kind):
        kind.__module__, kind.__qualname__, kind.__name__ = module, name, name
        parts = module.split(".")
        for end in range(1, len(parts) + 1):
            path = ".".join(parts[:end])
            if path not in sys.modules or sys.modules[path] is None:
                monkeypatch.setitem(sys.modules, path, types.ModuleType(path))
        monkeypatch.setitem(sys.modules, module, types.ModuleType(module))
        setattr(sys.modules[module], name, kind)
        return kind

    return install


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
@pytest.mark.parametrize(
    "zone", [None, UTC, timezone(timedelta(hours=2)), zoneinfo.ZoneInfo("Europe/Berlin")]
)
def test_dates_of_the_standard_library(protocol, zone):
    stamps = [NOON.replace(tzinfo=zone), NOON.replace(month=12, tzinfo=zone)]
    read = read_timestamps(pickle.dumps(stamps, protocol=protocol), where="t.pkl")
    wanted = [s if zone is None else s.astimezone(UTC).replace(tzinfo=None) for s in stamps]
    assert read == wanted


@pytest.mark.parametrize("protocol", [2, 4])
def test_dates_of_other_packages(foreign, protocol):
    import datetime as standard

    class Utc(standard.tzinfo):
        def utcoffset(self, _):
            return timedelta(0)

        def __reduce__(self):  # what object.__reduce__ gives, which dateutil uses
            return copyreg._reconstructor, (type(self), object, None)

    kind = foreign("dateutil.tz.tz", "tzutc", Utc)
    assert b"_reconstructor" in pickle.dumps(kind(), protocol=protocol)
    content = pickle.dumps([NOON.replace(tzinfo=kind())], protocol=protocol)
    assert read_timestamps(content, where="t.pkl") == [NOON]

    def make(*_):
        return UTC

    function = foreign("pytz", "_p", make)

    class Zone(standard.tzinfo):
        def utcoffset(self, _):
            return timedelta(hours=1)

        def __reduce__(self):
            return function, ("Europe/Berlin", 3600, 0, "CET")

    content = pickle.dumps([NOON.replace(tzinfo=Zone())], protocol=protocol)
    assert read_timestamps(content, where="t.pkl") == [NOON.replace(hour=11)]


@pytest.mark.parametrize("names", [("min_x", "min_y", "max_x", "max_y"), ("x_min", "y_min")])
def test_boxes(foreign, names):
    class System(Enum):
        UTM = "32633"

    class Box:
        def __init__(self, state):
            self.__dict__.update(state)

    foreign("sentinelhub.constants", "CRS", System)
    foreign("sentinelhub.geometry", "BBox", Box)
    state = {"min_x": 1.0, "min_y": 2.0, "max_x": 3.0, "max_y": 4.0}
    if len(names) == 2:
        state = {"x_min": 1.0, "y_min": 2.0, "x_max": 3.0, "y_max": 4.0}
    content = pickle.dumps(Box(state | {"_crs": System.UTM}))
    assert read_bounding_box(content, where="b.pkl") == BoundingBox(1.0, 2.0, 3.0, 4.0, 32633)


class Runs:
    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def hostile(tmp_path):
    mark = tmp_path / "ran"
    return [
        pickle.dumps(Runs(os.system, f"touch {mark}")),
        pickle.dumps([NOON, Runs(eval, f"open({str(mark)!r}, 'w')")]),
        pickle.dumps(Runs(getattr, datetime, "now")),
        pickle.dumps(Runs(copyreg._reconstructor, Runs, object, None)),
        b"cos\nsystem\n(S'touch " + str(mark).encode() + b"'\ntR.",
        b"cbuiltins\ngetattr\n(cdatetime\ndatetime\nS'__class__'\ntR.",
        # BUILD: changes to the stand-ins themselves, and to the classes let through
        b"cpytz\n_UTC\n}S'_function'\nI1\nsb.",
        b"cpytz\n_UTC\n(N}S'_function'\nI1\nstb.",
        b"csentinelhub.geometry\nBBox\n(N}S'x'\nI1\nstb.",
        b"cdatetime\ndatetime\n(N}S'x'\nI1\nstb.",
        b"cdatetime\ndatetime\n}S'x'\nI1\nsb.",
        b"\x80\x04\x8c\x08builtins\x8c\x04eval\x93.",
        b"\x80\x04\x8c\x08datetime\x8c\x12datetime.__class__\x93.",
        b"\x82\x01.",
        b"Pname\n.",
        b"not a pickle",
        b"",
        pickle.dumps([NOON])[:-4],
    ]


@pytest.mark.parametrize("read", [read_timestamps, read_bounding_box])
@pytest.mark.parametrize("number", range(18))
def test_hostile_pickles_are_refused_and_run_nothing(tmp_path, read, number):
    with pytest.raises(DataError, match=r"pickle (is refused|holds no).*in here.pkl"):
        read(hostile(tmp_path)[number], where="here.pkl")
    assert not (tmp_path / "ran").exists()
    assert read_timestamps(pickle.dumps([NOON]), where="t") == [NOON]
    assert not hasattr(datetime, "x")


def test_other_content_is_refused():
    with pytest.raises(DataError, match=r"holds no list of dates; in t.pkl"):
        read_timestamps(pickle.dumps({}), where="t.pkl")
    with pytest.raises(DataError, match=r"an entry is no date; in t.pkl; found int"):
        read_timestamps(pickle.dumps([3]), where="t.pkl")
    with pytest.raises(DataError, match=r"holds no bounding box; in b.pkl; found tuple"):
        read_bounding_box(pickle.dumps((1, 2, 1, 3)), where="b.pkl")
    with pytest.raises(
        DataError, match=r"too large.*4,000,0\d\d bytes; expected at most 4,000,000"
    ):
        read_timestamps(pickle.dumps("x" * 4_000_000), where="t.pkl")
    assert read_timestamps(pickle.dumps(["2018-06-01T12:00:00"]), where="t") == [NOON]
