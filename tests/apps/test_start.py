"""What the one line that starts the suite says when it cannot."""

import socket

import gradio as gr
import pytest

from apps.__main__ import main


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
