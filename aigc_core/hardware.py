"""What this machine has: roughly and at once for pages, precisely for loading models.

`probe` asks the system and the driver's tools, needs no torch and never fails. `devices` asks
torch, which starts the drivers. Both count what this process may use: inside a container that is
less than the machine has. All sizes are in bytes.
"""

import logging
import os
import platform
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

import psutil  # type: ignore[import-untyped]

T = TypeVar("T")

logger = logging.getLogger(__name__)

Kind = Literal["cuda", "rocm", "xpu", "mps", "cpu"]
DType = Literal["float32", "bfloat16", "float16"]

ROOT = Path("/")
FRESH = 5.0  # seconds for which a probe is good
PATIENCE = 3.0  # seconds that a driver's tool is given
MIB = 2**20
AMD_BF16 = ("gfx90a", "gfx94", "gfx95", "gfx11", "gfx12")


@dataclass(frozen=True)
class Gpu:
    """An accelerator as the driver's tools see it.

    Args:
        name: as the maker calls it.
        total: bytes of memory.
        free: of these, bytes that nobody uses.
        unified: its memory is the machine's RAM.
    """

    kind: Kind
    name: str
    total: int
    free: int
    unified: bool = False


@dataclass(frozen=True)
class Machine:
    """What this process may use.

    Args:
        cores: CPU cores, after affinity and quotas; a part of a core counts only below one.
        ram_total: bytes of RAM, after the limits of control groups.
        ram_free: bytes of RAM that may still be taken without swapping.
        gpus: in the driver's order.
    """

    cores: int
    ram_total: int
    ram_free: int
    gpus: tuple[Gpu, ...] = ()


@dataclass(frozen=True)
class Device:
    """A place for models, as torch sees it.

    Args:
        kind: `rocm` is torch's `cuda` on AMD hardware.
        index: among the devices of its kind.
        name: as the maker calls it.
        total: bytes of memory.
        free: bytes a new model may take, torch's own unused cache included.
        bf16: bfloat16 in hardware.
        fp16: float16 in hardware, and sound.
        unified: its memory is the machine's RAM.
    """

    kind: Kind
    index: int
    name: str
    total: int
    free: int
    bf16: bool = False
    fp16: bool = False
    unified: bool = False

    @property
    def id(self) -> str:
        """Its name in torch: `cuda:0`, `xpu:0`, `mps`, `cpu`."""
        if self.kind in ("mps", "cpu"):
            return self.kind
        return f"{'cuda' if self.kind == 'rocm' else self.kind}:{self.index}"

    @property
    def pool(self) -> str:
        """The memory it draws on: `host` where that is the machine's RAM, else its own."""
        return "host" if self.unified else self.id


def dtype_for(device: Device) -> DType:
    """The dtype to load weights in.

    float16 is 30 times slower than float32 on a CPU, and bfloat16 pays there for large matrices
    alone; on MPS bfloat16 is emulated by older chips. A part that is not sound in half precision,
    such as many a VAE, is its family's affair.
    """
    if device.kind == "cpu":
        return "float32"
    if device.bf16 and device.kind != "mps":
        return "bfloat16"
    return "float16" if device.fp16 else "float32"


_probing = threading.Lock()
_probed: tuple[float, Machine] | None = None


def probe() -> Machine:
    """The machine as it was at most 5 seconds ago; never raises, takes 3 seconds at worst."""
    global _probed
    with _probing:
        now = time.monotonic()
        if _probed is None or now - _probed[0] > FRESH:
            _probed = (now, look())
        return _probed[1]


def look(root: Path = ROOT) -> Machine:
    """The machine as it is now. `root` is where `/proc`, `/sys` and `/dev` are found."""
    total, free = safely(memory, (0, 0), root)
    none: list[Gpu] = []
    gpus = (
        safely(nvidia, none, total, free)
        or safely(amd, none, root)
        or safely(apple, none, total, free)
    )
    return Machine(safely(cores, 1, root), total, free, tuple(gpus))


def cores(root: Path = ROOT) -> int:
    """CPU cores this process may use: affinity and the quotas of control groups, at least 1."""
    if hasattr(os, "sched_getaffinity"):
        count = len(os.sched_getaffinity(0))
    else:
        count = os.cpu_count() or 1
    for group in control_groups("cpu", root):
        quota, _, period = text(group / "cpu.max").partition(" ")
        quota = quota or text(group / "cpu.cfs_quota_us")
        period = period or text(group / "cpu.cfs_period_us")
        if quota.isdigit() and period.isdigit():
            count = min(count, int(quota) // max(1, int(period)))
    return max(1, count)


def memory(root: Path = ROOT) -> tuple[int, int]:
    """RAM this process may use, (total, free) in bytes, after the limits of control groups."""
    ram = psutil.virtual_memory()
    total, free = int(ram.total), int(ram.available)
    for group in control_groups("memory", root):
        limit = text(group / "memory.max") or text(group / "memory.limit_in_bytes")
        used = text(group / "memory.current") or text(group / "memory.usage_in_bytes")
        if limit.isdigit() and used.isdigit():
            total = min(total, int(limit))
            free = min(free, int(limit) - int(used) + file_cache(group))
    return total, max(0, free)


def file_cache(group: Path) -> int:
    """Bytes that count as used in a control group, but are given up when somebody asks."""
    lines = (line.partition(" ") for line in text(group / "memory.stat").splitlines())
    values = {name: int(value) for name, _, value in lines if value.isdigit()}
    return values.get("total_inactive_file", values.get("inactive_file", 0))


def control_groups(controller: str, root: Path) -> Iterator[Path]:
    """The folders of this process's control group and of those above it; versions 1 and 2.

    A container often sees its own group as the top one while its path still names the host's, so
    folders that are not there are normal.
    """
    base = root / "sys/fs/cgroup"
    for line in text(root / "proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        top = base / controller if controllers else base
        parts = [part for part in path.split("/") if part not in ("", "..")]
        for depth in range(len(parts), -1, -1):
            yield top.joinpath(*parts[:depth])


def nvidia(ram_total: int, ram_free: int) -> list[Gpu]:
    """NVIDIA's devices that `CUDA_VISIBLE_DEVICES` leaves us."""
    query = "--query-gpu=uuid,name,memory.total,memory.free"
    found = []
    for line in output("nvidia-smi", query, "--format=csv,noheader,nounits").splitlines():
        uuid, name, total, free = (part.strip() for part in line.split(","))
        if total.isdigit() and free.isdigit():
            gpu = Gpu("cuda", name, int(total) * MIB, int(free) * MIB)
        else:  # "[N/A]": a chip without memory of its own
            gpu = Gpu("cuda", name, ram_total, ram_free, unified=True)
        found.append((uuid, gpu))
    wanted = os.environ.get("CUDA_VISIBLE_DEVICES")
    if wanted is None:
        return [gpu for _, gpu in found]
    chosen = []
    for choice in wanted.replace(" ", "").split(","):
        match = [
            gpu
            for index, (uuid, gpu) in enumerate(found)
            if choice and (choice == str(index) or uuid.startswith(choice))
        ]
        if not match:  # CUDA too ignores what follows an unknown device
            break
        chosen += match
    return chosen


def amd(root: Path) -> list[Gpu]:
    """AMD's devices, where the compute driver that ROCm needs is running."""
    if not (root / "dev/kfd").exists():
        return []
    found = []
    for card in sorted((root / "sys/class/drm").glob("card*/device")):
        total = text(card / "mem_info_vram_total")
        used = text(card / "mem_info_vram_used")
        if total.isdigit() and used.isdigit():
            name = text(card / "product_name") or "AMD GPU"
            found.append(Gpu("rocm", name, int(total), int(total) - int(used)))
    return found


def apple(ram_total: int, ram_free: int) -> list[Gpu]:
    """The GPU of Apple Silicon, which shares the machine's RAM."""
    if (platform.system(), platform.machine()) != ("Darwin", "arm64"):
        return []
    name = output("sysctl", "-n", "machdep.cpu.brand_string").strip() or "Apple Silicon"
    return [Gpu("mps", name, ram_total, ram_free, unified=True)]


def output(*command: str) -> str:
    """What a tool prints; empty where it is missing, fails or takes more than 3 seconds."""
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            errors="replace",
        )
    except OSError:
        return ""
    try:
        printed, _ = process.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        if process.stdout:
            process.stdout.close()
        # Not for long: a tool that hangs inside its driver outlives even a kill.
        with suppress(subprocess.TimeoutExpired):
            process.wait(0.2)
        return ""
    return printed if process.returncode == 0 else ""


def text(path: Path) -> str:
    """A small system file's content, stripped; empty where it cannot be read."""
    try:
        return path.read_text("utf-8", "replace").strip()
    except OSError:
        return ""


def devices() -> tuple[Device, ...]:
    """Every device torch can use here: accelerators first, the CPU last.

    A device whose driver fails is left out and logged, so that the others stay usable.
    """
    import torch

    total, free = memory()
    none: list[Device] = []
    kinds = (cuda_devices, xpu_devices, mps_devices)
    found = [device for kind in kinds for device in safely(kind, none, torch, free)]
    able = torch.cpu.get_capabilities()
    bf16 = any(name.endswith("bf16") for name, present in able.items() if present)
    name = str(able.get("cpu_name") or platform.machine())
    return (*found, Device("cpu", 0, name, total, free, bf16=bf16, unified=True))


def cuda_devices(torch: Any, ram_free: int) -> list[Device]:
    """NVIDIA's and AMD's devices, but for one that has failed: it raises at every question."""
    none: Device | None = None
    found = (
        safely(cuda_device, none, torch, index, ram_free)
        for index in range(torch.cuda.device_count())
    )
    return [device for device in found if device is not None]


def cuda_device(torch: Any, index: int, ram_free: int) -> Device:
    info = torch.cuda.get_device_properties(index)
    free, total = torch.cuda.mem_get_info(index)
    unified = bool(info.is_integrated)
    cached = torch.cuda.memory_reserved(index) - torch.cuda.memory_allocated(index)
    amd_made = torch.version.hip is not None
    bf16 = info.gcnArchName.startswith(AMD_BF16) if amd_made else info.major >= 8
    return Device(
        "rocm" if amd_made else "cuda",
        index,
        info.name,
        total,
        # The driver of a unified chip does not count what the file cache would give up.
        (ram_free if unified else free) + cached,
        bf16=bf16,
        # Before 7.0 float16 crawls, and the GTX 16 series computes NaN with it.
        fp16=amd_made or (info.major >= 7 and "GTX 16" not in info.name),
        unified=unified,
    )


def xpu_devices(torch: Any, ram_free: int) -> list[Device]:
    """Intel's devices."""
    found = []
    for index in range(torch.xpu.device_count()):
        info = torch.xpu.get_device_properties(index)
        unified = bool(getattr(info, "is_integrated_gpu", False))
        total = int(info.total_memory)
        if unified:
            free = min(ram_free, total)
        else:
            try:
                free, total = torch.xpu.mem_get_info(index)
                free += torch.xpu.memory_reserved(index) - torch.xpu.memory_allocated(index)
            except RuntimeError:  # not every driver tells
                free = total - torch.xpu.memory_allocated(index)
        bf16 = bool(getattr(info, "has_bfloat16_conversions", True))
        found.append(
            Device("xpu", index, info.name, total, free, bf16, bool(info.has_fp16), unified)
        )
    return found


def mps_devices(torch: Any, ram_free: int) -> list[Device]:
    """The GPU of Apple Silicon."""
    if not torch.backends.mps.is_available():
        return []
    total = int(torch.mps.recommended_max_memory())
    used = int(torch.mps.current_allocated_memory())
    cached = int(torch.mps.driver_allocated_memory()) - used
    free = max(0, min(total - used, ram_free + cached))
    bf16 = bool(torch.backends.mps.is_macos_or_newer(14, 0))
    return [Device("mps", 0, "Apple Silicon", total, free, bf16, fp16=True, unified=True)]


def safely(find: Callable[..., T], otherwise: T, *given: Any) -> T:
    """What `find` finds; where it fails, `otherwise` and a warning in the log."""
    try:
        return find(*given)
    except Exception:
        logger.warning("%s failed", find.__name__, exc_info=True)
        return otherwise


def torch_is_here() -> bool:
    """Whether torch has been imported to its end."""
    torch = sys.modules.get("torch")
    return torch is not None and not getattr(torch.__spec__, "_initializing", False)
