"""What is deployed is valid, fits the service that is there, and asks for no more than it needs.

Checked offline: Kubernetes' own schemas, this service's settings, its metrics, its shutdown.
"""

import json
import re

import kubernetes_validate
import pytest
import yaml
from bentoml.exceptions import InvalidArgument

from api.graceful_exit import FLUSH_TIMEOUT_S
from api.metrics import Metrics
from api.settings import PREFIX, Settings, load_settings
from deploy.manifests import DEPLOY, KUBERNETES, PLAIN, ROUTER
from runners.engine.stats import EngineStats
from tests.deploy.manifests import documents, environment, kustomized


def plain_manifests():
    for path in (*sorted(PLAIN.glob("*.yaml")), ROUTER):
        if path.name != "kustomization.yaml":
            for document in documents(path.read_text()):
                yield pytest.param(
                    document, id=f"{document['kind']}-{document['metadata']['name']}"
                )


@pytest.fixture(params=["base", "gpu", "router"])
def built(request):
    return kustomized(request.param)


@pytest.fixture
def stateful_set():
    return yaml.safe_load((PLAIN / "statefulset.yaml").read_text())


@pytest.fixture
def pod(stateful_set):
    return stateful_set["spec"]["template"]["spec"]


@pytest.fixture
def compose():
    return yaml.safe_load((DEPLOY / "compose" / "compose.yaml").read_text())


@pytest.fixture(scope="session")
def metrics():
    """The names of all samples that the service has."""
    stats = EngineStats(*range(len(EngineStats.__dataclass_fields__)))
    source = Metrics(lambda: stats)
    source.count_request("/v1/models", 200)
    return set(re.findall(r"^(kamado_\w+)", source.render(), re.MULTILINE))


@pytest.mark.parametrize("manifest", list(plain_manifests()))
def test_each_manifest_keeps_to_kubernetes_schema(manifest):
    kubernetes_validate.validate(manifest, KUBERNETES, strict=True)


def test_what_is_built_keeps_to_kubernetes_schema(built):
    for manifest in built.values():
        kubernetes_validate.validate(manifest, KUBERNETES, strict=True)


def test_a_wrong_manifest_is_told():
    """The checker is one that finds something."""
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(
            {"apiVersion": "v1", "kind": "Service", "spec": {"prots": []}}, KUBERNETES, strict=True
        )


def test_what_is_built_selects_its_own_pods(built):
    pods = built["StatefulSet", "kamado"]["spec"]["template"]["metadata"]["labels"]
    own = dict(pods) | {"statefulset.kubernetes.io/pod-name": "kamado-0"}
    for name in ("kamado", "kamado-state", "kamado-pods"):
        selector = built["Service", name]["spec"]["selector"]
        assert selector.items() <= own.items()
    for kind, field in (("PodDisruptionBudget", "selector"), ("NetworkPolicy", "podSelector")):
        assert built[kind, "kamado"]["spec"][field]["matchLabels"].items() <= pods.items()
    target = built["HorizontalPodAutoscaler", "kamado"]["spec"]["scaleTargetRef"]
    assert (target["kind"], target["name"]) in built


def test_the_gpu_variant_asks_for_one(built, request):
    container = built["StatefulSet", "kamado"]["spec"]["template"]["spec"]["containers"][0]
    gpus = container["resources"]["limits"].get("nvidia.com/gpu")
    device = environment(container)
    expected = ("1", "cuda") if request.node.callspec.params["built"] == "gpu" else (None, None)
    assert (gpus, device.get("KAMADO_DEVICE")) == expected


def test_a_pod_has_no_more_than_it_needs(pod):
    container = pod["containers"][0]
    assert pod["securityContext"]["runAsNonRoot"]
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert not pod["automountServiceAccountToken"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def test_an_answer_has_time_to_end(pod, compose):
    container = pod["containers"][0]
    variables = environment(container)
    before_s = int(container["lifecycle"]["preStop"]["exec"]["command"][1])
    needed_s = before_s + float(variables["KAMADO_DRAIN_TIMEOUT_S"]) + FLUSH_TIMEOUT_S
    assert pod["terminationGracePeriodSeconds"] > needed_s
    service = compose["services"]["kamado"]
    needed_s = float(service["environment"]["KAMADO_DRAIN_TIMEOUT_S"]) + FLUSH_TIMEOUT_S
    assert int(service["stop_grace_period"].removesuffix("s")) > needed_s


def test_settings_are_those_that_exist(pod, compose):
    named = environment(pod["containers"][0]).keys()
    named |= compose["services"]["kamado"]["environment"].keys()
    named |= set(re.findall(r"KAMADO_\w+", (DEPLOY / "kubernetes/gpu/gpu.yaml").read_text()))
    settings = {name.removeprefix(PREFIX).lower() for name in named if name.startswith(PREFIX)}
    assert settings
    assert settings <= Settings.model_fields.keys()


def test_kubernetes_adds_no_setting(pod):
    """For a service named kamado it would put KAMADO_PORT and others into each pod of the
    namespace, and the service starts with no setting that it does not know."""
    assert pod["enableServiceLinks"] is False
    with pytest.raises(InvalidArgument):
        load_settings({}, {"KAMADO_PORT": "tcp://10.0.0.1:80"})


def test_what_is_written_to_is_mounted(stateful_set, pod, compose):
    mounts = {mount["mountPath"]: mount["name"] for mount in pod["containers"][0]["volumeMounts"]}
    claims = {claim["metadata"]["name"] for claim in stateful_set["spec"]["volumeClaimTemplates"]}
    assert mounts["/state"] in claims
    assert mounts["/tmp"] in {volume["name"] for volume in pod["volumes"]}
    service = compose["services"]["kamado"]
    assert service["read_only"]
    assert service["tmpfs"] == ["/tmp"]
    assert "state:/state" in service["volumes"]


def test_compose_mounts_what_is_there(compose):
    for service in compose["services"].values():
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            if source.startswith("."):
                assert (DEPLOY / "compose" / source).exists()
            else:
                assert source in compose["volumes"]
        for other in service.get("depends_on", ()):
            assert other in compose["services"]
    scraped = yaml.safe_load((DEPLOY / "compose" / "prometheus.yaml").read_text())
    target = scraped["scrape_configs"][0]["static_configs"][0]["targets"][0]
    assert target.split(":")[0] in compose["services"]


def test_the_dashboard_shows_metrics_that_exist(metrics):
    board = json.loads((DEPLOY / "compose/grafana/dashboards/kamado.json").read_text())
    expressions = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    shown = {name for text in expressions for name in re.findall(r"kamado_\w+", text)}
    assert shown
    assert shown <= metrics
    sources = (DEPLOY / "compose/grafana/provisioning/datasources/prometheus.yaml").read_text()
    uids = {source["uid"] for source in yaml.safe_load(sources)["datasources"]}
    assert {panel["datasource"]["uid"] for panel in board["panels"]} <= uids


def test_the_autoscaler_has_a_metric_that_exists(metrics):
    scaler = yaml.safe_load((PLAIN / "autoscaler.yaml").read_text())
    name = scaler["spec"]["metrics"][0]["pods"]["metric"]["name"]
    rule = yaml.safe_load((DEPLOY / "kubernetes/prometheus-adapter.yaml").read_text())["rules"][0]
    assert name == rule["name"]["as"]
    assert rule["name"]["matches"] in metrics
