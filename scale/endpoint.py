"""`python -m scale.endpoint sd-turbo`: one image model of this machine as an inference endpoint.

It speaks what `huggingface_hub.InferenceClient.text_to_image` speaks to a URL, so that a suite on
another machine uses it through a catalog entry of origin `remote`. A request goes through
`Engine.run`; one whose client leaves ends within a step. With AIGC_ENDPOINT_TOKEN set, only those
who bring it are answered; without it, only this machine is served.
https://huggingface.co/docs/inference-providers/tasks/text-to-image
"""

import argparse
import hmac
import json
import os
import sys
import tempfile
from collections.abc import Generator
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse

from aigc_core.artifact import Artifact
from aigc_core.bridge import to_the_end
from aigc_core.engine import Engine
from aigc_core.errors import AigcError, InvalidRequest, ModelUnavailable
from aigc_core.events import Event, Result
from aigc_core.hub.settings import LOOPBACK
from aigc_core.tasks import TextToImage
from aigc_core.text import Text

# The protocol's name of each setting, and the request's.
NAMES = {
    "negative_prompt": "negative",
    "width": "width",
    "height": "height",
    "num_inference_steps": "steps",
    "guidance_scale": "guidance",
    "seed": "seed",
}
# Bytes of a request; a prompt is not as long.
LARGEST = 100_000

TOKEN = "AIGC_ENDPOINT_TOKEN"  # noqa: S105 - the name of a variable
OPEN = Text(
    "Everybody who reaches {host} could use this machine's processors. Set {name} to a secret, "
    "which clients then bring as their token, or serve this machine alone with --host 127.0.0.1.",
    "凡能访问 {host} 的人都可以使用本机的算力。请将 {name} 设为一个密钥（客户端以它作为令牌），"
    "或用 --host 127.0.0.1 只为本机提供服务。",
)


def main(arguments: list[str] | None = None) -> int:
    import uvicorn

    parser = argparse.ArgumentParser(prog="python -m scale.endpoint", description=__doc__)
    parser.add_argument("model", help="an id of the catalog")
    network = f"0.0.0.0 to serve the network, with {TOKEN} set"
    parser.add_argument("--host", default="127.0.0.1", help=network)
    parser.add_argument("--port", type=int, default=8001)
    options = parser.parse_args(arguments)
    token = os.environ.get(TOKEN, "")
    if not token and options.host not in LOOPBACK:
        print(*OPEN.fill(host=options.host, name=TOKEN), sep="\n", file=sys.stderr)
        return 2
    try:
        engine = Engine.default()
        engine.catalog.find(options.model)
    except AigcError as error:
        print(*error.text, sep="\n", file=sys.stderr)
        return 2
    server = build(engine, options.model, token)
    uvicorn.run(server, host=options.host, port=options.port, log_level="warning")
    return 0


def build(engine: Engine, model: str, token: str = "") -> FastAPI:
    """The server of one model.

    Args:
        token: that clients must bring; empty for none.
    """
    server = FastAPI(openapi_url=None)

    @server.get("/health")
    def health() -> dict[str, str]:
        return {"model": model}

    @server.post("/")
    async def draw(asked: Request) -> Response:
        brought = asked.headers.get("authorization", "")
        if token and not hmac.compare_digest(brought.encode(), f"Bearer {token}".encode()):
            return refused(401, "a token is wanted")
        try:
            wish = wanted(await read(asked))
            artifact = await drawn(engine.run(wish, model=model), asked)
        except InvalidRequest as error:
            return refused(422, error.text.en)
        except ModelUnavailable as error:
            return refused(503, error.text.en)
        except AigcError as error:
            return refused(500, error.text.en)
        if artifact is None:
            return Response(status_code=499)  # Nobody is there to read it.
        return Response(png(artifact), media_type="image/png")

    return server


async def read(asked: Request) -> Any:
    """The JSON of a request; None where it is none, or too long."""
    body = b""
    async for part in asked.stream():
        body += part
        if len(body) > LARGEST:
            return None
    try:
        return json.loads(body)
    except ValueError:
        return None


def wanted(said: Any) -> TextToImage:
    """The request for one picture.

    Raises:
        InvalidRequest: it is not what the protocol says, or a value is out of bounds.
    """
    if not isinstance(said, dict) or not isinstance(said.get("parameters", {}), dict):
        raise InvalidRequest(
            Text(
                'Send {"inputs": prompt, "parameters": {…}} as JSON.',
                '请以 JSON 发送 {"inputs": 提示词, "parameters": {…}}。',
            )
        )
    given = {
        NAMES.get(name, f"parameters.{name}"): value
        for name, value in said.get("parameters", {}).items()
    }
    return TextToImage.ask(**{**given, "prompt": said.get("inputs", ""), "count": 1})


async def drawn(run: Generator[Event, None, None], asked: Request) -> Artifact | None:
    """The picture of a run; None where the client left meanwhile, which ends the run."""
    try:
        while (event := await to_the_end(next, run, None)) is not None:
            if isinstance(event, Result):
                return event.artifacts[0]
            if await asked.is_disconnected():
                return None
    finally:
        await to_the_end(run.close)
    raise RuntimeError("the run ended without a result")


def png(artifact: Artifact) -> bytes:
    """The picture as a file, with its record inside."""
    with tempfile.TemporaryDirectory() as folder:
        return artifact.save(Path(folder) / "picture.png").read_bytes()


def refused(status: int, words: str) -> JSONResponse:
    return JSONResponse({"error": words}, status)


if __name__ == "__main__":
    sys.exit(main())
