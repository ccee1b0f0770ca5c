"""`python -m scale.replicas --replicas 2`: the suite with its models in several replicas.

Starts Ray on this machine and ends it with Ctrl+C; with `--address auto` the replicas go to a
cluster that `ray start` has made, on whichever of its machines there is room.
"""

import argparse
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).absolute().parents[1]
# Of Ray's own store, in which events are but a moment.
STORE = 80_000_000

NO_RAY = (
    "Ray is not installed: pip install -r scale/requirements-ray.txt",
    "没有安装 Ray：pip install -r scale/requirements-ray.txt",
)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m scale.replicas", description=__doc__)
    parser.add_argument("--replicas", type=int, default=2, help="of the models")
    parser.add_argument("--cpus", type=float, default=1.0, help="cores set aside for each")
    parser.add_argument("--gpus", type=float, default=0.0, help="accelerators for each")
    parser.add_argument("--at-once", type=int, default=8, help="runs that each takes at once")
    parser.add_argument("--host", default="127.0.0.1", help="0.0.0.0 to serve the network")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--address", help="of a Ray cluster, such as auto; default: this machine")
    options = parser.parse_args(arguments)
    try:
        from scale.deployments import Settings
    except ImportError:
        print(*NO_RAY, sep="\n", file=sys.stderr)
        return 2
    settings = Settings(
        replicas=options.replicas, cpus=options.cpus, gpus=options.gpus, at_once=options.at_once
    )
    try:
        with served(settings, options.host, options.port, options.address) as url:
            print(f"{url}  (Ctrl+C ends it · 按 Ctrl+C 结束)", flush=True)
            while True:
                time.sleep(3600)
    except KeyboardInterrupt:
        return 0


@contextmanager
def served(
    settings: Any, host: str = "127.0.0.1", port: int = 8000, address: str | None = None
) -> Iterator[str]:
    """The suite behind Ray Serve while the `with` lasts; gives its URL."""
    import ray
    from ray import serve

    from scale.deployments import build

    local: dict[str, Any] = {
        # The page and Serve's own actors take a fraction of a core.
        "num_cpus": max(1, round(settings.replicas * settings.cpus) + 1),
        "object_store_memory": STORE,
        "include_dashboard": False,
    }
    ray.init(
        address=address or "local",
        log_to_driver=False,
        runtime_env={"env_vars": {"PYTHONPATH": str(ROOT), "GRADIO_ANALYTICS_ENABLED": "False"}},
        **({} if address else local),
    )
    try:
        serve.start(http_options={"host": host, "port": port})
        serve.run(build(settings), name="aigc", route_prefix="/")
        yield f"http://{host}:{port}/"
    finally:
        if address:
            serve.delete("aigc")
        else:
            serve.shutdown()
        ray.shutdown()


if __name__ == "__main__":
    sys.exit(main())
