import json
import os
import platform
import subprocess
import sys
from typing import Any

import pytest

from aigc_core.training import __main__ as training
from aigc_core.training.allocator import SETTINGS, keep_memory
from tests.fresh import ROOT

PROGRAM = """
import json, os, sys
from aigc_core.training.allocator import SETTINGS, keep_memory
found = sorted(name for name in SETTINGS if name in os.environ)
print(json.dumps({"id": os.getpid(), "arguments": sys.argv[1:], "settings": found}), flush=True)
keep_memory()
"""


class Replaced(Exception):
    """What stands for the process that is no more."""


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = []

    def execve(*values: Any) -> None:
        found.append(values)
        raise Replaced

    monkeypatch.setattr(os, "execve", execve)
    monkeypatch.setattr(platform, "libc_ver", lambda: ("glibc", "2.36"))
    for name in SETTINGS:
        monkeypatch.delenv(name, raising=False)
    return found


def test_the_process_starts_again_with_the_settings(calls: list[tuple[Any, ...]]):
    with pytest.raises(Replaced):
        keep_memory()
    ((program, arguments, environment),) = calls
    assert program == sys.executable
    assert arguments == sys.orig_argv
    assert environment == {**os.environ, **SETTINGS}


def test_it_starts_again_once(calls: list[tuple[Any, ...]], monkeypatch: pytest.MonkeyPatch):
    for name, value in SETTINGS.items():
        monkeypatch.setenv(name, value)
    keep_memory()
    assert not calls


def test_settings_that_a_person_made_stay(
    calls: list[tuple[Any, ...]], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("MALLOC_TOP_PAD_", "5")
    with pytest.raises(Replaced):
        keep_memory()
    assert calls[0][2]["MALLOC_TOP_PAD_"] == "5"
    assert set(SETTINGS) <= set(calls[0][2])


def test_other_libraries_are_left_alone(
    calls: list[tuple[Any, ...]], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(platform, "libc_ver", lambda: ("", ""))
    keep_memory()
    assert not calls


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has these settings")
def test_a_real_process_comes_back_with_the_settings_and_its_arguments():
    environment = {name: value for name, value in os.environ.items() if name not in SETTINGS}
    done = subprocess.run(
        [sys.executable, "-X", "utf8", "-c", PROGRAM, "a b", "数"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    first, second = map(json.loads, done.stdout.splitlines())
    assert first["id"] == second["id"]
    assert first["arguments"] == second["arguments"] == ["a b", "数"]
    assert (first["settings"], second["settings"]) == ([], sorted(SETTINGS))


def test_a_training_begins_with_it(monkeypatch: pytest.MonkeyPatch, capsys: Any):
    called: list[bool] = []
    monkeypatch.setattr(training, "keep_memory", lambda: called.append(True))
    assert training.main(["no-such-recipe", "--cpu"]) == 2
    assert called == [True]
    error = capsys.readouterr().err
    assert "no-such-recipe" in error
    assert "dcgan-mnist" in error


def test_asking_for_help_starts_nothing_again(calls: list[tuple[Any, ...]]):
    with pytest.raises(SystemExit):
        training.main(["--help"])
    assert not calls
