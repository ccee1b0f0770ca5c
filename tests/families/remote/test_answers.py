import threading
import time
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
from PIL import Image as Pillow

from aigc_core.engine import Engine
from aigc_core.events import Preview, Progress, Result
from aigc_core.families import remote, remote_errors, remote_image
from aigc_core.media import Image, Writing
from aigc_core.tasks import Request
from tests.families.remote.asking import PICTURES, TEXT, entry
from tests.families.servers import WORDS, Behaviour, Server
from tests.waiting import SOON, until


def hangs_up(server: Server, engine: Engine, request: Request) -> None:
    """Closes a run once the server has been asked, which must notice soon."""
    run = engine.run(request)
    while not isinstance(next(run), Progress) or not server.asked:
        pass
    start = time.monotonic()
    run.close()
    assert time.monotonic() - start < 2
    assert server.hung_up.wait(SOON)


class TestText:
    @pytest.mark.parametrize("way", ["completions", "chat/completions"])
    def test_it_arrives_piece_by_piece_by_the_way_the_server_has(
        self, server: Server, engine: Engine, way: str
    ) -> None:
        server.behaviour = Behaviour(ways=(f"/v1/{way}",), pause=0.05)
        events = list(engine.run(TEXT))
        previews = [event.media for event in events if isinstance(event, Preview)]
        assert len(previews) >= 4
        assert all(
            isinstance(media, Writing) and "".join(WORDS).startswith(media.text)
            for media in previews
        )
        last = events[-1]
        assert isinstance(last, Result)
        (artifact,) = last.artifacts
        assert artifact.media == Writing("".join(WORDS))
        record = artifact.record
        assert record.details["server"] == server.url.removeprefix("http://")
        assert record.details["served"] == "org/tiny"
        assert record.details["protocol"] == way.partition("/")[0]
        assert (record.device, record.tolerance) == ("remote", remote.ANY)

    def test_it_is_asked_in_the_protocols_words(self, server: Server, engine: Engine) -> None:
        engine.result(TEXT)
        (asked,) = server.asked
        assert asked.path == "/v1/completions"
        assert asked.body == {
            "model": "org/tiny",
            "prompt": "Once",
            "max_tokens": 20,
            "temperature": 0.5,
            "top_p": 0.9,
            "seed": 7,
            "stream": True,
        }

    def test_a_way_that_is_missing_is_tried_once(self, server: Server, engine: Engine) -> None:
        server.behaviour = Behaviour(ways=("/v1/chat/completions",))
        for _ in range(2):
            engine.result(TEXT)
        paths = [asked.path.removeprefix("/v1/") for asked in server.asked]
        assert paths == ["completions", "chat/completions", "chat/completions"]
        assert server.asked[-1].body["messages"] == [{"role": "user", "content": "Once"}]
        assert server.asked[-1].body["model"] == "org/tiny"

    @pytest.mark.parametrize(("end", "ended"), [("stop", "by itself"), ("length", "at the limit")])
    def test_the_record_says_why_it_ended(
        self, server: Server, engine: Engine, end: str, ended: str
    ) -> None:
        server.behaviour = Behaviour(end=end)
        assert engine.result(TEXT).artifacts[0].record.details["ended"] == ended

    def test_the_address_may_do_without_v1_or_stand_in_the_environment(
        self, server: Server, engine_of: Callable[..., Engine], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("OUR_SERVER", f"{server.url}/")
        engine_of(entry("text", server="$OUR_SERVER")).result(TEXT)
        assert server.asked[0].path == "/v1/completions"

    @pytest.mark.parametrize("pause", [0.0, 60.0], ids=["writing", "silent"])
    def test_closing_hangs_up_within_a_step(
        self, server: Server, engine: Engine, pause: float
    ) -> None:
        server.behaviour = Behaviour(words=("word",) * 10**6, pause=pause)
        hangs_up(server, engine, TEXT)
        assert not [thread for thread in threading.enumerate() if thread.name == "bridge"]


class TestPictures:
    def test_each_comes_from_a_seed_of_its_own(self, server: Server, engine: Engine) -> None:
        events = list(engine.run(PICTURES))
        last = events[-1]
        assert isinstance(last, Result)
        assert len([event for event in events if isinstance(event, Preview)]) == 2
        for place, (asked, artifact) in enumerate(zip(server.asked, last.artifacts, strict=True)):
            assert asked.body == {
                "inputs": "a lighthouse",
                "parameters": {
                    "negative_prompt": "fog",
                    "width": 64,
                    "height": 96,
                    "num_inference_steps": PICTURES.steps,
                    "guidance_scale": PICTURES.guidance,
                    "seed": place,
                },
            }
            rng = np.random.default_rng(place)
            assert isinstance(artifact.media, Image)
            drawn = rng.integers(0, 256, (96, 64, 3), dtype=np.uint8)
            assert np.array_equal(artifact.media.pixels, drawn)
            assert artifact.record.seed == place
            assert artifact.record.details["served"] == "org/tiny"

    def test_closing_hangs_up_on_a_server_that_draws(self, server: Server, engine: Engine) -> None:
        server.behaviour = Behaviour(pause=60)
        hangs_up(server, engine, PICTURES)

    @pytest.mark.parametrize("side", [0, remote_image.LARGEST_SIDE + 1])
    def test_what_is_no_picture_or_too_large_is_refused(
        self, server: Server, engine: Engine, side: int
    ) -> None:
        file = BytesIO(b"")
        if side:
            Pillow.new("1", (side, 1)).save(file, "PNG")
        server.behaviour = Behaviour(picture=file.getvalue() or b"\x89PNG and no more")
        with pytest.raises(remote_errors.Malformed):
            engine.result(PICTURES)

    def test_a_picture_cut_short_is_refused(self, server: Server, engine: Engine) -> None:
        file = BytesIO()
        noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
        Pillow.fromarray(noise).save(file, "PNG")
        server.behaviour = Behaviour(picture=file.getvalue()[:2000])
        with pytest.raises(remote_errors.Malformed):
            engine.result(PICTURES)


ERRORS: dict[str, tuple[Behaviour, type[remote_errors.RemoteError]]] = {
    "401": (Behaviour(status=401, said="{}"), remote_errors.TokenRefused),
    "403": (Behaviour(status=403, said="{}"), remote_errors.TokenRefused),
    "404": (Behaviour(ways=()), remote_errors.NotServed),
    "429": (Behaviour(status=429, headers={"Retry-After": "17"}), remote_errors.ServerBusy),
    "503, wait": (Behaviour(status=503, headers={"Retry-After": "9"}), remote_errors.ServerBusy),
    "500": (Behaviour(status=500, said="<h1>oh</h1>"), remote_errors.ServerBroken),
    "503": (Behaviour(status=503), remote_errors.ServerBroken),
    "422": (
        Behaviour(status=422, said='{"error": {"message": "too\\nlong"}}'),
        remote_errors.RequestRefused,
    ),
    "302": (
        Behaviour(status=302, headers={"Location": "http://192.0.2.1/"}),
        remote_errors.Malformed,
    ),
    "garbage": (Behaviour(fault="garbage"), remote_errors.Malformed),
}
STREAMS: dict[str, tuple[Behaviour, type[remote_errors.RemoteError]]] = {
    "dropped": (Behaviour(fault="drop"), remote_errors.StreamBroken),
    "cut": (Behaviour(fault="cut"), remote_errors.StreamBroken),
    "no end": (Behaviour(end=""), remote_errors.StreamBroken),
    "error told": (Behaviour(fault="error"), remote_errors.ServerBroken),
}
WAYS = ("completions", "chat")


class TestErrors:
    @pytest.mark.parametrize("way", [*WAYS, "image"])
    @pytest.mark.parametrize("fault", ERRORS)
    def test_one_for_each_cause(self, server: Server, engine: Engine, fault: str, way: str) -> None:
        behaviour, expected = ERRORS[fault]
        server.behaviour = by(way, behaviour)
        self.refused(engine, PICTURES if way == "image" else TEXT, expected)

    @pytest.mark.parametrize("way", WAYS)
    @pytest.mark.parametrize("fault", STREAMS)
    def test_one_for_each_end_of_a_stream(
        self, server: Server, engine: Engine, fault: str, way: str
    ) -> None:
        behaviour, expected = STREAMS[fault]
        server.behaviour = by(way, behaviour)
        error = self.refused(engine, TEXT, expected)
        assert (fault == "error told") is ("(CUDA {went} away)" in error.text.en)

    @pytest.mark.parametrize("way", [*WAYS, "image"])
    @pytest.mark.parametrize("fault", ["deaf", "silent"])
    def test_a_server_that_says_nothing_for_too_long(
        self,
        server: Server,
        engine: Engine,
        monkeypatch: pytest.MonkeyPatch,
        fault: str,
        way: str,
    ) -> None:
        monkeypatch.setattr(remote, "SILENCE", 0.5)
        server.behaviour = Behaviour(pause=SOON) if way == "image" else Behaviour(fault=fault)
        request = PICTURES if way == "image" else TEXT
        self.refused(engine, request, remote_errors.ServerSilent)

    @pytest.mark.parametrize("request_", [TEXT, PICTURES], ids=["text", "image"])
    def test_nobody_there(
        self, server: Server, engine_of: Callable[..., Engine], request_: Request
    ) -> None:
        server.server_close()
        kind = "text" if request_ is TEXT else "image"
        engine = engine_of(entry(kind, server=server.url))
        error = self.refused(engine, request_, remote_errors.ServerUnreachable)
        assert server.url.removeprefix("http://") in error.text.zh

    def test_the_time_to_wait_is_said(self, server: Server, engine: Engine) -> None:
        server.behaviour = ERRORS["429"][0]
        error = self.refused(engine, TEXT, remote_errors.ServerBusy)
        assert "17 s" in error.text.en
        assert "请 17 秒后再试" in error.text.zh
        server.behaviour = Behaviour(status=429)
        error = self.refused(engine, TEXT, remote_errors.ServerBusy)
        assert "in a minute" in error.text.en
        assert "请一分钟后再试" in error.text.zh

    def test_the_servers_words_are_said_on_one_line(self, server: Server, engine: Engine) -> None:
        server.behaviour = ERRORS["422"][0]
        assert "“too long”" in self.refused(engine, TEXT, remote_errors.RequestRefused).text.en

    def test_the_model_answers_again_after_an_error(self, server: Server, engine: Engine) -> None:
        server.behaviour = Behaviour(status=500)
        self.refused(engine, TEXT, remote_errors.ServerBroken)
        server.behaviour = Behaviour()
        engine.result(TEXT)

    def refused(
        self, engine: Engine, request: Request, expected: type[remote_errors.RemoteError]
    ) -> remote_errors.RemoteError:
        with pytest.raises(remote_errors.RemoteError) as caught:
            engine.result(request)
        assert type(caught.value) is expected
        assert caught.value.text.en != caught.value.text.zh
        return caught.value


def by(way: str, behaviour: Behaviour) -> Behaviour:
    """The same on a server that has but one way to be asked."""
    if not behaviour.ways or way == "image":
        return behaviour
    return replace(
        behaviour, ways=("/v1/completions" if way == WAYS[0] else "/v1/chat/completions",)
    )


def test_it_takes_no_memory_and_is_ready_at_once(engine: Engine) -> None:
    assert engine.problem(engine.catalog.find("elsewhere-text")) is None
    with engine.loader.lease("elsewhere-text"):
        (state,) = engine.loader.state()
        assert state.bytes == 0
    until(lambda: not engine.loader.state()[0].refs)
