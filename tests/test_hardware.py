import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from aigc_core import hardware
from aigc_core.hardware import Device, Gpu, Kind, dtype_for

GB = 10**9
MIB = 2**20
NO_LIMIT = 2**63 - 4096


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, object], None]:
    """Writes a file of a machine whose root is `tmp_path`."""

    def write(name: str, content: object) -> None:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{content}\n")

    return write


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """16 cores, 64 GB of RAM with 40 GB free, nothing cached from other tests."""
    ram = SimpleNamespace(total=64 * GB, available=40 * GB)
    monkeypatch.setattr("psutil.virtual_memory", lambda: ram)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(16)), raising=False)
    monkeypatch.setattr(hardware, "_probed", None)


@pytest.fixture
def tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """Puts a shell script of this name first on the PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)

    def tool(name: str, script: str) -> None:
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)

    return tool


Write = Callable[[str, object], None]
Tool = Callable[[str, str], None]


def test_without_limits_the_machine_is_all_ours(tmp_path: Path) -> None:
    assert hardware.memory(tmp_path) == (64 * GB, 40 * GB)
    assert hardware.cores(tmp_path) == 16


def test_limits_of_version_2_hold_at_every_level(tmp_path: Path, write: Write) -> None:
    write("proc/self/cgroup", "0::/pod/container")
    write("sys/fs/cgroup/pod/memory.max", 10 * GB)
    write("sys/fs/cgroup/pod/memory.current", 9 * GB)
    write("sys/fs/cgroup/pod/memory.stat", f"anon 5\ninactive_file {2 * GB}")
    write("sys/fs/cgroup/pod/container/memory.max", "max")
    write("sys/fs/cgroup/pod/container/memory.current", 8 * GB)
    write("sys/fs/cgroup/pod/container/cpu.max", "350000 100000")
    write("sys/fs/cgroup/pod/cpu.max", "max 100000")
    assert hardware.memory(tmp_path) == (10 * GB, 3 * GB)
    assert hardware.cores(tmp_path) == 3


def test_limits_of_version_1_hold_inside_a_container(tmp_path: Path, write: Write) -> None:
    write("proc/self/cgroup", "5:memory:/docker/abc\n4:cpu,cpuacct:/docker/abc\n0::/docker/abc")
    write("sys/fs/cgroup/memory/memory.limit_in_bytes", 8 * GB)
    write("sys/fs/cgroup/memory/memory.usage_in_bytes", 7 * GB)
    write("sys/fs/cgroup/memory/memory.stat", f"inactive_file 1\ntotal_inactive_file {GB}")
    write("sys/fs/cgroup/cpu/cpu.cfs_quota_us", 50_000)
    write("sys/fs/cgroup/cpu/cpu.cfs_period_us", 100_000)
    assert hardware.memory(tmp_path) == (8 * GB, 2 * GB)
    assert hardware.cores(tmp_path) == 1


def test_version_1_without_limits(tmp_path: Path, write: Write) -> None:
    write("proc/self/cgroup", "5:memory:/\n4:cpu,cpuacct:/")
    write("sys/fs/cgroup/memory/memory.limit_in_bytes", NO_LIMIT)
    write("sys/fs/cgroup/memory/memory.usage_in_bytes", GB)
    write("sys/fs/cgroup/cpu/cpu.cfs_quota_us", -1)
    write("sys/fs/cgroup/cpu/cpu.cfs_period_us", 100_000)
    assert hardware.memory(tmp_path) == (64 * GB, 40 * GB)
    assert hardware.cores(tmp_path) == 16


def test_more_used_than_allowed_is_nothing_free(tmp_path: Path, write: Write) -> None:
    write("proc/self/cgroup", "0::/")
    write("sys/fs/cgroup/memory.max", GB)
    write("sys/fs/cgroup/memory.current", 2 * GB)
    assert hardware.memory(tmp_path) == (GB, 0)


CARDS = """cat <<'EOF'
GPU-aaaa, NVIDIA A100-SXM4-40GB, 40960, 40000
GPU-bbbb, NVIDIA L4, 23034, 22000
EOF"""
A100 = Gpu("cuda", "NVIDIA A100-SXM4-40GB", 40960 * MIB, 40000 * MIB)
L4 = Gpu("cuda", "NVIDIA L4", 23034 * MIB, 22000 * MIB)


@pytest.mark.parametrize(
    ("visible", "expected"),
    [
        (None, (A100, L4)),
        ("1,0", (L4, A100)),
        ("GPU-bb", (L4,)),
        ("", ()),
        ("0,-1,1", (A100,)),
    ],
)
def test_nvidia_devices_that_are_visible(
    visible: str | None,
    expected: tuple[Gpu, ...],
    tool: Tool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tool("nvidia-smi", CARDS)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert hardware.look(tmp_path).gpus == expected


def test_an_nvidia_chip_without_memory_of_its_own(
    tool: Tool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    tool("nvidia-smi", "echo 'GPU-c, NVIDIA GB10, [N/A], [N/A]'")
    assert hardware.look(tmp_path).gpus == (Gpu("cuda", "NVIDIA GB10", 64 * GB, 40 * GB, True),)


@pytest.mark.parametrize("script", ["exit 9", "echo nonsense", "echo 'a, b, c, d, e'"])
def test_a_broken_tool_is_no_gpu(script: str, tool: Tool, tmp_path: Path) -> None:
    tool("nvidia-smi", script)
    assert hardware.look(tmp_path).gpus == ()


def test_a_hanging_tool_is_left_behind(
    tool: Tool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hardware, "PATIENCE", 0.1)
    tool("nvidia-smi", "exec sleep 60")
    assert hardware.look(tmp_path).gpus == ()


def test_amd_devices_need_the_compute_driver(
    tmp_path: Path, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    write("sys/class/drm/card1/device/mem_info_vram_total", 24 * GB)
    write("sys/class/drm/card1/device/mem_info_vram_used", 4 * GB)
    assert hardware.look(tmp_path).gpus == ()
    write("dev/kfd", "")
    assert hardware.look(tmp_path).gpus == (Gpu("rocm", "AMD GPU", 24 * GB, 20 * GB),)
    write("sys/class/drm/card1/device/product_name", "Instinct MI210")
    assert hardware.look(tmp_path).gpus[0].name == "Instinct MI210"


def test_apple_silicon_shares_the_ram(
    tool: Tool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("platform.system", lambda: "Darwin")
    monkeypatch.setattr("platform.machine", lambda: "arm64")
    tool("nvidia-smi", "exit 1")
    tool("sysctl", "echo Apple M3")
    assert hardware.look(tmp_path).gpus == (Gpu("mps", "Apple M3", 64 * GB, 40 * GB, True),)


def test_a_probe_never_raises_and_is_kept_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> Any:
        raise OSError("no /proc here")

    for name in ("memory", "cores", "nvidia", "amd", "apple"):
        broken.__name__ = name
        monkeypatch.setattr(hardware, name, broken)
    first = hardware.probe()
    assert (first.cores, first.ram_total, first.gpus) == (1, 0, ())
    monkeypatch.setattr(hardware, "cores", lambda root: 8)
    assert hardware.probe() is first
    monkeypatch.setattr(hardware, "FRESH", -1.0)
    assert hardware.probe().cores == 8


def test_a_probe_does_not_wait_for_torch() -> None:
    code = (
        "import sys; from aigc_core.hardware import probe; probe(); print('torch' in sys.modules)"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert answer.stdout.strip() == "False"


def test_devices_of_this_machine_end_with_the_cpu() -> None:
    torch = pytest.importorskip("torch")
    *_, cpu = hardware.devices()
    assert (cpu.id, cpu.pool, cpu.total, cpu.free) == ("cpu", "host", 64 * GB, 40 * GB)
    assert all(torch.empty(1, device=device.id) is not None for device in hardware.devices())


def cuda(info: dict[str, Any], *, hip: str | None = None) -> SimpleNamespace:
    """As much of torch as a machine with one such device shows."""
    facts = {"name": "card", "major": 8, "is_integrated": 0, "gcnArchName": "", **info}
    return SimpleNamespace(
        version=SimpleNamespace(hip=hip),
        cuda=SimpleNamespace(
            device_count=lambda: 1,
            get_device_properties=lambda index: SimpleNamespace(**facts),
            mem_get_info=lambda index: (10 * GB, 24 * GB),
            memory_reserved=lambda index: 3 * GB,
            memory_allocated=lambda index: 2 * GB,
        ),
    )


def test_cuda_counts_the_cache_of_torch_as_free() -> None:
    (device,) = hardware.cuda_devices(cuda({"name": "NVIDIA L4"}), 40 * GB)
    assert device == Device("cuda", 0, "NVIDIA L4", 24 * GB, 11 * GB, bf16=True, fp16=True)
    assert (device.id, device.pool) == ("cuda:0", "cuda:0")


def test_a_device_that_failed_is_left_out_and_the_others_stay() -> None:
    torch = cuda({})

    def mem_get_info(index: int) -> tuple[int, int]:
        if index == 0:
            raise RuntimeError("CUDA error: device-side assert triggered")
        return 10 * GB, 24 * GB

    torch.cuda.device_count = lambda: 2
    torch.cuda.mem_get_info = mem_get_info
    (device,) = hardware.cuda_devices(torch, 40 * GB)
    assert device.id == "cuda:1"


def test_a_unified_chip_draws_on_the_host() -> None:
    (device,) = hardware.cuda_devices(cuda({"is_integrated": 1}), 40 * GB)
    assert (device.id, device.pool, device.free) == ("cuda:0", "host", 41 * GB)


@pytest.mark.parametrize(
    ("info", "hip", "kind", "dtype"),
    [
        ({"name": "NVIDIA H100", "major": 9}, None, "cuda", "bfloat16"),
        ({"name": "Tesla T4", "major": 7}, None, "cuda", "float16"),
        ({"name": "NVIDIA GeForce GTX 1660", "major": 7}, None, "cuda", "float32"),
        ({"name": "NVIDIA GeForce GTX 1080", "major": 6}, None, "cuda", "float32"),
        ({"gcnArchName": "gfx942:sramecc+"}, "6.4", "rocm", "bfloat16"),
        ({"gcnArchName": "gfx1030"}, "6.4", "rocm", "float16"),
    ],
)
def test_dtype_of_a_cuda_or_rocm_device(
    info: dict[str, Any], hip: str | None, kind: Kind, dtype: str
) -> None:
    (device,) = hardware.cuda_devices(cuda(info, hip=hip), 0)
    assert (device.kind, device.id, dtype_for(device)) == (kind, "cuda:0", dtype)


def xpu(integrated: bool, told: bool = True) -> SimpleNamespace:
    def mem_get_info(index: int) -> tuple[int, int]:
        if not told:
            raise RuntimeError("this device does not support querying free memory")
        return 10 * GB, 16 * GB

    info = SimpleNamespace(
        name="Arc", total_memory=16 * GB, has_fp16=True, is_integrated_gpu=integrated
    )
    return SimpleNamespace(
        xpu=SimpleNamespace(
            device_count=lambda: 1,
            get_device_properties=lambda index: info,
            mem_get_info=mem_get_info,
            memory_reserved=lambda index: 3 * GB,
            memory_allocated=lambda index: 2 * GB,
        )
    )


def test_xpu_memory_is_guessed_where_the_driver_does_not_tell() -> None:
    (arc,) = hardware.xpu_devices(xpu(integrated=False), 40 * GB)
    assert (arc.id, arc.pool, arc.free, dtype_for(arc)) == ("xpu:0", "xpu:0", 11 * GB, "bfloat16")
    (silent,) = hardware.xpu_devices(xpu(integrated=False, told=False), 40 * GB)
    assert silent.free == 14 * GB
    (shared,) = hardware.xpu_devices(xpu(integrated=True, told=False), 5 * GB)
    assert (shared.pool, shared.free) == ("host", 5 * GB)


def test_mps_shares_the_host_and_takes_float16() -> None:
    torch = SimpleNamespace(
        backends=SimpleNamespace(
            mps=SimpleNamespace(
                is_available=lambda: True, is_macos_or_newer=lambda major, minor: True
            )
        ),
        mps=SimpleNamespace(
            recommended_max_memory=lambda: 48 * GB,
            current_allocated_memory=lambda: 2 * GB,
            driver_allocated_memory=lambda: 3 * GB,
        ),
    )
    (device,) = hardware.mps_devices(torch, 40 * GB)
    assert (device.id, device.pool, device.total) == ("mps", "host", 48 * GB)
    assert (device.free, device.bf16, dtype_for(device)) == (41 * GB, True, "float16")


def test_a_cpu_loads_float32_even_where_it_has_bfloat16() -> None:
    assert dtype_for(Device("cpu", 0, "Xeon", GB, GB, bf16=True, unified=True)) == "float32"
