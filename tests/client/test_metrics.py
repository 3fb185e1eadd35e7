"""What `GET /metrics` says is right by Prometheus' own tool, and so is what the dashboard asks."""

import json
import re
import subprocess
from io import BytesIO
from pathlib import Path

import yaml
from conftest import PROMTOOL, ROOT

SAMPLE = ROOT / "tests/samples/hc18_230_HC.jpg"


def promtool(*check: object, stdin: bytes | None = None):
    """A word of advice is a failure, too."""
    done = subprocess.run([PROMTOOL, "check", *check], input=stdin, capture_output=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert not done.stderr, done.stderr


def test_promtool_finds_nothing_to_mend_in_the_metrics(client):
    http = client.get_httpx_client()
    for picture, status in ((SAMPLE.read_bytes(), 200), (b"none", 415)):
        reply = http.post("/v1/segment", params={"modality": "ultrasound"}, content=BytesIO(picture))
        assert reply.status_code == status
    metrics = http.get("/metrics").content
    for name in (b"espmedsam_stage_seconds_bucket", b"espmedsam_results_total", b"process_resident_memory_bytes"):
        assert b"\n" + name in metrics
    promtool("metrics", stdin=metrics)


def test_the_dashboard_s_expressions_are_promql(tmp_path):
    dashboard = json.loads((ROOT / "board/grafana.json").read_text())
    expressions = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    # Grafana puts its variables in before Prometheus sees them.
    filled = [text.replace("$source", ".*").replace("$board", ".*").replace("$__interval", "15s") for text in expressions]
    rules = [{"record": f"expression:{number}", "expr": text} for number, text in enumerate(filled)]
    path = tmp_path / "rules.json"
    path.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))
    promtool("rules", path)


def test_a_board_s_agent_can_be_set_up_as_the_page_says(tmp_path):
    block = (ROOT / "docs/fleet.md").read_text().split("```yaml\n")[1].split("```")[0]
    path = tmp_path / "prometheus.yml"
    # Where nothing lies here, the password would be missed.
    password = tmp_path / "password"
    password.write_text("")
    path.write_text(block.replace("/etc/prometheus/password", str(password)))
    promtool("config", "--agent", path)


def test_the_page_s_questions_are_promql_of_figures_that_there_are(client, tmp_path):
    page = (ROOT / "docs/fleet.md").read_text()
    asked = [*re.findall(r"```promql\n(.*?)```", page, re.S), *re.findall(r"`(count by [^`]*)`", page)]
    assert len(asked) == 2
    alerts = yaml.safe_load((ROOT / "board/alerts.yml").read_text())["groups"][0]["rules"]
    path = tmp_path / "rules.json"
    rules = [{"record": f"question:{number}", "expr": " ".join(text.split())} for number, text in enumerate(asked)]
    path.write_text(json.dumps({"groups": [{"name": "page", "rules": rules}]}))
    promtool("rules", path)
    client.get_httpx_client().post("/v1/segment", params={"modality": "ultrasound"}, content=SAMPLE.read_bytes())
    metrics = client.get_httpx_client().get("/metrics").text
    for text in [*asked, *(rule["expr"] for rule in alerts)]:
        for name in re.findall(r"espmedsam_\w+(?=[{\[])", text):
            assert f"\n{name}" in metrics, name


def test_alarms_are_raised_for_what_they_are_about_and_not_before(tmp_path):
    rules = ROOT / "board/alerts.yml"
    promtool("rules", rules)
    path = tmp_path / "test.yml"
    path.write_text(Path(__file__).with_name("alerts_test.yml").read_text().replace("ALERTS", str(rules)))
    done = subprocess.run([PROMTOOL, "test", "rules", path], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
