"""The package on an emulated board: installed, switched on, and what it makes of faults. In order; `make test-board`.

Times allowed are ten times and more what a board needs: this one runs its every instruction through a translator.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from conftest import SAMPLE
from machine import Board

Tell = Callable[[str, float], None]

PATIENCE = 420
# vivid's controls (`vivid-ctrls.c`) and test patterns (`v4l2-tpg.h`).
TEST_PATTERN, DISCONNECT = 0xF0F000, 0xF0F000 + 65
GREY_RAMP = 20
CAMERA = "/dev/video0"
CONFIG = """
[engine]
preload = ["ultrasound"]
watchdog_s = 90
[live]
clips = "/var/lib/espmedsam/clips"
[[live.sources]]
name = "probe"
modality = "ultrasound"
source = { kind = "v4l2", device = "/dev/video0" }
budget_ms = 60000
signal_ms = 10000
clip_s = 10
"""


def segment(board: Board) -> bytes:
    """The mask of the sample as PNG, through the port."""
    reply = board.ask("/v1/segment?modality=ultrasound&format=png", SAMPLE.read_bytes(), 200, "image/jpeg")
    assert reply.status == 200, reply.body
    return reply.body


def shown(board: Board, key: str) -> str:
    """A property of the service, as systemd has it."""
    return board.must(f"systemctl show espmedsam --value -p {key}").strip()


def restarts(board: Board) -> int:
    """How often systemd started it anew by itself."""
    return int(shown(board, "NRestarts"))


def live(board: Board) -> str:
    """The live source's state."""
    return str(board.ask("/v1/live/latest.json?source=probe").json()["state"])


def test_the_package_installs_into_a_service_that_is_ready(board: Board, mask: bytes, told: Tell) -> None:
    """From the network of this machine, whose port qemu forwards: the socket is opened for it first."""
    board.must("mkdir -p /etc/systemd/system/espmedsam.socket.d")
    board.must("printf '[Socket]\\nListenStream=\\nListenStream=8080\\n' >/etc/systemd/system/espmedsam.socket.d/network.conf")
    board.must("dpkg -i /payload/espmedsam.deb", PATIENCE)
    told("installed until ready", board.until(PATIENCE, "ready", board.ready))
    assert shown(board, "ActiveState") == "active" and shown(board, "User") == "espmedsam"
    assert restarts(board) == 0
    assert segment(board) == mask, "the same bits as on x86-64"


def test_it_serves_after_power_up_without_a_hand(board: Board, mask: bytes, told: Tell) -> None:
    """Configured for a camera, switched off in order, and on."""
    board.must(f"printf '%s' '{CONFIG}' >/etc/espmedsam/config.toml")
    board.must("printf 'options vivid n_devs=1 node_types=0x1 num_inputs=1 input_types=0x0 multiplanar=1\\n' >/etc/modprobe.d/vivid.conf")
    board.must("echo vivid >/etc/modules-load.d/vivid.conf")
    board.off()
    board.boot()
    board.until(PATIENCE, "ready", board.ready)
    assert segment(board) == mask
    told("kernel's start to the first mask", board.uptime())
    assert restarts(board) == 0


def test_a_camera_is_watched_unplugged_and_back(board: Board, told: Tell) -> None:
    """What is told of it follows, and the service stays."""
    board.must("test -e /payload/v4l2_set || (mkdir -p /payload && tar -xf /dev/vdb -C /payload)")
    board.must(f"/payload/v4l2_set {CAMERA} {TEST_PATTERN} {GREY_RAMP}")
    answers = {"mask", "nothing-found", "unsure", "wrong-modality"}
    board.until(PATIENCE, "a live answer", lambda: live(board) in answers)
    picture = board.ask("/v1/live/latest.jpg?source=probe")
    assert picture.status == 200 and picture.body.startswith(b"\xff\xd8")
    before = restarts(board)
    board.must(f"/payload/v4l2_set {CAMERA} {DISCONNECT} 1")
    told("camera unplugged until it is said", board.until(PATIENCE, "no signal", lambda: live(board) == "no-signal"))
    assert board.ready(), "a camera that is away is no fault of the service"
    board.must("rmmod vivid && modprobe vivid && sleep 2")
    board.must(f"/payload/v4l2_set {CAMERA} {TEST_PATTERN} {GREY_RAMP}")
    told("camera back until the next answer", board.until(PATIENCE, "an answer", lambda: live(board) in answers))
    assert restarts(board) == before


def test_killed_it_is_back(board: Board, mask: bytes, told: Tell) -> None:
    """`kill -9`; who connects meanwhile waits at the socket."""
    before = restarts(board)
    board.must("systemctl kill -s KILL espmedsam")
    assert segment(board) == mask
    told("killed until the next mask", board.until(PATIENCE, "ready", board.ready))
    assert restarts(board) == before + 1


def test_a_thread_of_the_model_that_hangs_is_noticed(board: Board, mask: bytes, told: Tell) -> None:
    """One thread is frozen by its control group; everything else goes on."""
    before, pid = restarts(board), shown(board, "MainPID")
    group = "/sys/fs/cgroup/system.slice/espmedsam.service/held"
    thread = board.must(f"grep -l engine-0 /proc/{pid}/task/*/comm").split("/")[4]
    board.must(f"mkdir {group} && echo threaded >{group}/cgroup.type && echo {thread} >{group}/cgroup.threads && echo 1 >{group}/cgroup.freeze")

    def restarted() -> bool:
        return restarts(board) > before

    told("a hung thread until systemd acts", board.until(PATIENCE, "a restart", restarted))
    told("a hung thread until ready again", board.until(PATIENCE, "ready", board.ready))
    assert "watchdog" in board.must("journalctl --namespace=* -u espmedsam -n 200 --no-pager | grep -i watchdog | tail -n 3").lower()
    assert segment(board) == mask


def test_a_full_disk_stops_no_mask(board: Board, mask: bytes) -> None:
    """Nothing more can be written: masks go on, and after a restart too."""
    board.run("dd if=/dev/zero of=/var/fill bs=1M; dd if=/dev/zero of=/var/fill2 bs=1k; sync", PATIENCE)
    assert re.search(r"\b(99|100)%", board.must("df / | tail -n 1"))
    assert segment(board) == mask
    clip = board.ask("/v1/live/clip?source=probe", b"")
    assert clip.status in (409, 500, 503, 507), clip.body
    board.must("systemctl restart espmedsam", PATIENCE)
    assert segment(board) == mask
    board.must("rm /var/fill /var/fill2 && sync", PATIENCE)
    assert board.must("find /var/lib/espmedsam/clips -type f | wc -l") == "0"


def test_a_clock_that_jumps_changes_nothing(board: Board, mask: bytes) -> None:
    """A day on, and ten years back."""
    before = restarts(board)
    for to in ("+1 day", "2016-01-01"):
        board.must(f"date -s '{to}'")
        assert board.ready() and segment(board) == mask
        assert live(board) not in ("stale", "model-fault")
    assert restarts(board) == before


def test_without_a_clock_of_its_own_it_boots(board: Board, mask: bytes) -> None:
    """As a Raspberry Pi 4: the kernel begins in 1970."""
    board.off()
    board.boot(clock="1970-01-01T00:00:10")
    board.until(PATIENCE, "ready", board.ready)
    assert segment(board) == mask


def test_the_plug_is_pulled(board: Board, mask: bytes, told: Tell) -> None:
    """While clips are saved, again and again: what is there afterwards is whole, and the service comes up."""
    for seconds in (1, 4):
        board.must(f"/payload/v4l2_set {CAMERA} {TEST_PATTERN} {GREY_RAMP}")
        board.until(PATIENCE, "an answer", lambda: live(board) != "starting")
        board.ask("/v1/live/clip?source=probe", b"")
        board.run(f"sleep {seconds}")
        board.cut()
        board.boot()
        told("plug pulled, power back until ready", board.until(PATIENCE, "ready", board.ready))
        assert segment(board) == mask
        halves = board.must("find /var/lib/espmedsam /etc/espmedsam -name '*.part' -o -name '*.tmp' | wc -l")
        assert halves == "0"


def test_a_root_that_cannot_be_written_to_serves(board: Board, mask: bytes) -> None:
    """As many an appliance is set up: the card is only read, what is temporary is memory."""
    board.must("sed -i 's/defaults,errors=remount-ro/ro/' /etc/fstab")
    board.must("printf 'tmpfs /tmp tmpfs defaults 0 0\\ntmpfs /var/tmp tmpfs defaults 0 0\\n' >>/etc/fstab")
    board.off()
    board.boot("ro")
    board.until(PATIENCE, "ready", board.ready)
    assert board.run("touch /var/lib/espmedsam/x").status != 0
    assert segment(board) == mask
    board.must("mount -o remount,rw /")
    board.must("sed -i 's#/dev/vda / ext4 ro #/dev/vda / ext4 defaults #; /tmpfs/d' /etc/fstab")


def test_removed_and_purged_nothing_is_left(board: Board) -> None:
    """Nothing runs, and nothing of it is on the disk."""
    board.must("dpkg --purge espmedsam", PATIENCE)
    assert board.run("pgrep -x espmedsam || pidof espmedsam").status != 0
    left = board.must("find / -xdev -iname '*espmedsam*' -not -path '/payload/*' -not -path '/var/lib/dpkg/*' -not -path '/proc/*'")
    kept = {"/etc/systemd/system/espmedsam.socket.d"}
    assert set(left.split()) <= kept, left
