"""Kubernetes' objects, read from text and built by kubectl."""

import shutil
import subprocess

import pytest
import yaml

from deploy.manifests import DEPLOY


def documents(text):
    return [document for document in yaml.safe_load_all(text) if document]


def by_name(text):
    """Kind and name -> manifest."""
    return {(d["kind"], d["metadata"]["name"]): d for d in documents(text)}


def environment(container):
    return {variable["name"]: variable["value"] for variable in container["env"]}


def kustomized(name):
    """What `kubectl apply -k deploy/kubernetes/NAME` would send, by kind and name."""
    if shutil.which("kubectl") is None:
        pytest.skip("kubectl is not installed; it builds what `kubectl apply -k` applies")
    folder = DEPLOY / "kubernetes" / name
    result = subprocess.run(
        ["kubectl", "kustomize", str(folder)], capture_output=True, text=True, check=True
    )
    return by_name(result.stdout)
