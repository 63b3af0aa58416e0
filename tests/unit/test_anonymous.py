"""What a user sends has no secrets, and does not say who or where the user is."""

import getpass
import socket

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wordsight.workflow.anonymous import HIDDEN, anonymous

SECRET = "Zx81-very-Secret_value"


@pytest.fixture(autouse=True)
def _at_home(tmp_path, monkeypatch):
    home = tmp_path / "home/alice"
    (home / "project/data").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("WORDSIGHT_CACHE", str(home / ".cache/wordsight"))
    monkeypatch.chdir(home / "project")
    monkeypatch.setattr(getpass, "getuser", lambda: "alice")
    monkeypatch.setattr(socket, "gethostname", lambda: "lab-42.example.org")


@pytest.mark.parametrize(
    "text",
    [
        f"https://example.org/w.pth?token={SECRET}&dl=1",
        f"https://example.org/w.pth?dl=1&X-Amz-Signature={SECRET}",
        f"https://example.org/w.pth?sig={SECRET}: the server answers 403",
        f"https://alice:{SECRET}@example.org/w.pth",
        f"http://proxy:{SECRET}@10.0.0.1:3128",
        f"HF_TOKEN={SECRET}",
        f"password: {SECRET}",
        f"api_key = {SECRET}",
        f"Authorization: Bearer {SECRET}",
        "hf_AbCdEfGhIjKlMnOpQrStUvWxYz012345",
        "ghp_AbCdEfGhIjKlMnOpQrStUvWxYz012345",
    ],
)
def test_secrets_are_hidden(text):
    found = anonymous(text)
    assert SECRET not in found
    assert "AbCdEfGh" not in found
    assert HIDDEN in found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{home}/project/data/w.pth: expected", "./data/w.pth: expected"),
        ("put it at {home}/.cache/wordsight/host/w.pth", "put it at <cache>/host/w.pth"),
        ("{home}/elsewhere", "~/elsewhere"),
        ("{home}", "~"),
        ("/mnt/alice/weights", "/mnt/<user>/weights"),
        ("on lab-42.example.org, or lab-42", "on <machine>, or <machine>"),
        ("malice and palace-alice2", "malice and palace-alice2"),
    ],
)
def test_nothing_says_who_and_where_the_user_is(tmp_path, text, expected):
    assert anonymous(text.format(home=tmp_path / "home/alice")) == expected


@pytest.mark.parametrize(
    "text",
    [
        "key: state_dict",
        "tokenizer: 4 tokens",
        "https://www.dropbox.com/scl/fi/x/w.pt?rlkey=abc&dl=1",
        "https://huggingface.co/facebook/dinov2-base",
        "2026-01-01 12:00:00,000 ERROR models.a: 3 tensors are missing: cls_token",
        "",
    ],
)
def test_what_is_public_stays(text):
    assert anonymous(text) == text


@settings(max_examples=50)
@given(st.text(max_size=200))
def test_any_text_comes_out_as_a_text_that_stays(text):
    assert anonymous(anonymous(text)) == anonymous(text)
