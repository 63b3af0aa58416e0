"""Downloads from a server on this machine: what goes wrong on the way, and the line that the user sees of it."""

import hashlib
import json
import os
import re
import shutil
import stat
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

import pytest
from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError, RevisionNotFoundError

import in_process
from mirror import COMMIT, HUB, Mirror
from wordsight.downloads import cache, continued, fetching, http, hub, lock
from wordsight.errors import DownloadError
from wordsight.files import hashing
from wordsight.steps import step

URL = "https://files.example.org/models/weights.pth"
CLOSED = "http://127.0.0.1:9/models/weights.pth"
CONTENT = bytes(range(256)) * 4000
SHA256 = hashlib.sha256(CONTENT).hexdigest()
MD5 = hashlib.md5(CONTENT).hexdigest()
OTHER = hashlib.sha256(b"other").hexdigest()
PAGE = b"<!DOCTYPE html>\n<html><head><title>%s</title></head><body>%s</body></html>"
ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def workplace(tmp_path, monkeypatch):
    """An empty working directory and cache, and no waiting."""
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    for name in ("WORDSIGHT_MIRROR", "WORDSIGHT_OFFLINE", "HF_HUB_OFFLINE", "HTTP_PROXY", "http_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("WORDSIGHT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(http, "BACKOFF_S", 0.001)


@pytest.fixture
def mirror(monkeypatch):
    with Mirror() as running:
        for name, value in running.environment.items():
            monkeypatch.setenv(name, value)
        yield running


@pytest.fixture
def only(monkeypatch):
    """Keep to the mirror: the true addresses are another network's."""
    monkeypatch.setattr(fetching, "_addresses", lambda urls: [cache.mirrored(url) for url in urls])


def partials():
    """Unfinished downloads and their notes, without what makes their names unpredictable."""
    return sorted(
        re.sub(r"\.\w+\.partial", ".partial", path.name) for path in cache.cache().rglob("*.partial*")
    )


# What goes well


def test_a_file_is_fetched_once_and_verified_at_every_use(mirror):
    mirror.publish(URL, CONTENT)
    path = fetching.fetch([URL], sha256=SHA256)
    assert path == cache.cache() / "files.example.org/models/weights.pth"
    assert path.read_bytes() == CONTENT
    assert fetching.fetch([URL], sha256=SHA256) == path
    assert mirror.count(URL) == 1
    path.write_bytes(b"damaged")
    assert fetching.fetch([URL], sha256=SHA256).read_bytes() == CONTENT
    assert mirror.count(URL) == 2
    assert partials() == []
    assert not lock.LOCK.exists()


def test_a_group_can_read_what_lies_in_the_cache(mirror):
    mirror.publish(URL, CONTENT)
    before = os.umask(0o077)
    try:
        path = fetching.fetch([URL], sha256=SHA256)
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o040
    assert all(folder.stat().st_mode & 0o050 == 0o050 for folder in list(path.parents)[:3])


@pytest.fixture
def usual_umask():
    before = os.umask(0o022)
    yield
    os.umask(before)


def test_a_group_that_shares_the_cache_may_write_to_what_is_made_in_it(mirror, usual_umask):
    """Another user has to wait at the same lock, and to put files beside."""
    cache.cache().mkdir()
    cache.cache().chmod(0o2775)
    mirror.publish(URL, CONTENT)
    mirror.publish_on_hub("owner/name", {"model.safetensors": CONTENT})
    made = [fetching.fetch([URL], sha256=SHA256), hub.from_hub("owner/name", "model.safetensors")]
    places = [place for place in cache.cache().rglob("*") if place.is_dir() or place.suffix == ".lock"]
    assert len(places) > 8
    assert {place for place in places if not place.stat().st_mode & 0o020} == set()
    assert all(path.stat().st_mode & 0o040 for path in made)
    assert os.umask(0o022) == 0o022


@pytest.mark.parametrize("mode", [0o755, 0o1777])
def test_a_cache_of_ones_own_is_not_opened_to_the_group(mirror, usual_umask, mode):
    cache.cache().mkdir()
    cache.cache().chmod(mode)
    mirror.publish(URL, CONTENT)
    fetching.fetch([URL], sha256=SHA256)
    folders = [place for place in cache.cache().rglob("*") if place.is_dir()]
    assert folders
    assert [place for place in folders if place.stat().st_mode & 0o022] == []


def test_a_place_of_ones_own_is_used_instead_of_the_cache(mirror):
    mirror.publish(URL, CONTENT)
    assert fetching.fetch([URL], md5=MD5, path="data/w.pth") == Path("data/w.pth")
    assert not cache.cache().exists()
    assert fetching.fetch([URL], md5=MD5, path="data/w.pth").read_bytes() == CONTENT
    assert mirror.count(URL) == 1


def test_another_file_at_a_place_of_ones_own_is_left_as_it_is(mirror):
    mirror.publish(URL, CONTENT)
    Path("own.pth").write_bytes(b"mine")
    line = rf"own.pth: expected a file with MD5 {MD5}, found a file with MD5 .*; move it away"
    with pytest.raises(DownloadError, match=line):
        fetching.fetch([URL], md5=MD5, path="own.pth")
    assert Path("own.pth").read_bytes() == b"mine"
    assert mirror.count(URL) == 0


def test_addresses_and_names_never_share_a_place():
    others = [f"{URL}?v=1", f"{URL}?v=2", URL.replace("models", "other"), f"{URL}%3Fv=1"]
    others += [f"{URL}/", URL.replace("/models", "//models"), URL.replace("org", "org:8443"), "https://h.org"]
    places = [cache.cached(address, name) for address in (URL, *others) for name in (None, "a.pth")]
    assert len(set(places)) == len(places)
    assert {place.suffix for place in places[:8]} == {".pth"}
    assert all(place.is_relative_to(cache.cache()) for place in places)
    assert cache.cached(f"{URL}?dl=1").name == "weights.pth"
    assert cache.cached(URL, "weights.pth") == cache.cached(URL)
    assert cache.cached(f"https://h.org/../../x/{'a' * 300}.pth").resolve().is_relative_to(cache.cache())
    assert len(cache.cached(f"https://h.org/x?{'a' * 3000}", "w.pth").parent.name) < 200


@pytest.mark.parametrize("address", ["ftp://h.org/f", "file:///etc/passwd", "weights.pth", "https:///f"])
def test_an_address_of_another_kind_is_refused(address):
    with pytest.raises(DownloadError, match=rf"^{re.escape(address)}: .*https://"):
        fetching.fetch([address])


def test_a_password_in_an_address_is_refused_and_not_shown():
    with pytest.raises(DownloadError) as caught:
        fetching.fetch(["https://me:secret@h.org/f"])
    assert str(caught.value) == "h.org: the address contains a user name; put user and password into ~/.netrc"


@pytest.mark.usefixtures("as_in_a_process_of_its_own")
def test_the_password_of_a_mirror_is_used_and_neither_shown_nor_kept(mirror, monkeypatch, tmp_path):
    secret = mirror.address.replace("http://", "http://me:SECRET@")
    monkeypatch.setenv("WORDSIGHT_MIRROR", secret)
    mirror.publish(URL, CONTENT)
    mirror.publish_on_hub("owner/name", {"model.safetensors": CONTENT})
    step_of_it = in_process.job("it.py", tmp_path)
    with step(step_of_it):
        assert fetching.fetch([URL]).read_bytes() == CONTENT
        hub.from_hub("owner/name", "model.safetensors")
    mirror.publish(URL.replace("weights", "page"), b"<html>no</html>")
    for url in (URL.replace("weights", "page"), URL.replace("weights", "gone")):
        with pytest.raises(DownloadError) as caught:
            fetching.fetch([url])
        assert mirror.address.partition("//")[2] in str(caught.value)
        assert "SECRET" not in str(caught.value)
    # Of the hub, only its mirror is asked: where there is no network, its client would wait for the hub itself.
    monkeypatch.setattr(hub, "hubs", lambda: [cache.mirrored(f"https://{HUB}")])
    with pytest.raises(DownloadError) as caught:
        hub.from_hub("owner/gone", "model.safetensors")
    assert "SECRET" not in str(caught.value)
    kept = [
        path.read_bytes() for path in tmp_path.rglob("*") if path.is_file() and path.stat().st_size < 10**5
    ]
    assert len(kept) > 3
    assert not [content for content in kept if b"SECRET" in content]
    assert "SECRET" not in " ".join(map(str, tmp_path.rglob("*")))
    assert "://***@" in Path(step_of_it.log[0]).read_text()


@pytest.mark.parametrize(
    "address", ["example.org", "ftp://example.org", " https://example.org", "/srv/mirror"]
)
def test_a_mirror_that_is_no_address_is_named(monkeypatch, address):
    monkeypatch.setenv("WORDSIGHT_MIRROR", address)
    with pytest.raises(DownloadError, match=r"^WORDSIGHT_MIRROR: "):
        fetching.fetch([URL])


@pytest.mark.parametrize(
    "address", ["https://example.org/a b", "https://example.org/a\nhttps://b", "hf://a/b\tc"]
)
def test_an_address_with_white_space_never_reaches_the_record(address):
    """A line of it would be read as two, or as none."""
    for function in (lock.find, lambda one: lock.record(one, SHA256)):
        with pytest.raises(DownloadError, match="line breaks"):
            function(address)
    with pytest.raises(DownloadError, match="line breaks"):
        fetching.fetch(["https://example.org/a b"])
    with pytest.raises(DownloadError, match="line breaks"):
        hub.from_hub("owner/na\nme", "model.safetensors")
    assert not lock.LOCK.exists()


def test_the_log_says_what_is_fetched_and_how_far_it_is(mirror, only, caplog, monkeypatch):
    monkeypatch.setattr(http, "CHUNK", 2**19)
    mirror.publish(URL, CONTENT)
    with caplog.at_level("INFO", logger="wordsight"):
        fetching.fetch([URL], sha256=SHA256)
    first, last = caplog.messages
    assert first == f"downloading {mirror.address}/files.example.org/models/weights.pth"
    assert last.startswith("2 of 2 MiB, ")


def test_nothing_else_is_left_beside_a_file(mirror):
    mirror.publish(URL, CONTENT)
    path = fetching.fetch([URL])
    assert {file.name for file in path.parent.iterdir()} <= {"weights.pth", ".weights.pth.lock"}
    assert {file.name for file in Path().iterdir()} <= {"downloads.lock", ".downloads.lock.guard"}


def test_the_cache_lies_where_other_programs_have_theirs(monkeypatch, tmp_path):
    monkeypatch.delenv("WORDSIGHT_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache.cache() == tmp_path / "xdg" / "wordsight"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache.cache() == tmp_path / ".cache" / "wordsight"


def test_the_mirror_is_asked_before_the_publisher_and_addresses_in_their_order(mirror):
    mirror.publish(URL, b"", status=404)
    direct = f"{mirror.address}/second/weights.pth"
    mirror.publish(direct.replace(f"{mirror.address}/", "https://"), CONTENT)
    assert fetching.fetch([CLOSED, direct], sha256=SHA256).read_bytes() == CONTENT
    asked = [request.address for request in mirror.requests]
    assert asked == [
        "127.0.0.1:9/models/weights.pth",
        f"{direct.removeprefix('http://')}",
        "second/weights.pth",
    ]


# Cuts


def test_a_cut_file_is_resumed_and_joined(mirror, only):
    mirror.publish(URL, CONTENT, cut=300_000, times=2)
    assert fetching.fetch([URL], sha256=SHA256).read_bytes() == CONTENT
    ranges = [request.headers.get("Range") for request in mirror.requests]
    assert ranges == [None, "bytes=300000-", "bytes=600000-"]
    assert all(request.headers.get("If-Range") for request in mirror.requests[1:])
    assert partials() == []


def test_a_later_run_resumes_what_an_earlier_one_left(mirror, only):
    mirror.publish(URL, CONTENT, cut=1000)
    with pytest.raises(
        DownloadError, match=r"the file is truncated: 5 connections were cut, the last after 5000 bytes"
    ):
        fetching.fetch([URL])
    assert partials() == [".weights.pth.partial", ".weights.pth.partial.json"]
    mirror.publish(URL, CONTENT)
    assert fetching.fetch([URL]).read_bytes() == CONTENT
    assert mirror.requests[-1].headers["Range"] == "bytes=5000-"


def test_a_transfer_that_stalls_is_cut_and_resumed(mirror, only, monkeypatch):
    monkeypatch.setattr(http, "CHUNK", 100_000)  # a piece that is not whole yet is lost
    monkeypatch.setattr(http, "TIMEOUT_S", (5, 0.2))
    mirror.publish(URL, CONTENT, cut=300_000, times=1, stall=1.0)
    assert fetching.fetch([URL], sha256=SHA256).read_bytes() == CONTENT
    assert mirror.requests[-1].headers["Range"] == "bytes=300000-"


@pytest.mark.parametrize("notes", [b"", b"{}", b"[]", b"\xff"])
def test_a_beginning_of_unknown_origin_is_not_resumed(mirror, only, notes):
    place = cache.cached(URL)
    place.parent.mkdir(parents=True)
    (place.parent / ".weights.pth.x.partial").write_bytes(CONTENT[:1000])
    (place.parent / ".weights.pth.x.partial.json").write_bytes(notes)
    mirror.publish(URL, CONTENT)
    assert fetching.fetch([URL]).read_bytes() == CONTENT
    assert "Range" not in mirror.requests[-1].headers


@pytest.mark.parametrize("other", [CONTENT[::-1], CONTENT[:1000], CONTENT[:500]])
def test_a_file_that_changed_between_connections_is_begun_anew(mirror, only, other):
    mirror.publish(URL, CONTENT, cut=1000, times=1, then=other)
    with http.session() as connections:
        http.receive(connections, f"{mirror.address}/{URL[8:]}", Path("partial"))
    assert Path("partial").read_bytes() == other
    assert [request.headers.get("Range") for request in mirror.requests[:2]] == [None, "bytes=1000-"]


def test_a_server_that_gives_no_ranges_or_no_version_is_asked_for_the_whole(mirror, only):
    mirror.publish(URL, CONTENT, cut=300_000, times=2, ranges=False)
    assert fetching.fetch([URL], sha256=SHA256).read_bytes() == CONTENT
    mirror.publish(f"{URL}.2", CONTENT, cut=300_000, times=2, headers={"ETag": 'W/"weak"'})
    assert fetching.fetch([f"{URL}.2"], sha256=SHA256).read_bytes() == CONTENT
    assert [request.headers.get("Range") for request in mirror.requests[-3:]] == [None] * 3


def test_a_beginning_that_is_not_the_files_gets_a_second_try(mirror, only):
    mirror.publish(URL, CONTENT, cut=1000)
    with pytest.raises(DownloadError):
        fetching.fetch([URL], sha256=SHA256)
    (partial,) = cache.cache().rglob("*.partial")
    partial.write_bytes(b"x" * 5000)
    mirror.publish(URL, CONTENT)
    assert fetching.fetch([URL], sha256=SHA256).read_bytes() == CONTENT


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_server_is_asked_again(mirror, only, status):
    mirror.publish(URL, CONTENT, status=status, times=3, headers={"Retry-After": "0"})
    assert fetching.fetch([URL], sha256=SHA256).read_bytes() == CONTENT
    assert mirror.count(URL) == 4


def test_a_slow_server_is_waited_for_and_a_dead_one_is_not(mirror, only, monkeypatch):
    mirror.publish(URL, CONTENT, delay=0.2)
    assert fetching.fetch([URL], sha256=SHA256).read_bytes() == CONTENT
    monkeypatch.setattr(http, "TIMEOUT_S", (0.05, 0.05))
    monkeypatch.setattr(http, "ATTEMPTS", 1)
    with pytest.raises(DownloadError, match="the server does not answer in time"):
        fetching.fetch([URL], sha256=OTHER)


def test_two_processes_that_want_the_same_file_ask_once(mirror):
    mirror.publish(URL, CONTENT, delay=0.5)
    code = f"from wordsight.downloads import fetching; print(fetching.fetch([{URL!r}], sha256={SHA256!r}))"
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "scripts")}
    runs = [
        subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    answers = {run.communicate(timeout=60)[0].strip() for run in runs}
    assert answers == {str(cache.cached(URL))}
    assert mirror.count(URL) == 1


# What comes instead


FAULTS = {
    "404": ({"status": 404}, "the server answers 404 Not Found"),
    "403": ({"status": 403}, "the server answers 403 Forbidden"),
    "503": ({"status": 503}, "the server answers 503 Service Unavailable"),
    "another file": ({"content": b"other"}, f"a file with SHA-256 {OTHER} came instead"),
    "an empty file": ({"content": b""}, "an empty file came instead"),
    "a page": ({"content": PAGE % (b"Moved", b"")}, "an HTML page came instead"),
    "a page of XHTML": ({"content": b'<?xml version="1.0"?>\n<!-- x --><html>'}, "an HTML page came instead"),
    "a login": ({"content": PAGE % (b"Sign in - Archive", b"")}, "a login page came instead"),
    "an error in XML": (
        {"content": b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>"},
        "an error message of a server came instead",
    ),
    "Google Drive": (
        {"content": PAGE % (b"Google Drive - Virus scan warning", b"")},
        "Google Drive's page that warns of viruses came instead",
    ),
    "Google Drive's quota": (
        {"content": PAGE % (b"Google Drive - Quota exceeded", b"")},
        "Google Drive's page that says that its quota is exceeded came instead",
    ),
    "Dropbox": ({"content": PAGE % (b"weights.pth - Dropbox", b"")}, "a page of Dropbox came instead"),
    "Git LFS": (
        {"content": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 3\n"},
        "a Git LFS pointer came instead",
    ),
    "cuts": ({"cut": 100}, "the file is truncated: 5 connections were cut, the last after 500 bytes"),
}  # fmt: skip


@pytest.mark.parametrize(("fault", "words"), FAULTS.values(), ids=FAULTS)
def test_what_came_instead_is_named_and_not_kept(mirror, only, fault, words):
    mirror.publish(URL, **{"content": CONTENT, **fault})
    with pytest.raises(DownloadError) as caught:
        fetching.fetch([URL], sha256=SHA256, expected="weights")
    place = cache.cached(URL)
    assert str(caught.value) == (
        f"weights.pth: cannot download weights with SHA-256 {SHA256} "
        f"({mirror.address}/files.example.org/models/weights.pth: {words}); get it by hand and put it at {place}"
    )
    assert not place.exists()
    assert partials() == ([] if "cut" not in fault else [".weights.pth.partial", ".weights.pth.partial.json"])


def test_the_guide_has_the_words_of_every_fault():
    guide = (ROOT / "docs/downloads.md").read_text(encoding="utf-8").split("## What the error says")[1]
    lines = re.findall(r"^\| `(.*?)` \|", guide, flags=re.MULTILINE)
    patterns = [re.escape(line).replace(r"\.\.\.", ".*") for line in lines]
    said = [words for _, words in FAULTS.values()] + [words for _, words in http.UNREACHED]
    for words in said:
        assert any(re.fullmatch(pattern, words) for pattern in patterns), words


@pytest.mark.parametrize("fault", ["a page", "Git LFS", "an empty file", "Google Drive"])
def test_without_a_digest_too(mirror, only, fault):
    arguments, words = FAULTS[fault]
    mirror.publish(URL, **arguments)
    with pytest.raises(DownloadError, match=words):
        fetching.fetch([URL])
    assert not lock.LOCK.exists()


def test_a_page_that_was_asked_for_is_taken(mirror):
    page = PAGE % (b"Results", b"")
    mirror.publish(URL, page)
    assert fetching.fetch([URL], sha256=hashlib.sha256(page).hexdigest()).read_bytes() == page


def test_a_way_to_a_login_page_is_named_without_its_parameters(mirror, only):
    mirror.publish(URL, b"", redirect=f"{mirror.address}/idp.example.org/sso/login?ticket=1")
    login = "idp.example.org/sso/login?ticket=1"
    mirror.publish(f"https://{login}", PAGE % (b"Welcome", b""), headers={"Content-Type": "text/html"})
    with pytest.raises(
        DownloadError, match=r"it leads to a login page \(http://\S+/idp\.example\.org/sso/login\)"
    ):
        fetching.fetch([URL])


def test_a_redirect_to_the_file_is_followed(mirror):
    mirror.publish(URL, b"", redirect=f"{mirror.address}/cdn.example.org/auth/1")
    mirror.publish("https://cdn.example.org/auth/1", CONTENT)
    assert fetching.fetch([URL], sha256=SHA256).read_bytes() == CONTENT


def test_every_address_and_what_it_gave_is_named(mirror):
    second = CLOSED.replace("models", "more")
    with pytest.raises(DownloadError) as caught:
        fetching.fetch([CLOSED, second], md5=MD5, expected="an archive")
    asked = [f"{mirror.address}/127.0.0.1:9/models/weights.pth", CLOSED]
    asked += [address.replace("models", "more") for address in asked]
    words = ["the server answers 404 Not Found", "the connection is refused"] * 2
    reasons = "; ".join(f"{address}: {reason}" for address, reason in zip(asked, words, strict=True))
    assert str(caught.value).startswith(
        f"weights.pth: cannot download an archive with MD5 {MD5} ({reasons}); get it"
    )


def test_a_server_that_hangs_up_is_named(mirror, only):
    mirror.publish(URL, CONTENT, hang_up=True)
    with pytest.raises(DownloadError, match="the server hangs up"):
        fetching.fetch([URL])
    assert mirror.count(URL) == 1 + http.ATTEMPTS


def test_a_host_that_is_none_is_named(monkeypatch):
    with pytest.raises(DownloadError, match=r"there is no such host, or no network|does not answer"):
        fetching.fetch(["http://nothing.invalid/f"])


def test_a_full_disk_is_found_before_the_download(mirror, only, monkeypatch):
    mirror.publish(URL, CONTENT)
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**9, 10**9 - 10**8, 10**8))
    folder = cache.cached(URL).parent
    line = rf"^{re.escape(str(folder))}: .* 0\.3 GB.* 0\.1 GB.*WORDSIGHT_CACHE"
    with pytest.raises(DownloadError, match=line):
        fetching.fetch([URL])
    assert partials() == []


def test_a_place_that_cannot_be_written_to_is_named(mirror):
    mirror.publish(URL, CONTENT)
    cache.cache().parent.mkdir(exist_ok=True)
    cache.cache().write_text("a file")
    with pytest.raises(DownloadError, match=r"cannot write .*weights\.pth: not a directory"):
        fetching.fetch([URL])


# A cache that others may write to


@pytest.mark.parametrize("make", ["symlink_to", "hardlink_to"])
def test_a_link_that_was_planted_is_not_followed(mirror, only, tmp_path, make):
    mirror.publish(URL, CONTENT)
    secret = tmp_path / "secret"
    secret.write_bytes(b"x" * 2000)
    place = cache.cached(URL)
    place.parent.mkdir(parents=True)
    for name in (".weights.pth.partial", ".weights.pth.guess.partial"):
        getattr(place.parent / name, make)(secret)
    notes = {"address": f"{mirror.address}/{URL[8:]}", "validator": '"1"'}
    for name in (".weights.pth.partial.json", ".weights.pth.guess.partial.json"):
        (place.parent / name).write_text(json.dumps(notes))
    assert fetching.fetch([URL], sha256=SHA256).read_bytes() == CONTENT
    assert secret.read_bytes() == b"x" * 2000
    assert "Range" not in mirror.requests[-1].headers


def test_a_link_that_takes_the_place_of_a_download_is_not_followed(tmp_path):
    (tmp_path / "secret").write_text("mine")
    (tmp_path / "swapped").symlink_to("secret")
    os.link(tmp_path / "secret", tmp_path / "again")
    for name in ("swapped", "again"):
        for resume in (False, True):
            with pytest.raises(OSError, match=r"symbolic links|somebody else"):
                continued.opened(tmp_path / name, resume=resume)
    assert (tmp_path / "secret").read_text() == "mine"


def test_an_unfinished_download_is_private_and_a_finished_one_is_not(mirror, only):
    mirror.publish(URL, CONTENT, cut=1000)
    with pytest.raises(DownloadError):
        fetching.fetch([URL], path="weights.pth")
    (partial,) = Path().glob(".weights.pth.*.partial")
    assert stat.S_IMODE(partial.stat().st_mode) == 0o600
    mirror.publish(URL, CONTENT)
    before = os.umask(0o022)
    try:
        assert stat.S_IMODE(fetching.fetch([URL], path="weights.pth").stat().st_mode) == 0o644
    finally:
        os.umask(before)
    assert sorted(path.name for path in Path().glob(".weights*")) == [".weights.pth.lock"]


def test_a_folder_of_another_user_is_named_with_what_its_owner_can_do(mirror, only, monkeypatch):
    mirror.publish(URL, CONTENT)
    folder = cache.cached(URL).parent
    folder.mkdir(parents=True)

    def refused(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(fetching, "FileLock", refused)
    line = rf"cannot write .*weights\.pth: permission denied; {folder.owner()} can .* chmod -R g\+w {folder}$"
    with pytest.raises(DownloadError, match=line):
        fetching.fetch([URL])


# Digests


@pytest.mark.parametrize("digest", [SHA256[:8], SHA256[:8].upper(), SHA256[:32]])
def test_first_digits_are_enough_and_the_whole_digest_is_recorded(mirror, digest):
    mirror.publish(URL, CONTENT)
    fetching.fetch([URL], sha256=digest)
    assert lock.LOCK.read_text() == f"{lock.HEAD}{SHA256}  {URL}\n"


@pytest.mark.parametrize("known", [{}, {"md5": MD5}, {"sha256": SHA256[:8]}])
def test_a_file_that_changed_since_it_was_recorded_is_refused(mirror, only, known):
    lock.record("https://a.example.org/x", OTHER)
    lock.record(URL, OTHER)
    mirror.publish(URL, CONTENT)
    with pytest.raises(DownloadError) as caught:
        fetching.fetch([URL], **known)
    assert f"SHA-256 {OTHER} (line 3 of downloads.lock)" in str(caught.value)
    assert f"a file with SHA-256 {SHA256} came instead" in str(caught.value)
    assert not cache.cached(URL).exists()
    assert len(lock.LOCK.read_text().splitlines()) == 3


def test_a_whole_digest_in_the_configuration_overrules_the_record(mirror):
    lock.record(URL, OTHER)
    mirror.publish(URL, CONTENT)
    assert fetching.fetch([URL], sha256=SHA256).read_bytes() == CONTENT


def test_another_working_directory_finds_the_file_and_records_it(mirror, tmp_path, monkeypatch):
    mirror.publish(URL, CONTENT)
    fetching.fetch([URL])
    (tmp_path / "second").mkdir()
    monkeypatch.chdir(tmp_path / "second")
    fetching.fetch([URL])
    assert mirror.count(URL) == 1
    assert lock.find(URL).sha256 == SHA256


def test_records_are_sorted_and_kept_by_jobs_side_by_side():
    code = "import sys; from wordsight.downloads import lock; [lock.record(f'https://h/{sys.argv[1]}/{i}', '0' * 64) for i in range(20)]"
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "scripts")}
    runs = [subprocess.Popen([sys.executable, "-c", code, name], env=environment) for name in "ba"]
    assert [run.wait(timeout=60) for run in runs] == [0, 0]
    lines = lock.LOCK.read_text().splitlines()
    assert len(lines) == 41
    assert lines[1:] == sorted(lines[1:])


@pytest.mark.parametrize("line", ["text", f"{SHA256[:-1]}  https://h/f", f"{SHA256} https://h/f"])
def test_a_line_that_is_no_record_is_named(line):
    lock.LOCK.write_text(f"# comment\n\n{line}\n")
    with pytest.raises(DownloadError, match=r"^downloads\.lock:3: .*SHA-256"):
        fetching.fetch([URL])


def test_a_record_that_is_no_text_is_named():
    lock.LOCK.write_bytes(b"\xff\xfe")
    with pytest.raises(DownloadError, match=r"^downloads\.lock: cannot be read"):
        fetching.fetch([URL])


# Without a network, and with another way to it


@pytest.mark.parametrize("variable", ["WORDSIGHT_OFFLINE", "HF_HUB_OFFLINE"])
def test_offline_no_connection_is_made_and_the_place_is_named(mirror, monkeypatch, variable):
    mirror.publish(URL, CONTENT)
    monkeypatch.setenv(variable, "1")
    place = cache.cached(URL)
    start = f"weights.pth: cannot download weights with MD5 {MD5} while offline (WORDSIGHT_OFFLINE or HF_HUB_OFFLINE is set), and {place}"
    with pytest.raises(DownloadError, match=re.escape(f"{start} does not exist; download {URL} elsewhere")):
        fetching.fetch([URL], md5=MD5, expected="weights")
    place.parent.mkdir(parents=True)
    place.write_bytes(b"<html>")
    with pytest.raises(DownloadError, match=re.escape(f"{start} holds an HTML page; download")):
        fetching.fetch([URL], md5=MD5, expected="weights")
    place.write_bytes(CONTENT)
    assert fetching.fetch([URL], md5=MD5) == place
    assert mirror.requests == []


def test_a_cache_that_may_only_be_read_is_enough(mirror, monkeypatch):
    mirror.publish(URL, CONTENT)
    path = fetching.fetch([URL], sha256=SHA256)
    monkeypatch.setattr(fetching, "FileLock", None)  # no lock is made beside a file that is right
    assert fetching.fetch([URL], sha256=SHA256) == path


def test_a_proxy_of_the_environment_is_used(mirror, monkeypatch):
    monkeypatch.delenv("WORDSIGHT_MIRROR")
    monkeypatch.setenv("http_proxy", mirror.address)
    mirror.publish("http://files.invalid/w.pth", CONTENT)
    assert fetching.fetch(["http://files.invalid/w.pth"], sha256=SHA256).read_bytes() == CONTENT
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with pytest.raises(DownloadError, match="the connection is refused"):
        fetching.fetch([CLOSED])
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with pytest.raises(DownloadError, match="the proxy can't be reached"):
        fetching.fetch(["http://files.invalid/other.pth"])


# The hub


REPOSITORY = "timm/small.in1k"
ADDRESS = f"hf://{REPOSITORY}/model.safetensors"
FILES = {"model.safetensors": b"weights", "README.md": b"text"}


def test_a_file_of_the_hub_is_kept_in_the_cache_and_recorded_with_its_commit(mirror):
    mirror.publish_on_hub(REPOSITORY, FILES)
    path = hub.from_hub(REPOSITORY, "model.safetensors")
    assert path.read_bytes() == b"weights"
    assert path.name == "model.safetensors"
    assert path.is_relative_to(cache.cache() / HUB)
    assert lock.find(ADDRESS) == lock.Entry(hashing.sha256(path), COMMIT, 2)
    count = len(mirror.requests)
    assert hub.from_hub(REPOSITORY, "model.safetensors") == path
    assert len(mirror.requests) == count


def test_a_branch_that_moved_is_still_the_recorded_commit(mirror, tmp_path, monkeypatch):
    mirror.publish_on_hub(REPOSITORY, FILES)
    hub.from_hub(REPOSITORY, "model.safetensors")
    mirror.publish_on_hub(REPOSITORY, {"model.safetensors": b"newer"}, commit="f" * 40)
    monkeypatch.setenv("WORDSIGHT_CACHE", str(tmp_path / "another"))
    assert hub.from_hub(REPOSITORY, "model.safetensors").read_bytes() == b"weights"
    assert hub.from_hub(REPOSITORY, "model.safetensors", revision="f" * 40).read_bytes() == b"newer"


def test_a_file_of_the_hub_that_changed_is_refused(mirror):
    mirror.publish_on_hub(REPOSITORY, FILES)
    lock.record(ADDRESS, OTHER, COMMIT)
    with pytest.raises(DownloadError) as caught:
        hub.from_hub(REPOSITORY, "model.safetensors")
    found = hashlib.sha256(b"weights").hexdigest()
    assert str(caught.value).startswith(
        f"{ADDRESS}: expected SHA-256 {OTHER} (line 2 of downloads.lock), but "
    )
    assert f"has {found}; delete" in str(caught.value)


def test_bytes_that_the_hub_does_not_stand_for_are_not_kept(mirror):
    mirror.publish_on_hub(REPOSITORY, FILES)
    url = f"https://{HUB}/{REPOSITORY}/resolve/main/model.safetensors"
    mirror.publish(url, b"weights", headers={"X-Repo-Commit": COMMIT, "ETag": f'"{OTHER}"'})
    with pytest.raises(DownloadError, match=f"{ADDRESS}: the hub states the SHA-256 {OTHER}"):
        hub.from_hub(REPOSITORY, "model.safetensors")
    assert not [
        path for path in (cache.cache() / HUB).rglob("*") if path.is_file() and path.stat().st_size == 7
    ]
    assert not lock.LOCK.exists()


def test_a_large_file_of_the_hub_comes_from_where_it_is_redirected(mirror):
    cdn = f"http://localhost:{mirror.server.server_port}/cdn.example.org/blob"
    mirror.publish("https://cdn.example.org/blob", CONTENT)
    tags = {"X-Repo-Commit": COMMIT, "X-Linked-Etag": f'"{SHA256}"', "X-Linked-Size": str(len(CONTENT))}
    mirror.publish(
        f"https://{HUB}/{REPOSITORY}/resolve/main/model.safetensors", b"", redirect=cdn, headers=tags
    )
    path = hub.from_hub(REPOSITORY, "model.safetensors")
    assert path.read_bytes() == CONTENT
    assert path.resolve().name == SHA256
    assert lock.find(ADDRESS).sha256 == SHA256


def test_a_dataset_of_the_hub_has_an_address_of_its_own(mirror):
    mirror.publish_on_hub("datasets/u/d", {"data/a.parquet": b"rows"}, revision="v1")
    path = hub.from_hub("u/d", "data/a.parquet", revision="v1", kind="dataset")
    assert path.read_bytes() == b"rows"
    assert lock.find("hf://datasets/u/d@v1/data/a.parquet").commit == COMMIT


def test_what_the_hub_lacks_is_named(mirror, monkeypatch):
    mirror.publish_on_hub(REPOSITORY, FILES)
    monkeypatch.setattr(hub, "hubs", lambda: [f"{mirror.address}/{HUB}", f"{mirror.address}/elsewhere"])
    with pytest.raises(
        hub.MissingFileError, match=r"/other: cannot be downloaded \(http://\S+/huggingface.co: the rep"
    ):
        hub.from_hub(REPOSITORY, "other")


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("GatedRepo", GatedRepoError),
        ("RepoNotFound", RepositoryNotFoundError),
        ("RevisionNotFound", RevisionNotFoundError),
    ],
)
def test_why_the_hub_refuses_is_said_in_words_that_the_guide_has(mirror, monkeypatch, code, error):
    monkeypatch.setattr(hub, "hubs", lambda: [f"{mirror.address}/{HUB}"])
    words = dict(hub.REFUSALS)[error]
    address = f"https://{HUB}/{REPOSITORY}/resolve/main/config.json"
    mirror.publish(address, b"", status=403, headers={"X-Error-Code": code})
    with pytest.raises(DownloadError) as caught:
        hub.from_hub(REPOSITORY, "config.json")
    assert str(caught.value) == (
        f"hf://{REPOSITORY}/config.json: cannot be downloaded ({mirror.address}/{HUB}: {words})"
    )
    assert f"| `{words}` |" in (ROOT / "docs/downloads.md").read_text(encoding="utf-8")


def test_the_key_to_the_hub_is_not_shown_to_a_mirror(mirror, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    mirror.publish_on_hub(REPOSITORY, FILES)
    hub.from_hub(REPOSITORY, "README.md")
    assert all("authorization" not in {name.lower() for name in r.headers} for r in mirror.requests)


def test_offline_the_hub_is_not_asked(mirror, monkeypatch):
    mirror.publish_on_hub(REPOSITORY, FILES)
    path = hub.from_hub(REPOSITORY, "model.safetensors")
    count = len(mirror.requests)
    monkeypatch.setenv("WORDSIGHT_OFFLINE", "1")
    assert hub.from_hub(REPOSITORY, "model.safetensors") == path
    with pytest.raises(
        DownloadError, match=r"^hf://timm/small\.in1k/README\.md: cannot be downloaded while offline"
    ):
        hub.from_hub(REPOSITORY, "README.md")
    assert len(mirror.requests) == count
