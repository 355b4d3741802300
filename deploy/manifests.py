"""`python -m deploy.manifests`: what is made from the Helm chart, and what the chart has from here.

The chart is the one source. Its schema knows the settings that the service has, and the plain
manifests of `deploy/kubernetes` are the chart as it stands, for those who use kubectl alone.
"""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from api.settings import Settings

DEPLOY = Path(__file__).parent
CHART = DEPLOY / "helm" / "kamado"
SCHEMA = CHART / "values.schema.json"
PLAIN = DEPLOY / "kubernetes" / "base"
ROUTER = DEPLOY / "kubernetes" / "router" / "router.yaml"
KUBERNETES = "1.31"
"""The version whose schemas the manifests are checked against."""
SET_BY_THE_CHART = {"state_dir", "api_keys", "api_keys_file"}
"""Settings that say where a volume is mounted, or belong into a Secret."""
NUMBER = r"^[0-9]+(\.[0-9]+)?$"
HEADER = "# Written by `python -m deploy.manifests` from deploy/helm/kamado; change that.\n"


def helm() -> str | None:
    """The program, if there is one: that of `make helm`, or the machine's own."""
    return shutil.which("helm", path=str(Path(sys.executable).parent)) or shutil.which("helm")


def rendered(program: str, *options: str, release: str = "kamado") -> dict[str, str]:
    """Name of a template -> what it gives, in YAML, as `helm install` would send it.

    Raises subprocess.CalledProcessError, with helm's reasons on stderr.
    """
    command = [program, "template", release, str(CHART), "--kube-version", f"{KUBERNETES}.0"]
    result = subprocess.run([*command, *options], capture_output=True, text=True, check=True)
    text = re.sub(" +$", "", result.stdout, flags=re.MULTILINE)  # indented empty lines
    files: dict[str, str] = {}
    for document in text.split("---\n# Source: kamado/templates/")[1:]:
        name, _, text = document.partition("\n")
        files[name] = files[name] + "---\n" + text if name in files else text
    return files


def plain_manifests(program: str) -> dict[Path, str]:
    """File -> its content, as it is to be committed."""
    files = {PLAIN / name: text for name, text in rendered(program).items()}
    files[ROUTER] = rendered(program, "--set", "router.enabled=true")[ROUTER.name]
    return {file: HEADER + text for file, text in files.items()}


def schema_of_settings() -> dict[str, Any]:
    """What the chart's `settings` may hold: JSON schema, from the service's own settings."""
    properties = Settings.model_json_schema()["properties"]
    settings = {
        name: {key: value for key, value in field.items() if key not in ("title", "default")}
        for name, field in properties.items()
        if name not in SET_BY_THE_CHART
    }
    for field in settings.values():
        for kind in field.get("anyOf", [field]):
            if kind["type"] == "number":  # `--set` makes a text of 1.5
                kind |= {"type": ["number", "string"], "pattern": NUMBER}
    return settings


def chart_schema() -> str:
    """The chart's schema, its `settings` as they are now."""
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    schema["properties"]["settings"]["properties"] = schema_of_settings()
    return json.dumps(schema, indent=2) + "\n"


def write() -> None:
    SCHEMA.write_text(chart_schema(), encoding="utf-8")
    program = helm()
    if program is None:
        sys.exit("there is no helm to write the plain manifests with; `make helm` fetches it.")
    for file, text in plain_manifests(program).items():
        file.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write()
