"""The server: what it answers, and what it refuses."""

from __future__ import annotations

import http.client
import json
import threading
import time

import numpy as np
import pytest

from windrow.errors import SettingsError
from windrow.pipelines.viewer.server import MapServer, PageFile


@pytest.fixture(scope="module")
def server(content):
    page = {"/": PageFile(b"<!DOCTYPE html>", "text/html; charset=utf-8")}
    with MapServer(content, page) as made:
        thread = threading.Thread(target=made.serve_forever, daemon=True)
        thread.start()
        yield made
        made.shutdown()
        thread.join()


def ask(server, path, *, method="GET", body=None, **headers):
    port = server.server_address[1]
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body=body, headers=names)
        response = connection.getresponse()
        return response.status, dict(response.getheaders()), response.read()
    finally:
        connection.close()


def test_the_page_comes_with_a_strict_policy(server):
    status, headers, body = ask(server, "/")
    assert (status, body) == (200, b"<!DOCTYPE html>")
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http:" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "Python" not in headers["Server"]


def test_only_loopback_is_listened_to(server):
    assert server.server_address[0] == "127.0.0.1"
    assert server.url == f"http://127.0.0.1:{server.server_address[1]}/"


def test_answers_are_those_of_the_content(server, content):
    status, headers, body = ask(server, "/tile/0/0/0")
    assert status == 200
    shape = tuple(map(int, headers["X-Shape"].split()))
    np.testing.assert_array_equal(
        np.frombuffer(body, np.uint8).reshape(shape), content.tile(0, 0, 0)
    )
    assert json.loads(ask(server, "/about")[2]) == content.about()
    assert json.loads(ask(server, "/histogram")[2]) == content.histogram().tolist()
    assert json.loads(ask(server, "/pixel?row=3&column=5")[2]) == content.pixel(3, 5)
    assert json.loads(ask(server, "/parcel?number=1")[2]) == content.parcel(1)
    assert json.loads(ask(server, "/outlines")[2]) == content.outlines()


def test_the_picture_comes_once_it_is_computed(server, content):
    status, deadline = 202, time.monotonic() + 60
    while status == 202 and time.monotonic() < deadline:
        status, headers, body = ask(server, "/picture")
    assert status == 200
    step, *shape = map(int, headers["X-Shape"].split())
    picture = content.picture()
    assert step == picture.step
    np.testing.assert_array_equal(np.frombuffer(body, np.uint8).reshape(shape), picture.values)


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:{port}", "127.0.0.1:1", "127.0.0.1", "", "0.0.0.0:{port}"],
)
def test_another_host_is_refused(server, host):
    given = host.format(port=server.server_address[1])
    status, _, body = ask(server, "/about", Host=given)
    assert status == 403
    assert b"class" not in body


def test_localhost_is_the_same_host(server):
    assert ask(server, "/about", Host=f"LOCALHOST:{server.server_address[1]}")[0] == 200


def test_another_page_gets_nothing(server):
    assert ask(server, "/about", Sec_Fetch_Site="cross-site")[0] == 403
    assert ask(server, "/tile/0/0/0", Sec_Fetch_Site="same-site")[0] == 403
    assert ask(server, "/about", Sec_Fetch_Site="same-origin")[0] == 200
    assert ask(server, "/", Sec_Fetch_Site="cross-site")[0] == 200  # a link may lead here


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH"])
def test_nothing_but_get_is_answered(server, method):
    body = b"x" * 10 if method in ("POST", "PUT", "PATCH") else None
    assert ask(server, "/about", method=method, body=body)[0] == 405


@pytest.mark.parametrize(
    "path",
    [
        "/map.json", "/../map/map.json", "/static/../../etc/passwd", "/%2e%2e/map.json", "//etc",
        "/tile/0/0", "/tile/a/0/0", "/tile/0/0/0/", "/tile/-1/0/0", "/pixel", "/pixel?row=1",
        "/pixel?row=1&column=1&column=2", "/pixel?row=1e3&column=2", "/pixel?row=-1&column=2",
        "/parcel?number=", "/about/", "/pixel?row=%D9%A1&column=1",
        "/pixel?" + "&".join(f"a{i}=1" for i in range(50)),
    ],
)  # fmt: skip
def test_other_addresses_hold_nothing(server, path):
    status, headers, body = ask(server, path)
    assert status == 404
    assert json.loads(body) == {"error": "there is nothing here"}
    assert "Content-Security-Policy" in headers


def test_a_pixel_outside_says_what_is_wrong(server):
    status, _, body = ask(server, "/pixel?row=24&column=0")
    assert status == 422
    assert "outside the map" in json.loads(body)["error"]
    assert ask(server, "/tile/9/0/0")[0] == 422
    assert ask(server, "/parcel?number=77")[0] == 422


def test_several_may_ask_at_once(server, content):
    expected = content.pixel(7, 7)
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(ask(server, "/pixel?row=7&column=7")[2]))
        for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [json.loads(each) for each in found] == [expected] * 6


def test_a_port_that_is_taken_is_a_mistake_of_the_user(server, content):
    with pytest.raises(SettingsError, match="the port cannot be used"):
        MapServer(content, {}, port=70_000)
