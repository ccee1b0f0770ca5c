"""`python -m apps [image]`: the suite, or one page of it, in the browser."""

import argparse
import logging
import os
import sys
import threading

from aigc_core.text import Text

# Before Gradio is imported: it would report its start otherwise.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"

TIDY = 60.0  # seconds after the start, when the first pages are out

NO_ADDRESS = Text(
    "{host}, port {port}, cannot be served: it is in use, or not this machine's. "
    "Choose another with --port or --host.",
    "无法使用 {host} 的端口 {port}：已被占用，或不属于本机。请用 --port 或 --host 另选。",
)


def main(arguments: list[str] | None = None) -> int:
    from aigc_core.errors import AigcError
    from aigc_core.stock import tidy
    from apps.suite import FIRST, MODALITIES, build, build_alone
    from apps.ui.serve import serve

    pages = {modality.path: modality for modality in MODALITIES}
    parser = argparse.ArgumentParser(prog="python -m apps", description=__doc__)
    parser.add_argument("page", nargs="?", choices=sorted(pages), help="default: all of them")
    parser.add_argument("--host", default=None, help="0.0.0.0 to serve the network")
    parser.add_argument("--port", type=int, default=None, help="default: the first free from 7860")
    parser.add_argument("--no-browser", action="store_true", help="do not open the browser")
    options = parser.parse_args(arguments)
    # What the loader does, a line each; others only when they warn.
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("aigc_core").setLevel(logging.INFO)
    try:
        app = build_alone(pages[options.page]) if options.page else build()
    except AigcError as error:  # Such as a host's catalog that cannot be read.
        print(*error.text, sep="\n", file=sys.stderr)
        return 2
    try:
        _, url, _ = serve(
            app,
            warm=FIRST,
            server_name=options.host,
            server_port=options.port,
            inbrowser=not options.no_browser and os.environ.get("SYSTEM") != "spaces",
            prevent_thread_lock=True,
        )
    except FileNotFoundError:
        raise
    except (OSError, OverflowError):  # What Gradio and sockets say of one that they cannot have.
        address = {"host": options.host or "127.0.0.1", "port": options.port or "7860-7959"}
        print(*NO_ADDRESS.fill(**address), sep="\n", file=sys.stderr)
        return 2
    print(f"{url}  (Ctrl+C ends it · 按 Ctrl+C 结束)", flush=True)
    housekeeping = threading.Timer(TIDY, tidy)
    housekeeping.daemon = True
    housekeeping.start()
    app.block_thread()
    return 0


if __name__ == "__main__":
    sys.exit(main())
