"""What attackers do to the program and it withstands, what they would notice if it did not, and a short siege."""

import re
import subprocess
import sys
from collections import Counter

import bad
import document
import door
import malformed
import pytest
import siege
import sortie
import verdict
from conftest import PROGRAM, ROOT
from door import Limits, Seen, Shot
from good import Account, Picture
from machine import Footprint
from mix import Manner, Tally

AT_ONCE = Limits(0, 0, 0, 0)
# What waits for the program's limits, or takes all of its places, is `make attack`'s.
LONG = ("slow ", "silence", "nobody reads", "hang", "held", "stop", "uploads")
QUICK = [name for name in sortie.ATTACKS if not any(part in name for part in LONG)]


def test_what_is_left_to_make_attack_is_little():
    kept = {"smuggling, near", "smuggling, far", "forms", "pictures", "inference", "guesses"}
    assert len(QUICK) >= 16 and kept <= set(QUICK)


@pytest.mark.parametrize("name", QUICK)
def test_it_withstands(attacked, name):
    good = Picture(attacked.target)
    good.check()
    seen = sortie.ATTACKS[name](attacked.target)
    assert seen.sent > 0
    assert seen.faults + good.faults_now() == []


def test_streams_without_end_begin_as_they_are_described(attacked):
    described = attacked.target.near.ask("GET /openapi.json").json()
    seen = document.beginnings(attacked.target, described)
    assert seen.faults == []
    # One that is described and not sent would be noticed.
    described["paths"]["/v1/live/y4m"]["get"]["responses"]["200"]["content"] = {"video/mp4": {}}
    assert any("video/x-yuv4mpeg" in fault for fault in document.beginnings(attacked.target, described).faults)


@pytest.mark.parametrize(("answer", "said"), [
    (bad.smuggles, "the hidden request was answered"),
    (bad.fails, "a fault of the program's: 500"),
    (bad.mumbles, "a refusal without its type: 400"),
    (bad.forgives, "CL.TE: 200"),
    (bad.goes_on, "it went on after what it cannot believe"),
    (bad.hangs, "still open after"),
    (bad.vanishes, "closed without a word"),
])  # fmt: skip
def test_what_is_wrong_would_be_noticed(monkeypatch, answer, said):
    monkeypatch.setattr(door, "PATIENCE", 1.0)
    with bad.serving(answer) as at:
        (shot,) = [shot for shot in malformed.smuggling(at) if shot.name == "CL.TE"]
        assert any(said in fault for fault in shot.fire(at, AT_ONCE).faults)


def test_what_is_right_is_no_fault():
    with bad.serving(bad.refuses) as at:
        seen = Shot("anything", at.head("GET /anything")).fire(at, Limits())
    assert (seen.faults, seen.saw) == ([], Counter({"400": 1}))


def fought(resident, files=10, refused=0, attacks=1):
    """A siege of eight hours that was, with that memory at the end of each quiet turn."""
    plan = siege.Plan(8 * 3600, 60, 2, Manner(1))
    made = siege.Siege(plan, began=0.0)
    step = plan.seconds / len(resident)
    for number, mib in enumerate(resident):
        at = number * step
        footprint = Footprint(mib, max(resident), files if number > len(resident) // 2 else 10, 12)
        made.turns.append(siege.Turn(siege.QUIET, at, at + 60, footprint=footprint))
        tallies = [Tally(Seen(), attacks)]
        made.turns += [siege.Turn(kind, at + 60, at + 120, tallies=tallies) for kind in (siege.ATTACKED, siege.CONTROL)]
    account = Account("mask", 2, took=[(0.0, 50.0)] * 100, refused=[0.0] * refused)
    made.clients = [type("Client", (), {"account": account})()]
    return made


@pytest.mark.parametrize(("made", "said"), [
    (fought([100 + number / 10 for number in range(200)]), "memory grew"),
    (fought([100] * 199 + [900]), "900 MiB were resident"),
    (fought([100] * 200, files=40), "open files went from 10 to 40"),
    (fought([100] * 200, refused=5), "5 of 105 were told: not now"),
    (fought([100] * 200, attacks=0), "nobody attacked"),
])  # fmt: skip
def test_what_grows_and_who_is_turned_away_would_be_noticed(made, said):
    assert any(said in fault for fault in verdict.judge(made))


def test_a_siege_that_was_withstood_is_none():
    # As an allocator has it: up at first, then to and fro.
    assert verdict.judge(fought([90.0] * 15 + [100 + number % 3 for number in range(185)])) == []


def test_times_that_meet_are_found():
    spans = siege.Spans([(10.0, 20.0), (30.0, 31.0), (5.0, 6.0)])
    assert [at for at in (4, 5, 5.5, 6, 10, 19.9, 20, 30.5, 40) if spans.meet(at, at)] == [5, 5.5, 10, 19.9, 30.5]
    assert spans.meet(1, 5) and spans.meet(21, 50) and not spans.meet(21, 29)


def test_a_short_siege(tmp_path):
    table = tmp_path / "attack.md"
    options = ["--hours", "0.003", "--turn", "4", "--pace", "0.5", "--every", "0.1"]
    start = [sys.executable, ROOT / "benches/attack", "--binary", PROGRAM, *options, "--out", table]
    environment = {"PYTHONPATH": str(ROOT / "benches/live")}
    run = subprocess.run(start, env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
    text = table.read_text()
    assert "Not for clinical use" in text and text.rstrip().endswith("None.")
    attacks = re.search(r"^\| attacked \| (\d+) \|", text, re.M)
    assert attacks and int(attacks[1]) > 0
