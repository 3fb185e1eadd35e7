"""The Kubernetes files: valid by Kubernetes' own schemas, as strict as a cluster may be, and true of the program."""

import copy
import json
import re
import shutil
import subprocess
import time
import tomllib
import urllib.error
import urllib.request

import kubernetes_validate
import pytest
import yaml
from container import PROGRAM, ROOT, image_maker

FOLDER = ROOT / "board/kubernetes"
# The oldest and the newest that are tried, of those that the schemas' package has.
VERSIONS = ("1.30", "1.36")
KUSTOMIZE = next((tool for tool in (["kubectl", "kustomize"], ["kustomize", "build"]) if shutil.which(tool[0])), None)
OVERLAYS = ("base", "k3s", "autoscale")
NOT_WHOLE = ("kustomization.yaml", "boards.yaml", "prometheus-adapter.yaml")


@pytest.fixture(scope="module")
def image():
    with image_maker() as module:
        yield module


def resources():
    """Those that are whole as they lie there."""
    paths = [path for path in sorted(FOLDER.rglob("*.yaml")) if path.name not in NOT_WHOLE]
    return {path.name: yaml.safe_load(path.read_text()) for path in paths}


def wrong(resource, version):
    try:
        kubernetes_validate.validate(resource, version, strict=True)
    except kubernetes_validate.ValidationError as error:
        return error.message
    return None


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", resources())
def test_it_is_valid(name, version):
    assert wrong(resources()[name], version) is None


@pytest.mark.parametrize(
    ("name", "plant"),
    [
        ("deployment.yaml", lambda it: it["spec"]["template"]["spec"].update(runAsNonRoot=True)),
        ("deployment.yaml", lambda it: it["spec"].update(replicas="one")),
        ("deployment.yaml", lambda it: it["spec"].pop("selector")),
        ("autoscaler.yaml", lambda it: it["spec"].update(maxReplica=3)),
    ],
)
def test_what_is_wrong_is_found(name, plant):
    resource = copy.deepcopy(resources()[name])
    plant(resource)
    assert wrong(resource, VERSIONS[-1])


def pod():
    return resources()["deployment.yaml"]["spec"]["template"]["spec"]


def container():
    [one] = pod()["containers"]
    return one


def test_it_may_do_nothing_that_it_does_not_need():
    """What the namespace's standard, `restricted`, asks for, and a root that cannot be written to."""
    assert pod()["automountServiceAccountToken"] is False
    asked = pod()["securityContext"]
    assert asked["runAsNonRoot"] and asked["seccompProfile"]["type"] == "RuntimeDefault"
    own = container()["securityContext"]
    assert own["readOnlyRootFilesystem"] and own["allowPrivilegeEscalation"] is False
    assert own["capabilities"] == {"drop": ["ALL"]}
    assert {next(iter(volume.keys() - {"name"})) for volume in pod()["volumes"]} == {"configMap"}
    labels = resources()["namespace.yaml"]["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"


def test_nobody_is_let_in_but_who_is_named_and_nobody_is_called():
    policy = resources()["networkpolicy.yaml"]["spec"]
    assert policy["policyTypes"] == ["Ingress", "Egress"] and "egress" not in policy
    assert (
        policy["podSelector"]["matchLabels"].items()
        <= resources()["deployment.yaml"]["spec"]["selector"]["matchLabels"].items()
    )
    [rule] = policy["ingress"]
    assert all(peer.get("podSelector", {}).get("matchLabels") for peer in rule["from"])


def test_image_user_and_places_are_those_of_the_image(image):
    kustomization = yaml.safe_load((FOLDER / "base/kustomization.yaml").read_text())
    assert kustomization["images"] == [{"name": image.NAME, "newTag": image.version()}]
    assert container()["image"] == image.NAME
    assert pod()["securityContext"]["runAsUser"] == image.USER
    assert "usr/share/espmedsam/models/manifest.toml" in image.models()
    assert container()["args"][-1] == "/usr/share/espmedsam/models"


def test_probes_ask_what_the_document_has():
    paths = json.loads((ROOT / "docs/openapi.json").read_text())["paths"]
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert container()[probe]["httpGet"]["path"] in paths


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """The program, begun as the container begins it, but for where things lie."""
    places = {"/etc/espmedsam/config.toml": FOLDER / "base/config.toml", "/usr/share/espmedsam/models": ROOT / "models"}
    words = [places.get(word, word) for word in container()["args"]]
    log = tmp_path_factory.mktemp("kubernetes") / "log"
    with log.open("w") as stderr:
        server = subprocess.Popen([PROGRAM, *words, "--listen", "127.0.0.1:0"], stderr=stderr)
        try:
            while not (found := re.search(r"http://[\d.]+:\d+(?= )", log.read_text())):
                assert server.poll() is None, log.read_text()
                time.sleep(0.05)
            yield found[0]
        finally:
            server.terminate()
            server.wait(20)


def answer(address, path, host=None):
    request = urllib.request.Request(address + path, headers={"Host": host} if host else {})
    try:
        with urllib.request.urlopen(request, timeout=20) as reply:
            return reply.status, reply.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_the_program_takes_the_configuration_and_answers_to_the_services_names(served):
    settings = tomllib.loads((FOLDER / "base/config.toml").read_text())
    port = settings["server"]["listen"].split(":")[1]
    assert [each["containerPort"] for each in container()["ports"]] == [int(port)]
    service = resources()["service.yaml"]["metadata"]["name"]
    namespace = resources()["namespace.yaml"]["metadata"]["name"]
    for host in (service, f"{service}.{namespace}", f"{service}.{namespace}.svc.cluster.local"):
        assert answer(served, "/health/live", host)[0] == 200, host
    # A probe's, which is the pod's address; and a stranger's.
    assert answer(served, "/health/live", f"10.42.0.7:{port}")[0] == 200
    assert answer(served, "/health/live", "elsewhere.example")[0] == 421


def test_the_autoscalers_figure_is_one_of_ours(served):
    [metric] = resources()["autoscaler.yaml"]["spec"]["metrics"]
    name = metric["pods"]["metric"]["name"]
    assert re.search(rf"^{name} \d", answer(served, "/metrics")[1], re.M)
    adapter = yaml.safe_load((FOLDER / "autoscale/prometheus-adapter.yaml").read_text())
    assert [rule["seriesQuery"].split("{")[0] for rule in adapter["rules"]["custom"]] == [name]


if KUSTOMIZE:

    @pytest.mark.parametrize("overlay", OVERLAYS)
    def test_what_kustomize_makes_is_valid(overlay):
        done = subprocess.run([*KUSTOMIZE, FOLDER / overlay], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        made = list(yaml.safe_load_all(done.stdout))
        assert not done.stderr, done.stderr
        for resource in made:
            for version in VERSIONS:
                assert wrong(resource, version) is None, resource["kind"]
        [deployment] = [each for each in made if each["kind"] == "Deployment"]
        [settings] = [each for each in made if each["kind"] == "ConfigMap"]
        spec = deployment["spec"]["template"]["spec"]
        assert spec["volumes"][0]["configMap"]["name"] == settings["metadata"]["name"]
        assert {each["metadata"].get("namespace", "espmedsam") for each in made} == {"espmedsam"}
        kinds = {each["kind"] for each in made}
        assert (
            ("HorizontalPodAutoscaler" in kinds) == ("replicas" not in deployment["spec"]) == (overlay == "autoscale")
        )
        assert ("nodeSelector" in spec) == (overlay != "base")
