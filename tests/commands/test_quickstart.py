"""The quickstart with the smallest budget: everything it promises is written."""

import pytest

from robotasks.commands import quickstart, run_command, train

TINY = ["--task", "reach", "--steps", "7000", "--rows", "4", "--threads", "1"]


@pytest.fixture(scope="module")
def learned(tmp_path_factory):
    """A folder in which training is done; what follows is quick."""
    out = tmp_path_factory.mktemp("quickstart")
    training = train.prepare(
        train.Options("ppo", "reach", steps=7000, rows=4, threads=1), out / "run"
    )
    training(lambda progress: None)
    return out


def test_all_is_written_without_opengl(learned, capsys, monkeypatch):
    monkeypatch.setattr(quickstart, "working_renderer", lambda: None)
    run_command("quickstart", [*TINY, "--out", str(learned)])
    for name in ("curve.png", "contact_sheet.png"):
        assert (learned / name).read_bytes().startswith(b"\x89PNG")
    text = (learned / "summary.md").read_text(encoding="utf-8")
    for word in ("| PPO |", "| scripted expert | 100.0% |", "| random |", "95 %", "torch", "curve"):
        assert word in text
    assert "contact_sheet.png" in text
    shown = capsys.readouterr().out
    assert quickstart.MEND_PICTURES.split()[0] in shown and text in shown
    assert not list(learned.glob("*.tmp")) and not list(learned.glob("*.partial"))


def test_the_policy_is_filmed_where_opengl_works(learned, gl, monkeypatch):
    monkeypatch.setattr(quickstart, "EPISODES_SHOWN", 1)
    monkeypatch.setattr(quickstart, "FILM_SIZE", (64, 48))
    name = quickstart.show_policy(quickstart.Options("reach", out=learned), learned)
    assert name == "policy.mp4"
    assert b"ftyp" in (learned / name).read_bytes()[:16]
