"""The training as data: every step can be run and has what it needs; steps run in order, once, and resume."""

import fcntl
import json
import tomllib
from pathlib import Path

import pytest
from espmedsam.train import pipeline
from espmedsam.train.pipeline import CONFIGS, PipelineError, PipelinePaths, Step, chosen, is_finished, read, run

TOY = """
import pathlib, sys, time
name, *rest = sys.argv[1:]
here = pathlib.Path(__file__).parent
with (here / "log").open("a") as log:
    log.write(name + "\\n")
for other in rest:  # waits for one that must run at the same time
    for _ in range(200):
        if other in (here / "log").read_text().split():
            break
        time.sleep(0.05)
    else:
        sys.exit("alone")
sys.exit((here / ("break-" + name)).exists())
"""


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """(places, the names of what ran so far)."""
    (tmp_path / "toy.py").write_text(TOY)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    log = tmp_path / "log"
    return PipelinePaths(tmp_path, tmp_path, tmp_path / "runs"), lambda: log.read_text().split() if log.exists() else []


def toys(*names):
    return [Step(name, run=("toy", name)) for name in names]


def test_every_stage_is_a_step_and_every_shipped_weight_is_made():
    lines = read()
    trained = {step.train for steps in lines.values() for step in steps if step.train}
    assert trained == {path.stem for path in (CONFIGS / "stages").glob("*.toml")}
    release = tomllib.loads((CONFIGS / "release.toml").read_text())
    weights = {release["base"], *(m["controller"] for m in release["modality"].values())}
    assert {path.removesuffix("/ema.safetensors") for path in weights} <= {step.name for step in lines["shipped"]}


def test_a_steps_command_says_all_that_the_step_is(tmp_path):
    lines = {step.name: step for steps in read().values() for step in steps}
    places = PipelinePaths(Path("pool"), Path("s.csv"), Path("runs"))
    direct = places.command(lines["direct-x-ray"], 2)
    given = dict(zip(direct[2::2], direct[3::2], strict=True))
    assert direct[:2] == ["espmedsam.train", str(CONFIGS / "stages/direct-224.toml")]
    assert given == {
        "--data": "pool",
        "--split": "s.csv",
        "--runs": "runs",
        "--out": "runs/direct-x-ray",
        "--threads": "2",
        "--init": "controller-x-ray/ema.safetensors",
        "--modality": "x-ray",
        "--budget": "9",
    }
    assert places.command(lines["base-mean"], 2) == [
        "espmedsam.weights.average",
        "runs/base-fine/ema.safetensors",
        "runs/base-colour/ema.safetensors",
        "--out",
        "runs/base-mean/ema.safetensors",
    ]
    assert places.command(lines["guard"], 2)[-4:] == ["--split", "s.csv", "--out", "runs/guard"]
    assert places.weights("{data}/../w.safetensors") == f"{Path.cwd()}/pool/../w.safetensors"
    assert lines["distilled-colonoscopy"].reads(CONFIGS) == [
        "controller-colonoscopy",
        "base-wide",
        "controller-colonoscopy",
        "unet-teacher",
    ]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ('[[a]]\nstep = "late"\naverage = ["early"]\n', "needs 'early', which no earlier step makes"),
        ('[[a]]\nstep = "s"\nrun = ["toy"]\n[[b]]\nstep = "s"\nrun = ["toy"]\n', "there twice"),
        ('[[a]]\nstep = "s"\n', "not one of train, average and run"),
        ('[[a]]\nstep = "s"\nrun = ["toy"]\nspeed = 3\n', "speed"),
        ('[[a]]\nstep = "s"\ntrain = "unet"\nfrom = "nowhere"\n', "needs 'nowhere'"),
    ],
)
def test_what_makes_no_pipeline_is_refused(tmp_path, change, message):
    (tmp_path / "stages").mkdir()
    (tmp_path / "stages/unet.toml").write_text('stage = "unet"\n')
    (tmp_path / "pipeline.toml").write_text(change)
    with pytest.raises(PipelineError, match=message):
        read(tmp_path)


def test_steps_run_in_order_and_once(toy):
    places, ran = toy
    steps = toys("a", "b", "c")
    run(chosen(steps, until="b"), places, 1)
    assert ran() == ["a", "b"]
    run(steps, places, 1)
    assert ran() == ["a", "b", "c"] and all(is_finished(step, places) for step in steps)
    run(chosen(toys("a", "b", "d"), only="d"), places, 1)
    assert ran()[-1] == "d"
    with pytest.raises(PipelineError, match="no step 'e'"):
        chosen(steps, until="e")


def test_a_step_that_failed_is_run_again_and_nothing_after_it(toy, tmp_path):
    places, ran = toy
    (tmp_path / "break-b").touch()
    with pytest.raises(PipelineError, match="b failed"):
        run(toys("a", "b", "c"), places, 1)
    assert ran() == ["a", "b"]
    (tmp_path / "break-b").unlink()
    run(toys("a", "b", "c"), places, 1)
    assert ran() == ["a", "b", "b", "c"]


def test_neighbours_run_together(toy):
    """Each waits for the other: alone, both would fail."""
    places, ran = toy
    pair = [Step(name, run=("toy", name, other), together="pair") for name, other in (("a", "b"), ("b", "a"))]
    run([*pair, *toys("c")], places, 2)
    assert sorted(ran()[:2]) == ["a", "b"] and ran()[2] == "c"


def test_two_do_not_run_in_one_folder(toy):
    places, ran = toy
    places.runs.mkdir()
    with (places.runs / "pipeline.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(PipelineError, match="runs in .* already"):
            run(toys("a"), places, 1)
    run(toys("a"), places, 1)
    assert ran() == ["a"]


def test_a_folder_of_another_step_is_refused(toy):
    places, ran = toy
    run(toys("a"), places, 1)
    with pytest.raises(PipelineError, match="another configuration"):
        run([Step("a", run=("toy", "a", "more"))], places, 1)
    assert ran() == ["a"]
    assert json.loads((places.runs / "a/step.json").read_text())["finished"]


def test_the_command_says_what_is_finished(toy, monkeypatch, capsys):
    places, _ = toy
    monkeypatch.setattr("sys.argv", ["pipeline", "shipped", "--runs", str(places.runs), "--list"])
    pipeline.main()
    assert capsys.readouterr().out.split("\n")[0].split() == ["-", "pretrained"]
    monkeypatch.setattr("sys.argv", ["pipeline", "elsewhere"])
    with pytest.raises(SystemExit, match="no line 'elsewhere'"):
        pipeline.main()
