"""What `GET /metrics` says is right by Prometheus' own tool, and so is what the dashboard asks."""

import json
import subprocess
from io import BytesIO

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
    filled = [text.replace("$source", ".*").replace("$__interval", "15s") for text in expressions]
    rules = [{"record": f"expression:{number}", "expr": text} for number, text in enumerate(filled)]
    path = tmp_path / "rules.json"
    path.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))
    promtool("rules", path)
