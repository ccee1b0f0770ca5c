import json
from pathlib import Path

import pytest

from aigc_core import peaks
from aigc_core.freeing import give_back
from aigc_core.hardware import Device
from aigc_core.peaks import LEAST, MOST, Peaks
from tests.waiting import end, start

MB = 10**6
CPU = Device("cpu", 0, "CPU", 10**10, 10**10, unified=True)
GPU = Device("cuda", 0, "card", 10**10, 10**10)


@pytest.fixture
def memory(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """What a device shows: `now` at the beginning of a run, `peak` at its end."""
    shown = {"now": 1000, "peak": 1000}
    monkeypatch.setattr(peaks, "reset", lambda device: shown["now"])
    monkeypatch.setattr(peaks, "highest", lambda device: shown["peak"])
    return shown


def run(kept: Peaks, memory: dict[str, int], taken: int, *, estimate: int = 100) -> int | None:
    kept.begin("run", "model@1", CPU, estimate)
    memory["peak"] = memory["now"] + taken
    return kept.end("run")


def guess(kept: Peaks) -> int:
    return kept.activations("model@1", "cpu", 1000)


class TestLearning:
    def test_an_estimate_is_corrected_by_what_a_run_took(self, memory: dict[str, int]) -> None:
        kept = Peaks()
        assert guess(kept) == 1000
        assert run(kept, memory, 250) == 250
        assert guess(kept) == 2500
        # For that model on that kind of device alone.
        assert kept.activations("model@2", "cpu", 1000) == 1000
        assert kept.activations("model@1", "cuda", 1000) == 1000

    def test_more_counts_at_once_and_less_by_and_by(self, memory: dict[str, int]) -> None:
        kept = Peaks()
        run(kept, memory, 100)
        run(kept, memory, 300)
        assert guess(kept) == 3000
        run(kept, memory, 100)
        assert guess(kept) == 2800
        for _ in range(60):
            run(kept, memory, 100)
        assert guess(kept) < 1100

    @pytest.mark.parametrize(("taken", "factor"), [(0, LEAST), (-500, LEAST), (10**9, MOST)])
    def test_what_cannot_be_is_capped(
        self, memory: dict[str, int], taken: int, factor: float
    ) -> None:
        kept = Peaks()
        run(kept, memory, taken)
        assert guess(kept) == round(1000 * factor)


class TestCompany:
    def test_runs_beside_each_other_teach_nothing(self, memory: dict[str, int]) -> None:
        kept = Peaks()
        kept.begin("a", "model@1", CPU, 100)
        kept.begin("b", "model@1", CPU, 100)
        memory["peak"] = 9000
        assert kept.end("a") is None
        assert kept.end("b") is None
        assert guess(kept) == 1000

    def test_company_without_an_estimate_disturbs_too(self, memory: dict[str, int]) -> None:
        kept = Peaks()
        kept.begin("a", "model@1", CPU, 100)
        kept.begin("b", "other@1", CPU, 0)
        assert kept.end("b") is None
        assert kept.end("a") is None
        # And a run that begins in such company is not alone either.
        kept.begin("b", "other@1", CPU, 0)
        kept.begin("a", "model@1", CPU, 100)
        assert kept.end("b") is None
        assert kept.end("a") is None

    def test_a_load_disturbs_the_runs_under_way_alone(self, memory: dict[str, int]) -> None:
        kept = Peaks()
        kept.begin("a", "model@1", CPU, 100)
        kept.disturb()
        assert kept.end("a") is None
        assert run(kept, memory, 200) == 200

    def test_beginning_or_ending_twice_changes_nothing(self, memory: dict[str, int]) -> None:
        kept = Peaks()
        kept.begin("run", "model@1", CPU, 100)
        kept.begin("run", "model@1", CPU, 100)
        memory["peak"] += 200
        assert (kept.end("run"), kept.end("run"), kept.end("never")) == (200, None, None)

    def test_nothing_is_left_after_many_threads(self, memory: dict[str, int]) -> None:
        kept = Peaks()

        def work(place: int) -> None:
            for turn in range(50):
                kept.begin((place, turn), f"model@{place}", CPU, 100)
                kept.disturb()
                kept.end((place, turn))

        end(*[start(lambda p=place: work(p)) for place in range(6)])  # type: ignore[misc]
        assert kept._meters == {}
        assert not kept.guard.mine


class TestKeeping:
    def test_between_objects(self, memory: dict[str, int], tmp_path: Path) -> None:
        file = tmp_path / "kept" / "activations.json"
        run(Peaks(file), memory, 250)
        assert guess(Peaks(file)) == 2500
        assert [path.name for path in file.parent.iterdir()] == [file.name]

    def test_small_changes_are_not_written(self, memory: dict[str, int], tmp_path: Path) -> None:
        file = tmp_path / "activations.json"
        kept = Peaks(file)
        run(kept, memory, 200)
        written = file.stat().st_mtime_ns, file.read_text()
        run(kept, memory, 204)
        assert (file.stat().st_mtime_ns, file.read_text()) == written
        run(kept, memory, 300)
        assert file.read_text() != written[1]

    @pytest.mark.parametrize(
        "content",
        [
            b"",
            b"{",
            b"[]",
            b"[1]",
            b'"x"',
            b"3",
            b'{"a": "x"}',
            b'{"a": null}',
            b"\xff\xfe",
            b'{"a": [1]}',
        ],
    )
    def test_a_damaged_file_is_none(
        self, content: bytes, memory: dict[str, int], tmp_path: Path
    ) -> None:
        file = tmp_path / "activations.json"
        file.write_bytes(content)
        kept = Peaks(file)
        assert guess(kept) == 1000
        run(kept, memory, 250)
        assert guess(Peaks(file)) == 2500

    def test_values_that_cannot_be_are_left_out(self, tmp_path: Path) -> None:
        file = tmp_path / "activations.json"
        values = {"model@1 cpu": 1e9, "b cpu": -1, "c cpu": float("nan"), "d cpu": 2}
        file.write_text(json.dumps(values))
        kept = Peaks(file)
        assert [kept.activations(key, "cpu", 100) for key in ("model@1", "b", "c", "d")] == [
            100,
            100,
            100,
            200,
        ]

    def test_where_nothing_can_be_written_it_is_kept_in_memory(
        self, memory: dict[str, int], tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        (tmp_path / "file").write_text("in the way")
        kept = Peaks(tmp_path / "file" / "activations.json")
        run(kept, memory, 250)
        assert guess(kept) == 2500
        assert "cannot be written" in caplog.text


class TestDevices:
    def test_a_driver_that_fails_ends_no_run(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(device: Device) -> int:
            raise RuntimeError("CUDA error: device-side assert triggered")

        kept = Peaks()
        monkeypatch.setattr(peaks, "highest", fail)
        kept.begin("run", "model@1", CPU, 100)
        assert kept.end("run") is None
        monkeypatch.setattr(peaks, "reset", fail)
        kept.begin("run", "model@1", CPU, 100)
        assert kept.end("run") is None

    def test_where_nobody_can_tell_nothing_is_measured(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setattr(peaks, "ROOT", tmp_path)  # as on a system without /proc
        kept = Peaks()
        for device in (CPU, Device("mps", 0, "chip", 1, 1, unified=True)):
            kept.begin("run", "model@1", device, 100)
            assert kept.end("run") is None


@pytest.mark.skipif(peaks.reset(CPU) is None, reason="this system does not tell a process's peak")
def test_a_real_run_is_measured() -> None:
    torch = pytest.importorskip("torch")
    give_back()
    kept = Peaks()
    kept.begin("run", "model@1", CPU, 100 * MB)
    tensors = [torch.ones(25 * MB // 4) for _ in range(8)]
    del tensors
    taken = kept.end("run")
    assert taken is not None
    assert 160 * MB < taken < 240 * MB
    assert 1600 <= guess(kept) <= 2400
