"""What the one line that starts the suite says when it cannot."""

import re
import socket

import gradio as gr
import pytest

from aigc_core import default_engine
from aigc_core.engine import Engine
from apps.__main__ import main
from apps.ui.warm import warm
from tests.fresh import fresh

LOGGED = """
import sys
import gradio as gr
from aigc_core import default_engine
from apps.__main__ import main

def visitor(app):
    sys.stderr = sys.stdout
    loader = default_engine().loader
    with loader.lease("dcgan-mnist"):
        pass
    loader.evict("dcgan-mnist")

import logging
gr.Blocks.block_thread = visitor
logging.basicConfig(stream=sys.stdout, format="%(levelname)s %(name)s %(message)s")
main(["--no-browser"])
"""


def test_a_port_in_use_is_said_in_both_languages(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    # Otherwise a suite that did start would wait for visitors.
    monkeypatch.setattr(gr.Blocks, "block_thread", lambda _: None)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert main(["--no-browser", "--host", "127.0.0.1", "--port", str(port)]) == 2
    said = capsys.readouterr().err
    assert said.count(f"{port}") == 2
    assert "Choose another with --port" in said
    assert "请用 --port" in said


def test_a_port_that_cannot_be_is_said_too(capsys: pytest.CaptureFixture[str]):
    assert main(["--no-browser", "--port", "99999"]) == 2
    assert "99999" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "value"), [("AIGC_MEMORY", "4 apples"), ("AIGC_IDLE_MINUTES", "soon")]
)
def test_a_setting_that_cannot_be_read_is_said_at_the_start(
    name: str, value: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv(name, value)
    default_engine.cache_clear()
    try:
        assert main(["--no-browser"]) == 2
    finally:
        default_engine.cache_clear()
    english, chinese = capsys.readouterr().err.splitlines()
    assert name in english
    assert name in chinese
    assert value in english


def test_what_the_host_pins_is_loaded_and_stays(monkeypatch: pytest.MonkeyPatch):
    engine = Engine.default(batching=False)
    monkeypatch.setattr("apps.ui.warm.default_engine", lambda: engine)
    monkeypatch.setenv("AIGC_PIN", " vae-mnist , nobody")
    warm(())
    (state,) = engine.loader.state()
    assert (state.id, state.status, state.pinned) == ("vae-mnist", "ready", True)
    assert not engine.loader.evict("vae-mnist")
    engine.loader.close()


def test_what_the_loader_does_is_logged_a_line_each():
    said = fresh(LOGGED)
    assert re.search(r"INFO aigc_core\.loader loaded model=dcgan-mnist device=cpu", said)
    assert "evicted model=dcgan-mnist" in said
