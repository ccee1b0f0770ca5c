"""Only whoever sits at the machine is its owner."""

from types import SimpleNamespace
from typing import Any

import pytest

from apps.ui.owner import NotTheOwner, has_owner, is_owner, must_be_owner

HERE = {"host": "127.0.0.1:7860", "origin": "http://127.0.0.1:7860"}


@pytest.fixture(autouse=True)
def no_word(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AIGC_OWNER", "SYSTEM", "SPACE_ID"):
        monkeypatch.delenv(name, raising=False)


def asking(address: str | None = "127.0.0.1", **headers: str | None) -> Any:
    """A request, by default the owner's; `None` leaves a header out."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    kept = {name: value for name, value in (HERE | named).items() if value is not None}
    return SimpleNamespace(client=address and SimpleNamespace(host=address), headers=kept)


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.9.10", "::1", "::ffff:127.0.0.1"])
@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "[::1]", "suite.localhost", "0.0.0.0"])
def test_a_browser_on_the_machine_is_the_owners(address: str, name: str) -> None:
    for port in ("", ":7860"):
        for scheme in ("http", "https"):
            host = f"{name}{port}"
            assert is_owner(asking(address, host=host, origin=f"{scheme}://{host}"))


@pytest.mark.parametrize(
    "address", ["192.168.1.7", "203.0.113.9", "fe80::1", "::ffff:10.0.0.1", "testclient", "", None]
)
def test_another_address_is_not(address: str | None) -> None:
    assert not is_owner(asking(address))


@pytest.mark.parametrize(
    "mark",
    [
        "X-Forwarded-For",
        "x-forwarded-for",
        "X-Forwarded-Host",
        "X-Forwarded-Proto",
        "X-Forwarded-Prefix",
        "Forwarded",
        "Via",
        "X-Real-IP",
        "CF-Connecting-IP",
        "True-Client-IP",
    ],
)
def test_who_comes_through_a_proxy_is_not(mark: str) -> None:
    assert not is_owner(asking(**{mark: "127.0.0.1"}))


@pytest.mark.parametrize(
    "host",
    [
        "evil.example:7860",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "notlocalhost",
        "192.168.1.7:7860",
        "suite.gradio.live",
        "user@127.0.0.1",
        "127.0.0.1/x",
        "[::1",
        "",
        None,
    ],
)
def test_a_name_that_was_made_to_point_here_is_not(host: str | None) -> None:
    """DNS rebinding: the page is another site's, the address is the machine's own."""
    assert not is_owner(asking(host=host, origin=f"http://{host}"))


@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.example",
        "http://127.0.0.1:8888",
        "http://localhost:7860",
        "http://127.0.0.1:7860.evil.example",
        "file://127.0.0.1:7860",
        "null",
        "",
        None,
    ],
)
def test_a_page_of_another_origin_is_not(origin: str | None) -> None:
    assert not is_owner(asking(origin=origin))


def test_nobody_asks_is_not() -> None:
    assert not is_owner(None)


@pytest.mark.parametrize("name", ["SYSTEM", "SPACE_ID"])
def test_on_spaces_nobody_is(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "spaces")
    assert not is_owner(asking())


def test_the_host_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    stranger = asking("203.0.113.9", host="suite.example", origin="https://suite.example")
    monkeypatch.setenv("AIGC_OWNER", "Everybody")
    assert is_owner(stranger)
    for word in ("nobody", "noone", "1"):
        monkeypatch.setenv("AIGC_OWNER", word)
        assert not is_owner(asking())
    monkeypatch.setenv("AIGC_OWNER", " ")
    assert is_owner(asking())
    assert not is_owner(stranger)


def test_the_refusal_says_what_to_do() -> None:
    must_be_owner(asking())
    with pytest.raises(NotTheOwner) as refused:
        must_be_owner(asking("203.0.113.9"))
    assert "on the machine itself" in refused.value.text.en
    assert "本机" in refused.value.text.zh


@pytest.mark.parametrize(
    ("name", "value", "somewhere"),
    [
        ("AIGC_OWNER", "everybody", True),
        ("AIGC_OWNER", "nobody", False),
        ("SYSTEM", "spaces", False),
        ("SPACE_ID", "org/name", False),
        ("SYSTEM", "linux", True),
    ],
)
def test_nobody_is_sent_to_a_machine_that_has_no_owner(
    name: str, value: str, somewhere: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    assert has_owner() is somewhere
    assert ("open this page" in NotTheOwner().text.en) is somewhere
    assert ("本机" in NotTheOwner().text.zh) is somewhere
