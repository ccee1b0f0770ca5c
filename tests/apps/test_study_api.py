"""The two studies over HTTP: what they answer, and what they say to bad values."""

import io
import re
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image as Pillow

from aigc_core.errors import InvalidRequest, UnknownModel
from aigc_core.tasks.study import CompareModels, MeasureQuality
from aigc_core.text import Text
from tests.apps.visiting import Client

NOBODY = "nobody"
WRONG: dict[str, list[tuple[str, Any]]] = {
    "image_compare": [
        ("count", 10**9),
        ("count", -1),
        ("count", "abc"),
        ("label", "ten"),
        ("seed", float("nan")),
        ("models", "abc"),
        ("models", 10**9),
        ("models", [1]),
        ("models", ["dcgan-mnist", NOBODY]),
    ],
    "image_measure": [
        ("count", 10**9),
        ("count", -1),
        ("count", "abc"),
        ("count", None),
        ("damage", "explode"),
        ("damage", [1]),
        ("seed", -1),
        ("nearest", "abc"),
        ("model", NOBODY),
        ("model", [1]),
        ("model", "<img src=x onerror=alert(1)>"),
    ],
}
CASES = [(name, field, value) for name, pairs in WRONG.items() for field, value in pairs]
REQUESTS = {"image_compare": CompareModels, "image_measure": MeasureQuality}


def expected(endpoint: str, field: str, value: Any) -> Text:
    """What must be said, in both languages."""
    if field == "model" or value == ["dcgan-mnist", NOBODY]:
        unknown = NOBODY if isinstance(value, list) and NOBODY in value else value
        return UnknownModel(str(unknown).translate({60: "‹", 62: "›"})).text
    with pytest.raises(InvalidRequest) as caught:
        REQUESTS[endpoint].ask(**{field: value})
    return caught.value.text


@pytest.mark.usefixtures("quiet")
class TestBadValues:
    @pytest.mark.parametrize(("endpoint", "field", "value"), CASES)
    def test_each_is_answered_in_a_sentence(
        self, visitor: Callable[..., Client], endpoint: str, field: str, value: Any
    ) -> None:
        text = expected(endpoint, field, value)
        assert visitor("en").refusal(endpoint, **{field: value}) == text.en

    def test_in_the_visitors_language(self, visitor: Callable[..., Client]) -> None:
        for endpoint, field in (("image_compare", "count"), ("image_measure", "damage")):
            said = visitor("zh-CN").refusal(endpoint, **{field: "abc"})
            assert said == expected(endpoint, field, "abc").zh


@pytest.mark.usefixtures("quiet")
def test_image_compare_gives_a_pane_of_each_and_all_in_one_file(
    visitor: Callable[..., Client],
) -> None:
    client = visitor()
    values = {"label": "3", "count": 4, "seed": 7, "models": ["dcgan-mnist"]}
    kind, (*panes, status, file) = client.ask("image_compare", **values)
    assert kind == "complete"
    assert status == ""
    drawn = [pane for pane in panes if isinstance(pane, str) and "<img" in pane]
    assert len(drawn) == 1
    assert " ms" in drawn[0]
    assert 'download="dcgan-mnist-000007.png"' in drawn[0]
    with zipfile.ZipFile(io.BytesIO(client.fetch(file.get("value", file)))) as archive:
        (name,) = archive.namelist()
        with Pillow.open(io.BytesIO(archive.read(name))) as sheet:
            assert sheet.size == (4 * 28, 28)
            assert '"seed":7' in sheet.info["aigc"]


@pytest.mark.usefixtures("quiet")
def test_image_measure_gives_a_table_and_the_figures(visitor: Callable[..., Client]) -> None:
    kind, data = visitor().ask("image_measure", model="dcgan-mnist", count=200, damage="blur")
    assert kind == "complete"
    view, curve, status, _, figures, _ = data
    assert "blur, n = 200" in view
    assert 'class="dot"' in curve
    assert status == ""
    assert figures["figures"]["fid"] > figures["without_damage"]["fid"]
    assert figures["verdicts"]["fid"] == "noticed"
    (row,) = re.findall(r"<tr(?:(?!</tr>).)*FID.*?</tr>", view)
    assert "noticed" in row
