"""Files that are whole or not there."""

from pathlib import Path

import pytest

from aigc_core.atomic import write_whole


def test_a_file_and_its_folders_are_made_and_replaced(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b.tar.gz"
    write_whole(path, b"\x00")
    write_whole(path, "中文\n")
    assert path.read_bytes() == "中文\n".encode()
    assert [p.name for p in path.parent.iterdir()] == ["b.tar.gz"]


def test_where_it_cannot_be_put_nothing_is_left(tmp_path: Path) -> None:
    (tmp_path / "folder" / "inside").mkdir(parents=True)
    with pytest.raises(OSError, match="folder"):
        write_whole(tmp_path / "folder", b"")
    assert [p.name for p in tmp_path.iterdir()] == ["folder"]
