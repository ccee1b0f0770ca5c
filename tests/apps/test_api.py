import asyncio
import base64
import json
import re
import shutil
import threading
import time
from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import Any

import httpx
import pytest

from aigc_core import default_engine
from aigc_core.artifact import read_record
from aigc_core.checkpoints import CHECKPOINTS
from aigc_core.engine import Engine
from aigc_core.errors import InvalidRequest, TooBusy
from aigc_core.tasks.image import InterpolateImages, Request, SampleImages, TraceImage
from tests.apps.slow import Slow
from tests.apps.visiting import Client

STRANGE: dict[str, Any] = {
    "10^9": 10**9,
    "-1": -1,
    "10^6": 10**6,
    "half": 2.5,
    "NaN": float("nan"),
    "Infinity": float("inf"),
    "a thousand digits": 10**1000,
    "a thousand zeros": "0" * 1000 + "5",
    "true": True,
    "abc": "abc",
    "null": None,
    "list": [1],
    "dict": {"a": 1},
    "1 MB": "x" * 1_000_000,
    "NUL": "a\0b",
    "bidi": "a\u202eb",
    "HTML": "<img src=x onerror=alert(1)>",
}
# Enough for what another endpoint has seen in full: the request types are the same in kind.
FEW = ("10^9", "NaN", "abc", "list", "HTML")
GOOD = {"seed": 5, "model": "dcgan-mnist"}
ENDPOINTS: dict[str, type[Request]] = {
    "image_sample": SampleImages,
    "image_trace": TraceImage,
    "image_walk": InterpolateImages,
}
PARAMETERS = [
    (endpoint, name)
    for endpoint, request in ENDPOINTS.items()
    for name in request.model_fields
    if (endpoint, name) != ("image_walk", "path")
]


def file_of(value: Any) -> dict[str, Any]:
    """The file in an output, which may come as an update of its component."""
    assert isinstance(value, dict)
    return value.get("value", value)


def pictures(markup: str) -> list[bytes]:
    """The pictures inside a piece of HTML."""
    codes = re.findall(r'src="data:image/[a-z]+;base64,([^"]*)"', markup)
    return [base64.b64decode(code) for code in codes]


@pytest.mark.usefixtures("quiet")
class TestAnswers:
    def test_image_sample_gives_a_picture_that_tells_how_it_was_made(
        self, visitor: Callable[..., Client], tmp_path: Path
    ) -> None:
        client = visitor()
        asked = SampleImages(label="7", count=6, seed=42, truncation=0.5)
        id = client.post("image_sample", **asked.model_dump(), model="dcgan-mnist")
        *before, (kind, data) = client.events("image_sample", id)
        assert kind == "complete"
        assert {kind for kind, _ in before} == {"generating"}
        file = file_of(data[0])
        saved = tmp_path / "answer.png"
        saved.write_bytes(client.fetch(file))
        record = read_record(saved)
        assert SampleImages(**record.request) == asked
        assert (record.task, record.model, record.seed) == (asked.task, "dcgan-mnist", 42)
        assert file["orig_name"] == "dcgan-mnist-42.png"
        assert " ms" in data[1]

    def test_settings_left_out_are_the_defaults(
        self, visitor: Callable[..., Client], tmp_path: Path
    ) -> None:
        client = visitor()
        kind, data = client.ask("image_sample", count=1)
        assert kind == "complete"
        saved = tmp_path / "answer.png"
        saved.write_bytes(client.fetch(file_of(data[0])))
        assert SampleImages(**read_record(saved).request) == SampleImages(count=1)

    def test_the_same_seed_gives_the_same_picture_to_each_visitor(
        self, visitor: Callable[..., Client]
    ) -> None:
        answers = []
        for client in (visitor(), visitor()):
            _, data = client.ask("image_trace", seed=3, label="4")
            answers.append(data)
        assert answers[0] == answers[1]

    def test_image_trace_shows_each_layer(self, visitor: Callable[..., Client]) -> None:
        asked = TraceImage(seed=3, label="4", truncation=0.7)
        kind, (markup,) = visitor().ask("image_trace", **asked.model_dump(), model="dcgan-mnist")
        assert kind == "complete"
        layers = default_engine().result(asked).artifacts
        assert len(pictures(markup)) == len(layers)
        for artifact in layers:
            assert f"<b>{artifact.record.details['layer']}</b>" in markup

    def test_image_walk_gives_two_animations_that_tell_how_they_were_made(
        self, visitor: Callable[..., Client], tmp_path: Path
    ) -> None:
        client = visitor()
        values = {"seed": 3, "seed_to": 9, "label": "5", "steps": 4}
        kind, (markup, *files) = client.ask("image_walk", **values, model="dcgan-mnist")
        assert kind == "complete"
        assert len(pictures(markup)) == 4
        paths = []
        for file in files:
            saved = tmp_path / "walk.gif"
            saved.write_bytes(client.fetch(file_of(file)))
            request = InterpolateImages(**read_record(saved).request)
            assert request == InterpolateImages(**values, path=request.path)
            paths.append(request.path)
        assert paths == ["slerp", "lerp"]

    def test_without_a_model_the_first_one_answers(self, visitor: Callable[..., Client]) -> None:
        kind, _ = visitor().ask("image_trace", model=None)
        assert kind == "complete"


def expected(endpoint: str, name: str, value: Any) -> str | None:
    """What must be said to a value, in both languages; None where it is a good one."""
    try:
        ENDPOINTS[endpoint].ask(**{name: value})
    except InvalidRequest as error:
        return error.text
    return None


@pytest.mark.usefixtures("quiet")
class TestStrangeValues:
    @pytest.mark.parametrize(("endpoint", "name"), PARAMETERS)
    def test_a_parameter_answers_each_in_a_sentence(
        self, visitor: Callable[..., Client], endpoint: str, name: str
    ) -> None:
        client = visitor()
        cases, good = (STRANGE, {**GOOD, "count": 1}) if endpoint == "image_sample" else (FEW, GOOD)
        ids = {case: client.post(endpoint, **{**good, name: STRANGE[case]}) for case in cases}
        for case, id in ids.items():
            *_, (kind, data) = client.events(endpoint, id)
            text = expected(endpoint, name, STRANGE[case])
            if text is None:
                assert kind == "complete", (case, data)
            else:
                assert (kind, data["error"]) == ("error", escape(text.en, quote=False)), case

    @pytest.mark.parametrize(("endpoint", "name"), PARAMETERS)
    def test_a_parameter_speaks_chinese(
        self, visitor: Callable[..., Client], endpoint: str, name: str
    ) -> None:
        kind, data = visitor("zh-CN,zh;q=0.9").ask(endpoint, **{**GOOD, name: "abc"})
        text = expected(endpoint, name, "abc")
        assert text is not None
        assert (kind, data["error"]) == ("error", text.zh)

    def test_no_model_is_called_that(self, visitor: Callable[..., Client]) -> None:
        client = visitor()
        for case, value in STRANGE.items():
            if value is not None:
                said = client.refusal("image_sample", **{**GOOD, "model": value})
                assert said.startswith("There is no model called “"), case
                assert len(said) < 120
                assert not set(said) & set("<>\0\u202e")

    def test_no_model_is_called_that_in_chinese(self, visitor: Callable[..., Client]) -> None:
        said = visitor("zh-CN").refusal("image_sample", **{**GOOD, "model": [1]})
        assert said == "没有名为“[1]”的模型。"

    def test_all_at_once(self, visitor: Callable[..., Client]) -> None:
        for value in map(STRANGE.__getitem__, FEW):
            fields = dict.fromkeys(SampleImages.model_fields, value)
            kind, _ = visitor().ask("image_sample", **fields, model=value)
            assert kind == "error"

    def test_the_next_visitor_is_served(self, visitor: Callable[..., Client]) -> None:
        assert visitor().ask("image_sample", **GOOD, count=1)[0] == "complete"


@pytest.mark.parametrize("body", ["", "{", "[1]", '"x"', "null", '{"label": ', "\0", "{}" * 9])
def test_a_body_that_is_no_request_is_refused(
    visitor: Callable[..., Client], quiet: None, body: str
) -> None:
    client = visitor()
    answer = client.http.post(
        f"{client.api}call/v2/image_sample",
        content=body,
        headers={"content-type": "application/json"},
    )
    assert answer.status_code == 422


def test_two_hundred_jobs_of_one_visitor_do_not_shut_others_out(
    visitor: Callable[..., Client], engine_with: Callable[..., Engine], quiet: None
) -> None:
    permits = threading.Semaphore(0)

    def work(step: int) -> None:
        permits.acquire(timeout=60)

    engine_with(Slow("slow", seconds=0, steps=1, work=work), Slow("quick", steps=1))
    greedy, other = visitor(), visitor()

    async def post_all() -> None:
        body = {
            "data": ["each", 1, 0, 1.0, "slow"],
            "fn_index": greedy.functions["image_sample"],
            "session_hash": greedy.session,
        }
        async with httpx.AsyncClient(timeout=60) as http:
            posts = [http.post(f"{greedy.api}queue/join", json=body) for _ in range(200)]
            answers = await asyncio.gather(*posts)
        assert {answer.status_code for answer in answers} == {200}

    try:
        asyncio.run(post_all())
        start = time.monotonic()
        id = other.post("image_sample", model="quick")
        # Two of the sixteen that run come to their end, and one of them makes room for the other.
        permits.release(2)
        *_, (kind, _) = other.events("image_sample", id)
        assert kind == "complete"
        # A few seconds on a machine that has nothing else to do.
        assert time.monotonic() - start < 20
    finally:
        permits.release(200)
    outputs = [m["output"] for m in greedy.messages() if m["msg"] == "process_completed"]
    refused = [output["error"] for output in outputs if "error" in output]
    assert len(outputs) == 200
    assert refused == [TooBusy(8).text.en] * 176


@pytest.fixture
def broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """A host's catalog: weights that are cut off, another's weights, none, and an empty folder."""
    good = CHECKPOINTS / "dcgan-mnist"
    for name in ("cut", "swapped", "bare"):
        (tmp_path / name).mkdir()
        shutil.copy(good / "config.json", tmp_path / name)
    weights = (good / "model.safetensors").read_bytes()
    (tmp_path / "cut" / "model.safetensors").write_bytes(weights[:5000])
    (tmp_path / "swapped" / "model.safetensors").write_bytes(weights[:-1] + b"\1")
    (tmp_path / "empty").mkdir()
    families = dict.fromkeys(("cut", "swapped", "bare"), "image_sampler") | {"empty": "autoencoder"}
    entry = """
    [models.{name}]
    title = {{ en = "{name}", zh = "{name}" }}
    about = {{ en = "", zh = "" }}
    family = "aigc_core.families.{family}"
    origin = "scratch"
    network = "aigc_core.models.dcgan:Generator"
    revision = "sha256:0"
    licences = {{ weights = "", data = "" }}
    """
    own = tmp_path / "own.toml"
    own.write_text("".join(entry.format(name=n, family=f) for n, f in families.items()))
    monkeypatch.setenv("AIGC_CATALOG", str(own))
    return Engine.default(batching=False)


def test_a_model_that_cannot_be_loaded_says_why_while_others_work(
    visitor: Callable[..., Client],
    broken: Engine,
    behind_pages: Callable[[Engine], None],
    quiet: None,
) -> None:
    behind_pages(broken)
    whys = {
        "cut": "its weights file is damaged.",
        "swapped": "its weights are not those that the catalog names.",
        "bare": "model.safetensors is missing.",
        "empty": "config.json is missing.",
    }
    for model, why in whys.items():
        for _ in range(2):
            said = visitor().refusal("image_sample", **{**GOOD, "model": model}, count=1)
            assert said == f"The model {model} is not available: {why}"
    assert visitor().ask("image_sample", **GOOD, count=1)[0] == "complete"


def test_pages_are_drawn_where_the_first_model_is_broken(
    broken: Engine, behind_pages: Callable[[Engine], None]
) -> None:
    from apps.image import IMAGE
    from apps.suite import build_alone

    del broken.catalog.entries["dcgan-mnist"]
    behind_pages(broken)
    drawn = json.dumps(build_alone(IMAGE).get_config_file(), ensure_ascii=False, default=str)
    assert "its weights file is damaged." in drawn
    assert "权重文件已损坏。" in drawn


@pytest.mark.parametrize(("spoken", "sorry"), [("en", "Something broke"), ("zh", "我们这边出错了")])
def test_a_bug_gives_an_apology_with_an_id_that_is_in_the_log(
    visitor: Callable[..., Client],
    monkeypatch: pytest.MonkeyPatch,
    log: Callable[[], str],
    spoken: str,
    sorry: str,
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("a secret of the server")

    monkeypatch.setattr("aigc_core.engine.Engine.run", fail)
    kind, data = visitor(spoken).ask("image_sample", **GOOD)
    assert kind == "error"
    assert data["error"].startswith(sorry)
    assert "secret" not in json.dumps(data)
    (id,) = re.findall(r"\b[0-9a-f]{6}\b", data["error"])
    said = log()
    assert f"run {id} failed" in said
    assert "a secret of the server" in said
