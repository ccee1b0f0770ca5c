"""The checks of `scale/` run as people run them, where what they need is installed."""

import os
import subprocess
import sys

import pytest

from scale.check_torchrun import passed
from scale.checking import Check, Findings, waited
from tests.fresh import ROOT


def check(name: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", f"scale.{name}"],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.timeout(600)
def test_replicas() -> None:
    pytest.importorskip("ray.serve", reason="Ray is not installed (scale/requirements-ray.txt)")
    assert "| a replica dies " in check("check_replicas")


@pytest.mark.timeout(600)
def test_openai() -> None:
    pytest.importorskip("openai", reason="not installed (scale/requirements-openai.txt)")
    assert "| same text " in check("check_openai")


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_provider() -> None:
    assert "| same pictures " in check("check_provider")


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_torchrun() -> None:
    pytest.importorskip("torch.distributed", reason="torch was built without it")
    assert "| killed and started again " in check("check_torchrun")


@pytest.mark.parametrize(
    ("said", "count"),
    [
        ("4 passed in 21.30s", 4),
        ("..s [100%]\n2 passed, 1 skipped in 3.1s", 2),
        ("s [100%]\nSKIPPED [2] no gloo\n2 skipped in 0.1s", 0),
        ("no tests ran in 0.01s", 0),
    ],
)
def test_tests_that_were_skipped_have_not_passed(said: str, count: int) -> None:
    assert passed(said) == count


def test_a_check_that_raises_is_not_good(capsys: pytest.CaptureFixture[str]) -> None:
    def breaks(subject: int) -> Check:
        raise ValueError(f"no {subject}")

    findings = Findings("title")
    findings.add(Check("first", True, "well"))
    assert findings.good
    findings.add(waited(breaks, 7))
    assert not findings.good
    assert "ValueError: no 7" in findings.table()
    assert "NOT breaks" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["replicas", "check_replicas"])
def test_without_ray_it_says_what_to_install(name: str) -> None:
    # A package of that name that cannot be imported, before any that is installed.
    hide = (
        f"import sys; sys.modules['ray'] = None; from scale.{name} import main; sys.exit(main([]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", hide], cwd=ROOT, capture_output=True, text=True, timeout=150
    )
    assert done.returncode == 2
    assert "pip install -r scale/requirements-ray.txt" in done.stderr
    assert "没有安装" in done.stderr
