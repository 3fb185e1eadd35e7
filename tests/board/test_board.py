"""The package on an emulated board: installed, switched on, and what becomes of faults. In order; `make test-board-system`.

Times allowed are ten times and more what a board needs: this one runs its every instruction through a translator.
"""

from __future__ import annotations

import contextlib
import http.client
import re
import threading
import time
from collections.abc import Callable

from conftest import LINE, SAMPLE, SERIAL
from machine import Board

Tell = Callable[[str, float], None]

PATIENCE = 420
# vivid's controls (`vivid-ctrls.c`) and test patterns (`v4l2-tpg.h`). Its first pattern are bars, as a grabber shows them
# that has no signal; a white square on a ramp of grey is what the model for X-rays takes for a lung.
TEST_PATTERN, TEXT, SQUARE, DISCONNECT = 0xF0F000, 0xF0F000 + 1, 0xF0F000 + 5, 0xF0F000 + 65
GREY_RAMP, NO_TEXT = 21, 2
SHOWN = ((TEST_PATTERN, GREY_RAMP), (TEXT, NO_TEXT), (SQUARE, 1))
CAMERA = "/dev/video0"
VIVID = "options vivid n_devs=1 node_types=0x1 num_inputs=1 input_types=0x0 multiplanar=1"
SECTIONS = f"""
[update]
line = "{LINE}"
keys = ["KEY"]
[live]
clips = "/var/lib/espmedsam/clips"
[[live.sources]]
name = "probe"
modality = "x-ray"
unsure_below = 0.2
source = {{ kind = "v4l2", device = "{CAMERA}", size = [320, 180], rate = 4.0 }}
budget_ms = 10000
signal_ms = 4000
clip_s = 10
# drawn
[[live.sources]]
name = "phantom"
modality = "ultrasound"
source = {{ kind = "phantom", target = "fetal-head", rate = 1 }}
budget_ms = 10000
signal_ms = 10000
"""
ANSWERS = {"mask", "nothing-found", "unsure", "wrong-modality"}


def segment(board: Board) -> bytes:
    """The mask of the sample as PNG, through the port. If this machine was too busy for the service's 20 s, asked again."""
    for _ in range(5):
        reply = board.ask("/v1/segment?modality=ultrasound&format=png", SAMPLE.read_bytes(), 200)
        if reply.status != 503 or reply.json()["type"] != "/problems/timed-out":
            break
    assert reply.status == 200, reply.body
    return reply.body


def shown(board: Board, key: str) -> str:
    """A property of the service, as systemd has it."""
    return board.must(f"systemctl show espmedsam --value -p {key}").strip()


def restarts(board: Board) -> int:
    """How often systemd started it anew by itself."""
    return int(shown(board, "NRestarts"))


def live(board: Board, source: str = "probe") -> str:
    """A live source's state."""
    return str(board.ask(f"/v1/live/latest.json?source={source}").json()["state"])


def watch(board: Board) -> float:
    """Has the camera show something; the seconds until an answer to a picture from now on."""
    for control, value in SHOWN:
        board.must(f"/payload/v4l2_set {CAMERA} {control} {value}")
    before = board.ask("/v1/live/latest.json?source=probe").json()["update"]

    def answered() -> bool:
        now = board.ask("/v1/live/latest.json?source=probe").json()
        return now["update"] > before + 1 and now["state"] in ANSWERS

    return board.until(PATIENCE, "a live answer", answered)


def lost(board: Board, command: str) -> float:
    """Does that to the camera, which is watched; the seconds until it is said."""
    # A machine with much else to do may be late with one.
    board.until(PATIENCE, "a live answer", lambda: live(board) in ANSWERS)
    start = time.monotonic()
    board.must(command)
    board.until(PATIENCE, "no signal", lambda: live(board) == "no-signal")
    return time.monotonic() - start


def save_clip(board: Board) -> list[tuple[str, int]]:
    """Saves a clip: its files by name, with their sizes."""
    reply = board.ask("/v1/live/clip?source=probe", b"")
    assert reply.status == 201, reply.body
    saved = reply.json()
    return [(saved[part]["name"], saved[part]["bytes"]) for part in ("video", "record")]


def clips(board: Board) -> dict[str, int]:
    """All that the service has of them; each is whole by what is in it."""
    files = {file["name"]: file["bytes"] for file in board.ask("/v1/live/clips").json()["files"]}
    for name, size in files.items():
        content = board.ask(f"/v1/live/clips/{name}").body
        assert len(content) == size
        if name.endswith(".avi"):
            assert content[:4] == b"RIFF" and int.from_bytes(content[4:8], "little") == size - 8, name
        else:
            assert content.endswith(b"}\n"), name
    return files


def serial_in_use(board: Board) -> str:
    """Of the models; empty: those of the package."""
    state = board.run("cat /var/lib/espmedsam/models/state.toml").output
    found = re.search(r"^\[current\]\n(?:\w.*\n)*?serial = (\d+)$", state, re.MULTILINE)
    return found[1] if found else ""


def test_the_package_installs_into_a_service_that_is_ready(board: Board, mask: bytes, told: Tell) -> None:
    """From the network of this machine, whose port qemu forwards: the socket is opened for it first."""
    board.must("mkdir -p /etc/systemd/system/espmedsam.socket.d")
    board.must(
        "printf '[Socket]\\nListenStream=\\nListenStream=8080\\n' >/etc/systemd/system/espmedsam.socket.d/network.conf"
    )
    start = time.monotonic()
    board.must("dpkg -i /payload/espmedsam.deb", PATIENCE)
    told("dpkg -i until it returns, service started", time.monotonic() - start)
    board.until(PATIENCE, "ready", board.ready)
    assert shown(board, "ActiveState") == "active" and shown(board, "User") == "espmedsam"
    assert restarts(board) == 0
    assert segment(board) == mask, "the same bits as on x86-64"


def test_it_serves_after_power_up_without_a_hand(board: Board, mask: bytes, update_key: str, told: Tell) -> None:
    """Configured for a camera, switched off in order, and on."""
    sections = SECTIONS.replace("KEY", update_key)
    # The shipped file has these sections, as they are by default.
    of_live, of_update = (
        "/^\\[live\\]/,/^\\[live.clients\\]/{/^\\[live.clients\\]/!d}",
        "/^\\[update\\]/,/^\\[log\\]/{/^\\[log\\]/!d}",
    )
    board.must(f"sed -i '{of_live}; {of_update}' /etc/espmedsam/config.toml")
    board.must(f"printf '%s' '{sections}' >>/etc/espmedsam/config.toml")
    board.must(f"echo '{VIVID}' >/etc/modprobe.d/vivid.conf && echo vivid >/etc/modules-load.d/vivid.conf")
    board.off()
    board.boot()
    board.until(PATIENCE, "ready", board.ready)
    told("kernel's start until ready", board.uptime())
    assert segment(board) == mask
    told("kernel's start until the mask of a picture sent", board.uptime())
    board.until(PATIENCE, "a live mask", lambda: live(board, "phantom") == "mask")
    told("kernel's start until a live mask is seen", board.uptime())
    # One source is what this machine can translate in the 10 s that an answer may be old at most.
    board.must("sed -i '/^# drawn$/,$d' /etc/espmedsam/config.toml && systemctl reload espmedsam")

    def sources() -> list[str]:
        return [source["name"] for source in board.ask("/v1/sources").json()["sources"]]

    board.until(PATIENCE, "one source", lambda: sources() == ["probe"])
    assert restarts(board) == 0


def test_a_camera_is_watched_unplugged_and_back(board: Board, told: Tell) -> None:
    """Lost while it is read, then gone with its device file: what is told of it follows, and the service stays."""
    watch(board)
    board.until(PATIENCE, "a mask of the camera's picture", lambda: live(board) == "mask")
    picture = board.ask("/v1/live/latest.jpg?source=probe")
    assert picture.status == 200 and picture.body.startswith(b"\xff\xd8")
    before = restarts(board)
    # While somebody has it open, vivid stays away.
    holder = board.must(f"sleep 900 <{CAMERA} >/dev/null & echo $!")
    told("camera disconnected until no-signal", lost(board, f"/payload/v4l2_set {CAMERA} {DISCONNECT} 1"))
    assert board.ready(), "a camera that is away is no fault of the service"
    board.must(f"kill {holder}")
    told("camera connected until the next answer", watch(board))
    driver = "/sys/bus/platform/drivers/vivid"
    told("camera's device file gone until no-signal", lost(board, f"echo vivid.0 >{driver}/unbind"))
    board.must(f"! test -e {CAMERA}")
    board.must(f"echo vivid.0 >{driver}/bind && sleep 2 && test -e {CAMERA}")
    told("camera's device file back until the next answer", watch(board))
    assert restarts(board) == before


def test_killed_it_is_back(board: Board, mask: bytes, told: Tell) -> None:
    """`kill -9`; who connects meanwhile waits at the socket."""
    before = restarts(board)
    start = time.monotonic()
    board.must("systemctl kill -s KILL espmedsam")
    assert board.ask("/health/live").status == 200, "waited, and was not refused"
    board.until(PATIENCE, "ready", board.ready)
    told("killed until ready again", time.monotonic() - start)
    assert restarts(board) == before + 1
    assert segment(board) == mask


def test_a_thread_of_the_model_that_hangs_is_noticed(board: Board, mask: bytes, told: Tell) -> None:
    """Stopped by a control group of its own, at a picture; everything else goes on."""
    group = "/sys/fs/cgroup/system.slice/espmedsam.service/held"
    thread = engine_thread(board)
    board.must(f"mkdir {group} && echo threaded >{group}/cgroup.type && echo {thread} >{group}/cgroup.threads")
    fails_at_a_picture(board, "hung thread", f"echo 1 >{group}/cgroup.freeze", told)
    assert segment(board) == mask


def test_a_thread_of_the_model_that_is_gone_is_noticed(board: Board, mask: bytes, told: Tell) -> None:
    """Ended at a picture, without a word to the others, which nothing in the program can do; everything else goes on."""
    process, thread = shown(board, "MainPID"), engine_thread(board)
    fails_at_a_picture(board, "dead thread", f"perl /payload/end_thread.pl {process} {thread}", told)
    assert board.run(f"test -e /proc/{process}/task/{thread}").status != 0
    assert segment(board) == mask


def engine_thread(board: Board) -> str:
    """The number of the thread that the model runs on."""
    process = shown(board, "MainPID")
    return board.must(f"grep -l '^engine-0' /proc/{process}/task/*/comm").split("/")[4]


def fails_at_a_picture(board: Board, what: str, command: str, told: Tell) -> None:
    """Does that to a service that has pictures to see to, until it is ready again, by its watchdog."""
    before = restarts(board)
    busy = [threading.Thread(target=_ignored, args=(board,)) for _ in range(3)]
    for request in busy:
        request.start()
    time.sleep(1)
    start = time.monotonic()
    board.must(command)
    board.until(PATIENCE, "not ready", lambda: not board.ready())
    told(f"{what} until not ready", time.monotonic() - start)
    board.until(PATIENCE, "a restart", lambda: restarts(board) > before)
    told(f"{what} until systemd starts the service anew", time.monotonic() - start)
    board.until(PATIENCE, "ready", board.ready)
    told(f"{what} until ready again", time.monotonic() - start)
    for request in busy:
        request.join(PATIENCE)
    log = board.must(
        f"journalctl --no-pager --since=-{int(time.monotonic() - start)}s -u espmedsam -g 'watchdog timeout'"
    )
    assert "espmedsam.service: Watchdog timeout" in log


def _ignored(board: Board) -> None:
    with contextlib.suppress(OSError, http.client.HTTPException):
        board.ask("/v1/segment?modality=ultrasound&format=png", SAMPLE.read_bytes(), PATIENCE)


def test_a_source_that_can_never_be_ends_it_for_good(board: Board, mask: bytes, told: Tell) -> None:
    """What is configured is no camera: said at once wherever somebody asks, and not tried again and again."""
    config = "/etc/espmedsam/config.toml"
    board.must(f'cp -p {config} /var/tmp/right.toml && sed -i \'s#"{CAMERA}"#"/dev/null"#\' {config}')
    assert board.run("systemctl restart espmedsam", PATIENCE).status != 0
    start = time.monotonic()
    reply = board.ask("/health/ready")
    assert reply.status == 503 and b"configuration" in reply.body, reply.body
    told("wrong configuration until a client that connects is told", time.monotonic() - start)
    board.until(PATIENCE, "the end", lambda: shown(board, "ActiveState") == "failed")
    assert (shown(board, "ExecMainStatus"), shown(board, "NRestarts")) == ("78", "0")
    said = board.run("systemctl status espmedsam").output
    assert "source 'probe'" in said and "status=78" in said, said
    doctor = board.run("espmedsam doctor", PATIENCE)
    assert doctor.status == 2, doctor.output
    for fault in ("FAULT: source 'probe'", "FAULT: the service has ended, as its configuration cannot be used"):
        assert fault in doctor.output, doctor.output
    board.must(f"cp -p /var/tmp/right.toml {config}")
    board.until(PATIENCE, "ready, as somebody asks", board.ready)
    assert segment(board) == mask
    # Started at the root, where there are no models: it is the service's that are looked at.
    doctor = board.run("cd / && espmedsam doctor", PATIENCE)
    assert doctor.status < 2 and "/usr/share/espmedsam/models" in doctor.output, doctor.output


def test_a_full_disk_stops_no_mask(board: Board, mask: bytes) -> None:
    """Nothing more can be written: masks go on, and after a restart too; a clip is refused and leaves nothing."""
    watch(board)
    board.run("dd if=/dev/zero of=/var/fill bs=1M; dd if=/dev/zero of=/var/fill2 bs=1k; sync", PATIENCE)
    assert board.run("echo more >/var/more").status != 0 or board.run("test -s /var/more").status != 0
    assert segment(board) == mask
    clip = board.ask("/v1/live/clip?source=probe", b"")
    assert clip.status == 500 and clip.json()["type"].endswith("clip-not-saved"), clip.body
    board.must("systemctl restart espmedsam", PATIENCE)
    board.until(PATIENCE, "ready", board.ready)
    assert segment(board) == mask
    board.must("rm -f /var/fill /var/fill2 /var/more && sync", PATIENCE)
    assert clips(board) == {} and board.must("find /var/lib/espmedsam/clips -type f | wc -l") == "0"
    watch(board)
    assert len(save_clip(board)) == 2, "with room again it is saved"


def test_a_clock_that_jumps_changes_nothing(board: Board, mask: bytes) -> None:
    """A day on, and ten years back."""
    before = restarts(board)
    for to in ("+1 day", "2016-01-01"):
        board.must(f"date -s '{to}'")
        assert board.ready() and segment(board) == mask
        watch(board)
    assert restarts(board) == before


def test_without_a_clock_of_its_own_it_boots(board: Board, mask: bytes, told: Tell) -> None:
    """As a Raspberry Pi 4: the clock begins in 1970, and systemd sets it to the day it was made itself."""
    board.off()
    board.boot(clock="1970-01-01T00:00:10")
    board.until(PATIENCE, "ready", board.ready)
    assert int(board.must("date +%s")) < time.time() - 30 * 86400
    assert segment(board) == mask
    watch(board)


def test_power_fails_while_models_and_clips_are_written(board: Board, mask: bytes, told: Tell) -> None:
    """In the middle of both: what was there counts, what is half is gone, what was said to be saved is saved."""
    watch(board)
    saved = dict(save_clip(board))
    staging = "/var/lib/espmedsam/models/staging"
    board.must("(espmedsam models add /payload/models.esp >/tmp/added 2>&1 &)")
    board.must(f"while ! test -s {staging}/package.toml; do sleep 0.2; done")
    with contextlib.suppress(OSError, http.client.HTTPException):
        board.ask("/v1/live/clip?source=probe", b"", 1)
    assert board.run(f"test -e {staging}").status == 0, "cut too late"
    told("plug pulled, power back until ready", recover(board))
    assert board.run(f"test -e {staging}").status != 0, "what was half unpacked is gone"
    assert segment(board) == mask and serial_in_use(board) == ""
    there = clips(board)
    assert saved.items() <= there.items()
    assert board.must("find /var/lib/espmedsam/clips /etc/espmedsam -name '*.part' | wc -l") == "0"


def test_power_fails_once_models_and_a_clip_are_written(board: Board, mask: bytes) -> None:
    """What was said to be done is done."""
    board.must("espmedsam models add /payload/models.esp", PATIENCE)
    watch(board)
    saved = dict(save_clip(board))
    recover(board)
    assert serial_in_use(board) == SERIAL and segment(board) == mask
    assert saved.items() <= clips(board).items()


def test_power_fails_when_setup_has_written_the_configuration(board: Board, mask: bytes) -> None:
    """Before, the old one is there, at once afterwards the new one, and what was not asked about stays."""
    before = board.must("cat /etc/espmedsam/config.toml")
    board.must("systemctl stop espmedsam.socket espmedsam", PATIENCE)
    looks = "while ! grep -q 'Look at it' /tmp/said; do sleep 0.2; done"
    answers = f"printf '\\n\\n0.25\\n\\n'; {looks}; sleep 20; printf '\\n\\n'; sleep 900"
    board.must(f": >/tmp/said; (({answers}) | espmedsam setup >/tmp/said 2>&1 &); {looks}", PATIENCE)
    assert board.must("cat /etc/espmedsam/config.toml") == before
    board.must("while ! grep -q 'Written to' /tmp/said; do sleep 0.02; done", PATIENCE)
    recover(board)
    after = board.must("cat /etc/espmedsam/config.toml")
    assert 'pixel_mm = "0.25"' in after and "clip_s = 10" in after and LINE in after
    assert segment(board) == mask


def recover(board: Board) -> float:
    """Pulls the plug, and puts it back; the seconds until ready."""
    board.cut()
    board.boot()
    board.until(PATIENCE, "ready", board.ready)
    return board.uptime()


def test_a_root_that_cannot_be_written_to_serves(board: Board, mask: bytes) -> None:
    """As many an appliance is set up: the card is only read, what is temporary is memory."""
    board.must("sed -i 's/defaults,errors=remount-ro/ro/' /etc/fstab")
    board.must("printf 'tmpfs /tmp tmpfs defaults 0 0\\ntmpfs /var/tmp tmpfs defaults 0 0\\n' >>/etc/fstab")
    board.off()
    board.boot("ro")
    board.until(PATIENCE, "ready", board.ready)
    assert board.run("touch /var/lib/espmedsam/x").status != 0
    assert segment(board) == mask
    watch(board)
    clip = board.ask("/v1/live/clip?source=probe", b"")
    assert clip.status == 500 and clip.json()["type"].endswith("clip-not-saved"), clip.body
    board.must("mount -o remount,rw /")
    board.must("sed -i 's#/dev/vda / ext4 ro #/dev/vda / ext4 defaults #; /tmpfs/d' /etc/fstab")


def test_removed_it_stops_and_purged_nothing_is_left(board: Board) -> None:
    """Removed, its configuration and state stay; purged, nothing of it is on the disk."""
    board.must("dpkg --remove espmedsam", PATIENCE)
    assert board.run("pidof espmedsam").status != 0
    assert board.run("test -e /etc/espmedsam/config.toml -a -e /var/lib/espmedsam/clips").status == 0
    board.must("dpkg --purge espmedsam", PATIENCE)
    assert board.run("systemctl list-units --all --no-legend 'espmedsam*' | grep -q .").status != 0
    places = "-not -path '/payload/*' -not -path '/var/lib/dpkg/*'"
    left = board.must(f"find / -xdev -iname '*espmedsam*' {places}")
    # What this test put there itself, above.
    assert set(left.split()) <= {"/etc/systemd/system/espmedsam.socket.d"}, left
    assert board.run("grep -rl espmedsam /etc/systemd /var/lib/systemd | grep -v socket.d").output == ""
