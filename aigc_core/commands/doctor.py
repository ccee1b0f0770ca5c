"""`doctor`: what works on this machine, and what would be needed for the rest."""

import argparse
import importlib.util
import platform
import shutil
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from aigc_core import hardware
from aigc_core.catalog import Catalog
from aigc_core.data import mnist
from aigc_core.errors import size
from aigc_core.text import Text

PACKAGES = ("gradio", "torch", "transformers", "diffusers", "accelerate")


def add(commands: Any) -> None:
    parser = commands.add_parser("doctor", help="what works on this machine")
    parser.set_defaults(do=do)


def do(options: argparse.Namespace) -> None:
    for good, what, advice in findings():
        mark = "ok  " if good else "--  "
        print(f"{mark}{what.say(options.lang)}")
        if not good:
            print(f"    {advice.say(options.lang)}")


Finding = tuple[bool, Text, Text]
NOTHING = Text("", "")


def findings() -> list[Finding]:
    """Each check: whether it is fine, what was found, and what would help."""
    return [python(), *map(package, PACKAGES), memory(), graphics(), *models(), digits(), browser()]


def python() -> Finding:
    found = platform.python_version()
    return (
        (3, 11) <= sys.version_info[:2] <= (3, 12),
        Text(f"Python {found}", f"Python {found}"),
        Text(
            "The suite is tested on Python 3.11 and 3.12.", "本套件在 Python 3.11 和 3.12 上测试。"
        ),
    )


def package(name: str) -> Finding:
    try:
        found = version(name)
    except PackageNotFoundError:
        found = ""
    return (
        bool(found) and importlib.util.find_spec(name) is not None,
        Text(f"{name} {found or 'is missing'}", f"{name} {found or '未安装'}"),
        Text("pip install -r requirements.txt", "pip install -r requirements.txt"),
    )


def memory() -> Finding:
    machine = hardware.probe()
    free, total = size(machine.ram_free), size(machine.ram_total)
    return (
        machine.ram_free > 2_000_000_000,
        Text(
            f"{machine.cores} cores, {free} of {total} RAM free",
            f"{machine.cores} 个核心，内存 {total}，可用 {free}",
        ),
        Text("The suite itself takes about 1 GB.", "套件本身约占 1 GB。"),
    )


def graphics() -> Finding:
    gpus = hardware.probe().gpus
    names = ", ".join(gpu.name for gpu in gpus)
    return (
        bool(gpus),
        Text(f"GPU: {names or 'none'}", f"GPU：{names or '无'}"),
        Text(
            "Not needed: models written from scratch run on the processor.",
            "并非必需：从零实现的模型在 CPU 上运行。",
        ),
    )


def models() -> list[Finding]:
    found = []
    for entry in Catalog.default().entries.values():
        problem = entry.problem()
        found.append((problem is None, entry.name, problem or NOTHING))
    return found


def digits() -> Finding:
    return (
        mnist.is_here(),
        Text("dataset MNIST", "数据集 MNIST"),
        Text(
            "Only training, metrics and some tests need it; they fetch 11 MB when run, "
            "or set AIGC_DATA_DIR to a folder that has it.",
            "仅训练、评测和部分测试需要；运行时会下载 11 MB，"
            "或将 AIGC_DATA_DIR 设为已有它的文件夹。",
        ),
    )


def browser() -> Finding:
    path = next(
        filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), ""
    )
    return (
        bool(path),
        Text(f"Chromium {path}", f"Chromium {path}"),
        Text("Only the browser tests need it.", "仅浏览器测试需要。"),
    )
