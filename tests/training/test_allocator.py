import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from aigc_core.training.allocator import SETTINGS, keep_memory
from tests.fresh import ROOT

WITNESS = """
import os
with open(os.environ["WITNESS"], "a") as file:
    kept = all(name in os.environ for name in ("MALLOC_TRIM_THRESHOLD_", "MALLOC_TOP_PAD_"))
    print(os.getpid(), kept, file=file)
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
def test_a_training_has_the_settings_and_its_arguments(tmp_path: Path):
    (tmp_path / "sitecustomize.py").write_text(WITNESS)
    environment = {
        **{name: value for name, value in os.environ.items() if name not in SETTINGS},
        "PYTHONPATH": str(tmp_path),
        "WITNESS": str(tmp_path / "witness"),
    }
    done = subprocess.run(
        [sys.executable, "-m", "aigc_core.training", "no-such-recipe", "--cpu"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert "no-such-recipe" in done.stderr
    assert "dcgan-mnist" in done.stderr
    assert "Traceback" not in done.stderr
    (first, without), (second, with_) = map(
        str.split, (tmp_path / "witness").read_text().splitlines()[:2]
    )
    assert first == second
    assert (without, with_) == ("False", "True")
