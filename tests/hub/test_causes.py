"""What huggingface_hub and httpx2 raise, told as one of our errors."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from aigc_core.hub import errors
from aigc_core.hub.causes import of_exception, told_to_wait
from aigc_core.text import LANGUAGES
from tests.hub.models import REPO, served
from tests.hub.server import HubServer

Arrange = Callable[[HubServer], object]


@pytest.mark.parametrize(
    ("arrange", "cause"),
    [
        (lambda hub: hub.repositories.clear(), errors.NotFound),
        (lambda hub: hub.fault("status", status=503), errors.HubBroken),
        (lambda hub: hub.fault("status", status=429), errors.RateLimited),
        (lambda hub: hub.fault("drop"), errors.Dropped),
        (lambda hub: hub.fault("hang"), errors.Stalled),
    ],
)
def test_of_huggingface_hub(
    arrange: Arrange, cause: type[errors.HubError], hub: HubServer, tmp_path: Path
) -> None:
    from huggingface_hub import HfApi

    served(hub, tmp_path)
    arrange(hub)
    with pytest.raises(Exception) as caught:
        HfApi(endpoint=hub.endpoint).model_info(REPO, timeout=0.5)
    assert type(of_exception(caught.value, REPO)) is cause


def test_of_a_refused_connection() -> None:
    import httpx2

    with pytest.raises(httpx2.ConnectError) as caught:
        httpx2.get("http://127.0.0.1:9", trust_env=False)
    found = of_exception(caught.value, REPO, "127.0.0.1")
    assert isinstance(found, errors.Unreachable)
    assert found.host == "127.0.0.1"


def test_of_a_gated_repository_behind_another_exception(hub: HubServer, tmp_path: Path) -> None:
    from huggingface_hub import HfApi

    source = served(hub, tmp_path, gated=True)

    def as_libraries_do() -> None:
        try:
            HfApi(endpoint=hub.endpoint).hf_hub_download(
                REPO, "config.json", revision=source.revision, cache_dir=tmp_path / "cache"
            )
        except Exception as error:
            raise OSError("cannot load the model") from error

    with pytest.raises(OSError, match="cannot load") as caught:
        as_libraries_do()
    assert isinstance(of_exception(caught.value, REPO), errors.Gated)


def test_of_something_else_there_is_none() -> None:
    assert of_exception(ValueError("a bug"), REPO) is None


def test_how_long_a_busy_hub_wants_us_to_wait() -> None:
    then = format_datetime(datetime.now(UTC) + timedelta(seconds=40), usegmt=True)
    assert told_to_wait({"retry-after": "7"}) == 7
    assert told_to_wait({"retry-after": then}) == pytest.approx(40, abs=3)
    assert told_to_wait({"ratelimit": '"api";r=0;t=123'}) == 123
    assert told_to_wait({"ratelimit": '"api";r=12;t=123'}) is None
    assert told_to_wait({"retry-after": "soon"}) is None
    assert told_to_wait({}) is None


EACH: tuple[errors.HubError, ...] = (
    errors.Gated(REPO),
    errors.BadToken(REPO),
    errors.NotFound(REPO),
    errors.NotFound(REPO, "config.json"),
    errors.Offline(REPO),
    errors.Unreachable(REPO, "huggingface.co"),
    errors.Dropped(REPO),
    errors.Stalled(REPO, 30),
    errors.RateLimited(REPO, 900),
    errors.HubBroken(REPO, 503),
    errors.HubBroken(REPO),
    errors.Corrupt(REPO, "model.safetensors"),
    errors.DiskFull(REPO, 5_000_000_000, 2_000_000_000),
    errors.NotWritable(REPO, "/models"),
    errors.UnsafeRepository(REPO, errors.Offline(REPO).why),
    errors.Unsupported(REPO, "BertModel"),
    errors.Disturbed(REPO, "model.safetensors"),
)


@pytest.mark.parametrize("error", EACH, ids=lambda error: type(error).__name__)
def test_each_says_what_to_do_in_both_languages(error: errors.HubError) -> None:
    for language in LANGUAGES:
        sentence = error.text.say(language)
        assert REPO in sentence
        assert "{" not in sentence
        assert sentence.endswith("." if language == "en" else "。")
    assert any("\u4e00" <= letter <= "\u9fff" for letter in error.text.zh)
