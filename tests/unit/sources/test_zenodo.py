import hashlib
import json
import re
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

pytest.importorskip("pooch", reason="pooch is not installed")

from way import windrow
from windrow.errors import DataError, SettingsError, WindrowError
from windrow.sources.zenodo import PREPARED_DOI, download, record_files

CONTENT = {"a.h5": bytes(range(256)) * 5_000, "dates.pkl": b"dates", "empty.txt": b""}


class Server(ThreadingHTTPServer):
    """A record on 127.0.0.1 as Zenodo serves it; what it was asked is kept."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked, self.cut, self.ranges, self.flipped, self.record = [], None, True, False, None
        self.files = [
            {
                "key": name,
                "size": len(content),
                "checksum": "md5:" + hashlib.md5(content, usedforsecurity=False).hexdigest(),
                "links": {"self": f"https://zenodo.org/api/records/7737587/files/{name}/content"},
            }
            for name, content in CONTENT.items()
        ]

    @property
    def host(self):
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_GET(self):
        wanted = self.headers.get("Range")
        self.server.asked.append((self.path, wanted))
        if self.path == "/api/records/7737587":
            record = self.server.record or json.dumps({"files": self.server.files}).encode()
            return self.answer(200, record)
        content = CONTENT.get(self.path.split("/")[-2])
        if content is None:
            return self.answer(404, b"")
        if self.server.flipped:
            content = content[::-1]
        start = 0
        if wanted and self.server.ranges:
            start = int(re.fullmatch(r"bytes=(\d+)-", wanted)[1])
        return self.answer(206 if start else 200, content[start:], cut=self.server.cut)

    def answer(self, status, content, cut=None):
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content if cut is None else content[:cut])


@pytest.fixture
def server():
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def test_a_record_is_fetched_whole_and_only_once(server, tmp_path):
    seen = []
    paths = download(
        PREPARED_DOI,
        tmp_path / "to",
        host=server.host,
        on_progress=lambda *step: seen.append(step),
    )
    assert {path.name: path.read_bytes() for path in paths} == CONTENT
    assert sorted(p.name for p in (tmp_path / "to").iterdir()) == sorted(CONTENT)
    assert seen[-1] == ("dates.pkl", 5, 5)
    assert ("a.h5", 1_048_576, 1_280_000) in seen
    num = len(server.asked)
    assert download(PREPARED_DOI, tmp_path / "to", host=server.host) == paths
    assert [path for path, _ in server.asked[num:]] == ["/api/records/7737587"]


@pytest.mark.parametrize("ranges", [True, False])
def test_it_goes_on_where_it_stopped(server, tmp_path, ranges):
    server.cut, server.ranges = 1_200_000, ranges
    with pytest.raises(WindrowError, match=r"interrupted|ended early"):
        download(PREPARED_DOI, tmp_path, host=server.host, names=["a.h5"])
    there = (tmp_path / ".a.h5.partial").stat().st_size
    assert 0 < there <= 1_200_000
    assert not (tmp_path / "a.h5").exists()
    server.cut = None
    (path,) = download(PREPARED_DOI, tmp_path, host=server.host, names=["a.h5"])
    assert path.read_bytes() == CONTENT["a.h5"]
    assert server.asked[-1][1] == f"bytes={there}-"
    assert [p.name for p in tmp_path.iterdir()] == ["a.h5"]


def test_a_wrong_checksum_leaves_nothing(server, tmp_path):
    server.flipped = True
    with pytest.raises(DataError, match=r"checksum differs.*in .*a\.h5; expected md5:"):
        download(PREPARED_DOI, tmp_path, host=server.host, names=["a.h5"])
    assert not list(tmp_path.iterdir())
    (tmp_path / "a.h5").write_bytes(b"mine")
    with pytest.raises(DataError, match=r"another checksum; in .*a\.h5; to mend it: remove it"):
        download(PREPARED_DOI, tmp_path, host=server.host, names=["a.h5"])
    assert (tmp_path / "a.h5").read_bytes() == b"mine"


@pytest.mark.parametrize("name", ["../a.h5", "/etc/passwd", "a/b", "..", "", "a\\b", ".hidden"])
def test_names_that_leave_the_folder_are_refused(server, tmp_path, name):
    server.files[0]["key"] = name
    with pytest.raises(DataError, match="a file's name would leave the folder; in http"):
        download(PREPARED_DOI, tmp_path / "to", host=server.host)
    assert not list(tmp_path.iterdir())


def test_other_mistakes(server, tmp_path, monkeypatch):
    with pytest.raises(SettingsError, match=r"no file 'b.h5'; found a.h5, dates.pkl, empty.txt"):
        download(PREPARED_DOI, tmp_path, host=server.host, names=["b.h5"])
    with pytest.raises(SettingsError, match=r"no DOI of a Zenodo record; found 10.1/x"):
        record_files("10.1/x")
    with pytest.raises(SettingsError, match="no host; found file:///etc"):
        record_files(PREPARED_DOI, host="file:///etc")
    server.files[0]["checksum"] = "none"
    with pytest.raises(DataError, match="a file has no checksum"):
        record_files(PREPARED_DOI, host=server.host)
    server.record = b"<html>"
    with pytest.raises(DataError, match="the answer is no record"):
        record_files(PREPARED_DOI, host=server.host)
    with pytest.raises(WindrowError, match=r"the server cannot be reached; in http://127.0.0.1:1/"):
        record_files(PREPARED_DOI, host="http://127.0.0.1:1")
    monkeypatch.setitem(sys.modules, "pooch", None)
    with pytest.raises(WindrowError, match=r"pip install 'windrow\[download\]'"):
        record_files(PREPARED_DOI, host=server.host)


def test_on_the_command_line(server, tmp_path, capsys):
    words = ("download", "prepared", "--to", tmp_path / "to", "--host", server.host)
    assert windrow(*words, "--files", "dates.pkl", "a.h5") == 0
    assert capsys.readouterr().out.split() == [
        str(tmp_path / "to" / name) for name in ("a.h5", "dates.pkl")
    ]
    assert windrow(*words, "--files", "nothing") == 2
    assert "the record has no file 'nothing'" in capsys.readouterr().err
