import json
from collections.abc import Callable

import pytest

from aigc_core.engine import Engine
from aigc_core.errors import ModelUnavailable
from aigc_core.families import remote, remote_errors
from tests.families.remote.asking import PICTURES, SECRET, TEXT, entry
from tests.families.servers import Behaviour, Server


class TestTokens:
    @pytest.mark.parametrize("ways", [("/v1/completions",), ("/v1/chat/completions",)])
    def test_the_accounts_token_goes_nowhere(
        self, server: Server, engine: Engine, ways: tuple[str, ...]
    ) -> None:
        server.behaviour = Behaviour(ways=(*ways, "/draw"))
        engine.result(TEXT)
        engine.result(PICTURES)
        assert SECRET not in json.dumps([asked.headers for asked in server.asked])
        assert not any("authorization" in asked.headers for asked in server.asked)

    @pytest.mark.parametrize("ways", [("/v1/completions",), ("/v1/chat/completions",)])
    def test_the_named_token_goes_to_its_server(
        self,
        server: Server,
        engine_of: Callable[..., Engine],
        monkeypatch: pytest.MonkeyPatch,
        ways: tuple[str, ...],
    ) -> None:
        monkeypatch.setenv("OUR_TOKEN", "sk-ours")
        server.behaviour = Behaviour(ways=(*ways, "/draw"))
        token = "$OUR_TOKEN"
        engine = engine_of(
            entry("text", server=server.url, token=token),
            entry("image", server=f"{server.url}/draw", token=token),
        )
        engine.result(TEXT)
        engine.result(PICTURES)
        answered = [asked for asked in server.asked if asked.path in server.behaviour.ways]
        assert {asked.headers["authorization"] for asked in answered} == {"Bearer sk-ours"}

    @pytest.mark.parametrize("name", ["HF_TOKEN", "MINE"])
    def test_a_token_of_hugging_face_goes_to_no_other_host(
        self,
        server: Server,
        engine_of: Callable[..., Engine],
        monkeypatch: pytest.MonkeyPatch,
        name: str,
    ) -> None:
        monkeypatch.setenv("MINE", SECRET)
        engine = engine_of(entry("text", server=server.url, token=f"${name}"))
        with pytest.raises(ModelUnavailable, match=r"does not belong to 127\.0\.0\.1"):
            engine.result(TEXT)
        assert server.asked == []

    @pytest.mark.parametrize(
        ("host", "own"),
        [
            ("router.huggingface.co", True),
            ("abc.eu-west-1.aws.endpoints.huggingface.cloud", True),
            ("huggingface.co:443", True),
            ("huggingface.co.example.org", False),
            ("myhuggingface.co", False),
            ("someone-space.hf.space", False),
        ],
    )
    def test_which_hosts_are_hugging_faces(self, host: str, own: bool) -> None:
        assert remote.belongs(host) is own

    @pytest.mark.parametrize("missing", ["server", "token"])
    def test_what_the_environment_lacks_is_said_before_anybody_asks(
        self, server: Server, engine_of: Callable[..., Engine], missing: str
    ) -> None:
        fields = {"server": server.url, "token": "", missing: "$NOT_SET_HERE"}
        elsewhere = entry("text", **fields)
        problem = elsewhere.problem()
        assert problem is not None
        assert "NOT_SET_HERE" in problem.en
        assert "NOT_SET_HERE" in problem.zh
        with pytest.raises(ModelUnavailable, match="NOT_SET_HERE"):
            engine_of(elsewhere).result(TEXT)

    def test_password_and_token_are_shown_nowhere(
        self, server: Server, engine_of: Callable[..., Engine], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("OUR_TOKEN", "sk-ours")
        address = server.url.replace("://", "://me:word@")
        engine = engine_of(entry("text", server=address, token="$OUR_TOKEN"))
        with engine.loader.lease("elsewhere-text") as model:
            assert "sk-ours" not in repr(model)
        server.behaviour = Behaviour(status=401)
        with pytest.raises(remote_errors.TokenRefused) as caught:
            engine.result(TEXT)
        assert "word" not in caught.value.text.en
