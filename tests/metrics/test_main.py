import pytest

from aigc_core.metrics.__main__ import main


@pytest.mark.parametrize(("language", "said"), [("en", "There is no model"), ("zh", "没有名为")])
def test_an_unknown_model_is_named(language: str, said: str, capsys: pytest.CaptureFixture[str]):
    assert main(["no-such-model", "--lang", language]) == 2
    told = capsys.readouterr().err
    assert said in told
    assert "no-such-model" in told
    assert "Traceback" not in told
