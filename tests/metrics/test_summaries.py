import pytest

from aigc_core.data.scitldr import FILES, Abstract, load_abstracts
from aigc_core.metrics import summaries
from aigc_core.metrics.summaries import leads, main, rouge

pytest.importorskip("rouge_score")
here = pytest.mark.skipif(FILES["test"].path() is None, reason="SciTLDR is not on this machine")


def test_rouge_counts_what_is_shared():
    # Shared: 4 of 5 words and of 6; 2 of 4 pairs and of 5; a common subsequence of 4.
    found = rouge(["the cat sat down there"], [["the cat sat over there now"]])
    assert found.rouge1 == pytest.approx(100 * 2 * 4 / 11)
    assert found.rouge2 == pytest.approx(100 * 2 * 2 / 9)
    assert found.rougeL == pytest.approx(100 * 2 * 4 / 11)


def test_the_nearest_reference_counts():
    assert rouge(["a b c"], [["x", "a b c"]]) == pytest.approx((100, 100, 100))
    assert rouge(["a b", "x"], [["a b"], ["y"]]).rouge1 == pytest.approx(50)


def test_leads_are_first_sentences():
    assert leads([Abstract("One. Two.", ("x",))]) == ["One."]


@here
def test_the_abstracts_are_all_there():
    assert {split: len(load_abstracts(split)) for split in FILES} == {"train": 1992, "test": 618}
    assert all(abstract.text and abstract.summaries for abstract in load_abstracts("test"))


@here
def test_the_command_prints_the_model_beside_the_first_sentence(
    capsys: pytest.CaptureFixture[str],
):
    assert main(["extractive", "--count", "5"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[1:]] == ["extractive", "first"]
    found = [float(word) for word in lines[1].split()[2::2]]
    assert len(found) == 3
    assert all(0 < value < 100 for value in found)


def test_a_model_that_is_none_is_refused(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(summaries, "load_abstracts", lambda _: (Abstract("One. Two.", ("x",)),))
    assert main(["nope"]) == 2
    assert "nope" in capsys.readouterr().err
