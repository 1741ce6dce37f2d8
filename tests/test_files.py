"""Writes are atomic; JSON with duplicate names is refused."""

import json
import os
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nasbench.errors import FileError
from nasbench.files import atomic, one_file, strict_json


def test_replaces_only_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    with atomic(path) as temporary:
        temporary.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert os.listdir(tmp_path) == ["file"]


def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(RuntimeError), atomic(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["file"]


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    message = r"cannot write .*nowhere/file: No such file or directory"
    with pytest.raises(FileError, match=message), atomic(tmp_path / "nowhere" / "file"):
        pass


def test_a_folder_or_a_pipe_is_not_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe"):
        with pytest.raises(FileError, match="not a regular file"), atomic(path):
            pass
    assert os.listdir(tmp_path) == ["pipe"]


def test_a_full_disk_leaves_nothing(tmp_path: Path) -> None:
    code = """
import resource, signal, sys
from pathlib import Path
from nasbench.files import atomic, strict_json
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
with atomic(Path(sys.argv[1])) as temporary:
    temporary.write_text("x" * 5000)
"""
    run = subprocess.run([sys.executable, "-c", code, str(tmp_path / "file")], capture_output=True, text=True)
    assert "FileError: cannot write" in run.stderr
    assert "File too large; nothing was written" in run.stderr
    assert os.listdir(tmp_path) == []


def test_permissions_are_those_of_an_ordinary_file(tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("")
    with atomic(tmp_path / "file") as temporary:
        temporary.write_text("")
    assert (tmp_path / "file").stat().st_mode == (tmp_path / "plain").stat().st_mode


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=10,
)


@pytest.mark.parametrize(
    "content", ['{"a": 1, "a": 1}', b'[{"b": {"a": 1, "b": 2, "a": 3}}]', '{"a": 1, "\\u0061": 2}']
)
def test_a_name_twice_is_refused(content: str | bytes) -> None:
    with pytest.raises(ValueError, match="a name occurs twice in one object"):
        strict_json(content)


def test_one_name_in_two_objects_is_fine() -> None:
    assert strict_json(b'{"a": {"a": [1, {"a": null}]}}') == {"a": {"a": [1, {"a": None}]}}


@given(values)
def test_what_was_written_is_read(value: object) -> None:
    assert strict_json(json.dumps(value)) == value


def test_of_a_link_the_file_it_leads_to_is_replaced(tmp_path: Path) -> None:
    """Links to links, relative ones, and one to a file that is not there yet."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "real").write_text("old")
    (tmp_path / "link").symlink_to("elsewhere/real")
    (tmp_path / "second").symlink_to(tmp_path / "link")
    (tmp_path / "dangling").symlink_to("elsewhere/new")
    for link, real in (("link", "real"), ("second", "real"), ("dangling", "new")):
        with atomic(tmp_path / link) as temporary:
            temporary.write_text(link)
        assert (tmp_path / link).is_symlink() and (tmp_path / "elsewhere" / real).read_text() == link
    assert sorted(os.listdir(tmp_path / "elsewhere")) == ["new", "real"]


def content(root: Path) -> dict[str, str]:
    """What stands in a folder by its path: the target of a link, the text of a file."""
    return {
        str(path.relative_to(root)): str(path.readlink()) if path.is_symlink() else path.read_text()
        for path in root.rglob("*")
        if path.is_symlink() or path.is_file()
    }


@settings(max_examples=40)
@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.booleans(), st.booleans()), min_size=1, max_size=6),
    st.booleans(),
    st.booleans(),
)
def test_a_chain_of_links_stays_and_its_end_is_replaced(
    chain: list[tuple[str, bool, bool]], there: bool, fails: bool
) -> None:
    """Each link lies in a drawn folder and leads to the one before, absolutely or not, through a link to its folder
    or not; the first leads to a file, which may not be there yet."""
    with TemporaryDirectory() as folder:
        root = Path(folder).resolve()
        for name in ("a", "b", "c", "end"):
            (root / name).mkdir()
            (root / f"to-{name}").symlink_to(name)
        end = link = root / "end" / "file"
        if there:
            end.write_text("old")
        for number, (place, absolute, through) in enumerate(chain):
            target = root / f"to-{link.parent.name}" / link.name if through else link
            link = root / place / str(number)
            link.symlink_to(target if absolute else os.path.relpath(target, link.parent))
        before, named = content(root), root / f"to-{link.parent.name}" / link.name
        assert all(one_file(path, end) for path in (link, named))
        with pytest.raises(ZeroDivisionError) if fails else nullcontext(), atomic(named) as temporary:
            temporary.write_text("new")
            assert content(root).items() >= before.items()
            _ = 1 / (not fails)
        assert content(root) == (before if fails else before | {"end/file": "new"})


@pytest.mark.parametrize("name", ["circle", "circle/file", "to-circle"])
def test_no_link_in_a_circle_is_another_file(tmp_path: Path, name: str) -> None:
    (tmp_path / "circle").symlink_to("circle")
    (tmp_path / "to-circle").symlink_to("circle/file")
    path = tmp_path / name
    assert one_file(path, path) and not one_file(path, tmp_path) and not one_file(tmp_path, path)
    with pytest.raises(FileError, match=r"leads in a circle|Too many levels of symbolic links"), atomic(path):
        pass
    assert sorted(os.listdir(tmp_path)) == ["circle", "to-circle"]


def test_links_in_a_circle_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(FileError, match="leads in a circle"), atomic(tmp_path / "a"):
        pass
    assert sorted(os.listdir(tmp_path)) == ["a", "b"]


def test_a_signal_right_after_the_temporary_file_is_made_leaves_nothing(tmp_path, monkeypatch):
    touch = Path.touch

    def interrupted(path, *mode, **options):
        touch(path, *mode, **options)
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "touch", interrupted)
    with pytest.raises(KeyboardInterrupt), atomic(tmp_path / "table"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_a_file_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(FileError, match="Not a directory"), atomic(tmp_path / "file" / "table"):
        pass
