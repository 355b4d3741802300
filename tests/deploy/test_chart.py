"""The Helm chart: checked by helm itself, rendered and held against Kubernetes' schemas, and equal
to the plain manifests."""

import json
import re
import subprocess

import jsonschema
import kubernetes_validate
import pytest
import yaml

from api.key_ring import KeyRing
from api.settings import Settings, load_settings
from deploy.manifests import (
    CHART,
    KUBERNETES,
    PLAIN,
    ROUTER,
    SCHEMA,
    SET_BY_THE_CHART,
    chart_schema,
    helm,
    plain_manifests,
    rendered,
)
from tests.deploy.manifests import by_name, environment, kustomized

GPU = ("--values", str(CHART / "values-gpu.yaml"))
EVERYTHING = (
    "--set=serviceMonitor.enabled=true,serviceMonitor.labels.release=prometheus",
    "--set=networkPolicy.fetchModels=true,autoscaling.enabled=false,replicas=3",
    "--set=networkPolicy.from[0].ipBlock.cidr=10.0.0.0/8",
    "--set=models.claim=models,settings.model=/models/llama,state.storageClass=fast",
    "--set=image.pullPolicy=Always,image.pullSecrets[0]=registry,nodeSelector.disk=ssd",
    "--set=router.enabled=true,apiKeys.keys={alice:one,two},maxUnavailable=5%",
    "--set=service.type=LoadBalancer,startupSeconds=1201,environmentSecret=own",
)
"""Each branch of the templates that the values as they stand leave out."""


@pytest.fixture(scope="session")
def program():
    if (path := helm()) is None:
        pytest.skip("there is no helm; `make helm` fetches it where npm can")
    return path


@pytest.fixture
def chart(program):
    """Options -> kind and name -> manifest."""

    def render(*options, release="kamado"):
        return by_name("---\n".join(rendered(program, *options, release=release).values()))

    return render


def container(manifests, name="kamado"):
    return manifests["StatefulSet", name]["spec"]["template"]["spec"]["containers"][0]


def test_the_schema_knows_each_setting_that_there_is():
    assert SCHEMA.read_text(encoding="utf-8") == chart_schema(), "run python -m deploy.manifests"
    settings = json.loads(chart_schema())["properties"]["settings"]["properties"]
    assert settings.keys() | SET_BY_THE_CHART == Settings.model_fields.keys()


@pytest.mark.parametrize("name", ["values.yaml", "values-gpu.yaml"])
def test_values_keep_to_the_schema(name):
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    values |= yaml.safe_load((CHART / name).read_text())
    jsonschema.validate(values, json.loads(SCHEMA.read_text()))


def test_plain_manifests_are_the_chart_as_it_stands(program):
    """Text by text. Whoever changes the one runs `python -m deploy.manifests` for the other."""
    files = plain_manifests(program)
    written = {path for path in PLAIN.glob("*.yaml") if path.name != "kustomization.yaml"}
    assert written | {ROUTER} == files.keys()
    for file, text in files.items():
        assert file.read_text(encoding="utf-8") == text, file.name


def test_the_gpu_patch_is_the_charts_gpu_values(chart):
    of_chart, of_patch = chart(*GPU), kustomized("gpu")
    for manifests in (of_chart, of_patch):
        container(manifests)["env"].sort(key=lambda variable: variable["name"])
    assert of_chart == of_patch


@pytest.mark.parametrize("options", [(), GPU, EVERYTHING], ids=["cpu", "gpu", "everything"])
def test_helm_finds_no_fault(program, options):
    result = subprocess.run(
        [program, "lint", "--strict", str(CHART), *options], capture_output=True, text=True
    )
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("options", [(), GPU, EVERYTHING], ids=["cpu", "gpu", "everything"])
def test_what_is_rendered_keeps_to_kubernetes_schema(chart, options):
    manifests = chart(*options)
    manifests.pop(("ServiceMonitor", "kamado"), None)  # not Kubernetes' own: it has no schema here
    assert ("StatefulSet", "kamado") in manifests
    for manifest in manifests.values():
        kubernetes_validate.validate(manifest, KUBERNETES, strict=True)


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("replikas=3", "replikas is not allowed"),
        ("settings.max_modle_len=64", "max_modle_len is not allowed"),
        ("settings.state_dir=/elsewhere", "state_dir is not allowed"),
        ("settings.api_keys=alice:one", "api_keys is not allowed"),
        ("apiKeys.keys={alice:one two}", "Does not match pattern"),
        ("apiKeys.keys={one},apiKeys.secret=two", "keep one"),
        ("settings.max_num_seqs=0", "greater than or equal to 1"),
        ("settings.kv_memory_gb=-1.5", "Does not match pattern"),
        ("settings.quantization=int5", "must be one of"),
        ("autoscaling.maxReplicas=many", "Invalid type"),
        ("resources.limits.memory=6 GB", "Does not match pattern"),
        ("networkPolicy.from[0].podSelektor.a=b", "podSelektor is not allowed"),
    ],
)
def test_wrong_values_are_refused(program, option, message):
    with pytest.raises(subprocess.CalledProcessError) as caught:
        rendered(program, "--set", option)
    assert message in caught.value.stderr


def test_the_service_takes_what_the_chart_sets(chart):
    """Numbers without an exponent, booleans, text: as the service reads them."""
    options = ("max_batch_lines=5000000", "kv_memory_gb=1.5", "digests=false", "device=cuda:1")
    manifests = chart(*(f"--set=settings.{option}" for option in options))
    settings = load_settings({}, environment(container(manifests)))
    assert (settings.max_batch_lines, settings.kv_memory_gb) == (5_000_000, 1.5)
    assert (settings.digests, settings.device) == (False, "cuda:1")


def test_keys_are_in_a_secret_alone(chart, tmp_path):
    """And are such as the service takes."""
    manifests = chart("--set=apiKeys.keys={alice:one,two}")
    secret = manifests.pop(("Secret", "kamado-api-keys"))
    assert "alice" not in json.dumps(list(manifests.values()))
    file = environment(container(manifests))["KAMADO_API_KEYS_FILE"]
    assert_mounted(manifests, file, secret["metadata"]["name"])
    written = tmp_path / "api-keys"
    written.write_text(secret["stringData"][file.rpartition("/")[2]])
    ring = KeyRing(file=written)
    assert (ring.name_of(b"one"), ring.name_of(b"three")) == ("alice", None)
    assert ring.name_of(b"two")


def test_keys_can_be_in_a_secret_that_is_there(chart):
    manifests = chart("--set=apiKeys.secret=own")
    assert not any(kind == "Secret" for kind, _ in manifests)
    file = environment(container(manifests))["KAMADO_API_KEYS_FILE"]
    assert_mounted(manifests, file, "own")


def assert_mounted(manifests, file, secret):
    mounts = {mount["mountPath"]: mount["name"] for mount in container(manifests)["volumeMounts"]}
    volumes = manifests["StatefulSet", "kamado"]["spec"]["template"]["spec"]["volumes"]
    sources = {volume["name"]: volume.get("secret") for volume in volumes}
    assert sources[mounts[file.rpartition("/")[0]]]["secretName"] == secret


def test_a_longer_drain_is_waited_for(chart):
    pod = chart("--set=settings.drain_timeout_s=299.5")["StatefulSet", "kamado"]["spec"]["template"]
    assert pod["spec"]["terminationGracePeriodSeconds"] == 5 + 300 + 25


def test_options_do_what_they_say(chart):
    manifests = chart(*EVERYTHING)
    stateful_set = manifests["StatefulSet", "kamado"]["spec"]
    pod = stateful_set["template"]["spec"]
    assert ("HorizontalPodAutoscaler", "kamado") not in manifests
    assert stateful_set["replicas"] == 3
    assert "annotations" not in stateful_set["template"]["metadata"]  # or all is scraped twice
    assert pod["imagePullSecrets"] == [{"name": "registry"}]
    assert pod["nodeSelector"] == {"disk": "ssd"}
    mount = {"name": "models", "mountPath": "/models", "readOnly": True}
    assert mount in pod["containers"][0]["volumeMounts"]
    claim = {"claimName": "models", "readOnly": True}
    assert {"name": "models", "persistentVolumeClaim": claim} in pod["volumes"]
    assert pod["containers"][0]["envFrom"][0]["secretRef"]["name"] == "own"
    probe = pod["containers"][0]["startupProbe"]
    assert probe["periodSeconds"] * probe["failureThreshold"] >= 1201
    policy = manifests["NetworkPolicy", "kamado"]["spec"]
    assert {"ipBlock": {"cidr": "10.0.0.0/8"}} in policy["ingress"][0]["from"]
    assert {"ports": [{"port": 443, "protocol": "TCP"}]} in policy["egress"]


def test_one_service_is_monitored(chart):
    manifests = chart(*EVERYTHING)
    monitor = manifests["ServiceMonitor", "kamado"]
    assert monitor["metadata"]["labels"]["release"] == "prometheus"
    wanted = monitor["spec"]["selector"]["matchLabels"].items()
    services = [each for (kind, _), each in manifests.items() if kind == "Service"]
    chosen = [each for each in services if wanted <= each["metadata"]["labels"].items()]
    assert [each["metadata"]["name"] for each in chosen] == ["kamado-pods"]
    ports = {port["name"] for port in chosen[0]["spec"]["ports"]}
    assert {end["port"] for end in monitor["spec"]["endpoints"]} <= ports


def test_the_router_knows_each_replica_that_there_may_be(chart):
    """By the names that the StatefulSet and its service give them."""
    options = ("--set=router.enabled=true", "--set=autoscaling.maxReplicas=12")
    manifests = chart(*options, release="other")
    configuration = manifests["ConfigMap", "other-router"]["data"]["haproxy.cfg"]
    servers = re.findall(r"^ +server (\w+) (\S+)", configuration, re.MULTILINE)
    name = manifests["StatefulSet", "other"]["spec"]["serviceName"]
    addresses = [f'other-{i}.{name}."${{NAMESPACE}}".svc.cluster.local:3000' for i in range(12)]
    assert [address for _, address in servers] == [*addresses, addresses[0]]
    fixed = chart(*options, "--set=autoscaling.enabled=false,replicas=3")
    assert "kamado-2." in fixed["ConfigMap", "kamado-router"]["data"]["haproxy.cfg"]
    assert "kamado-3." not in fixed["ConfigMap", "kamado-router"]["data"]["haproxy.cfg"]


def test_two_releases_keep_apart(chart):
    one, other = chart(release="one"), chart(release="other")
    assert {name for _, name in one}.isdisjoint(name for _, name in other)
    selector = one["Service", "one"]["spec"]["selector"]
    template = other["StatefulSet", "other"]["spec"]["template"]
    assert not selector.items() <= template["metadata"]["labels"].items()
