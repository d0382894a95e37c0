"""What lies under deploy/ is read by the programs that it is for, and speaks of things that exist."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from calls import settings as calls_settings
from media import settings as media_settings
from server.settings import PREFIX, load
from server.together import OTHERS

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
PROMTOOL = ROOT / ".tools" / "promtool"


def run(*command: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a program to its end."""
    return subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={"PATH": "/usr/bin:/bin", **environment},
    )


def compose() -> dict[str, dict]:
    """The compose file, read."""
    return dict(yaml.safe_load((DEPLOY / "compose.yaml").read_text()))


SECRETS = {
    "TIDEWIRE_PEPPER": "p" * 32,
    "TIDEWIRE_CLUSTER_TOKEN": "c" * 32,
    "REDIS_PASSWORD": "r",
    "GRAFANA_PASSWORD": "g",
    "S3_USER": "s",
    "S3_PASSWORD": "s",
    "TURN_SECRET": "t",
    "TIDEWIRE_PUBLIC_ADDRESS": "192.0.2.7",
}


@pytest.mark.process
def test_the_compose_file_is_taken_and_refused_without_secrets() -> None:
    command = ("docker-compose", "-f", DEPLOY / "compose.yaml", "config", "-q")
    taken = run(*command, **SECRETS)
    assert taken.returncode == 0, taken.stderr
    refused = run(*command)
    assert refused.returncode != 0 and "set it in .env" in refused.stderr


@pytest.mark.process
def test_the_settings_of_the_nodes_are_settings_that_go_together(tmp_path: Path) -> None:
    services = compose()["services"]
    for name in ("node-1", "node-2", "migrate"):
        given = {
            key: re.sub(r"\$\{(\w+).*\}", lambda m: SECRETS[m[1]], value) for key, value in services[name]["environment"].items()
        }
        assert all(key.startswith(PREFIX) for key in given)
        settings = load(None, given, {})
        assert settings.store == "cql" and (name == "migrate" or settings.node_id == name)


@pytest.mark.process
def test_the_settings_of_the_media_worker_are_settings_that_go_together_and_fit_the_nodes(tmp_path: Path) -> None:
    services = compose()["services"]
    given = {
        key: re.sub(r"\$\{(\w+).*?\}", lambda m: SECRETS.get(m[1], "x"), value)
        for key, value in services["media"]["environment"].items()
    }
    assert all(key.startswith(media_settings.PREFIX) for key in given)
    settings = media_settings.load(None, given, {})
    assert settings.store == "s3" and settings.mutual_tls and settings.node_token_file == "/secrets/node_token"
    node = services["node-1"]["environment"]
    assert node["TIDEWIRE_BLOB_SERVICE"].endswith(settings.internal_listen.rpartition(":")[2])
    assert f"{node['TIDEWIRE_PUBLIC_MEDIA'].strip(':')}:{settings.grpc_listen.rpartition(':')[2]}" in services["media"]["ports"]
    assert "media" in services["certificates"]["entrypoint"]
    scopes = re.findall(r"--scope (\w+)", services["media-token"]["entrypoint"][2])
    assert scopes == list(OTHERS["media"].scopes)


@pytest.mark.process
def test_the_settings_of_calls_are_settings_that_go_together_and_fit_the_nodes_and_the_relay() -> None:
    services = compose()["services"]
    given = {
        key: re.sub(r"\$\{(\w+).*?\}", lambda m: SECRETS.get(m[1], "x"), value)
        for key, value in services["calls"]["environment"].items()
    }
    settings = calls_settings.load(None, given, {})
    assert settings.turn_secrets == SECRETS["TURN_SECRET"] and settings.node_token_file == "/secrets/node_token"
    assert "$$TURN_SECRET" in services["turn"]["entrypoint"][2]
    node = services["node-1"]["environment"]
    assert f"{node['TIDEWIRE_PUBLIC_CALLS'].strip(':')}:{settings.grpc_listen.rpartition(':')[2]}" in services["calls"]["ports"]
    assert f"{settings.media_listen.rpartition(':')[2]}:7432/udp" in services["calls"]["ports"]
    assert "calls" in services["certificates"]["entrypoint"]
    scopes = re.findall(r"--scope (\w+)", services["calls-token"]["entrypoint"][2])
    assert scopes == list(OTHERS["calls"].scopes)


def test_a_node_starts_only_when_what_it_needs_is_ready() -> None:
    services, image = compose()["services"], (DEPLOY / "Containerfile").read_text()
    for name in ("node-1", "node-2", "media", "calls"):
        for needed, how in services[name]["depends_on"].items():
            if how["condition"] == "service_healthy":
                built = services[needed].get("build", {}).get("target", "")
                assert (
                    "healthcheck" in services[needed]
                    or f" AS {built}\n" in image
                    and "HEALTHCHECK" in image.split(f" AS {built}\n")[1]
                )
            else:
                assert how["condition"] == "service_completed_successfully" and services[needed]["restart"] == "no"
    assert "/readyz" in (DEPLOY / "Containerfile").read_text() and "USER tidewire" in (DEPLOY / "Containerfile").read_text()


@pytest.mark.process
def test_certificates_are_a_nodes_and_are_kept(tmp_path: Path) -> None:
    said = [run(DEPLOY / "certificates.sh", tmp_path, *names).stdout for names in (["node-1"], ["node-1", "node-2"])]
    assert said[0] == said[1] and said[0].startswith("pin: "), "the authority is the same"
    for name in ("node-1", "node-2"):
        checked = run("openssl", "verify", "-CAfile", tmp_path / "ca.pem", "-verify_hostname", name, tmp_path / f"{name}.pem")
        assert checked.returncode == 0, checked.stderr
        assert (tmp_path / f"{name}.key").stat().st_mode & 0o077 == 0


@pytest.mark.process
def test_prometheus_takes_its_files() -> None:
    for what, file in (("config", "prometheus.yaml"), ("rules", "alerts.yaml")):
        checked = run(PROMTOOL, "check", what, DEPLOY / "prometheus" / file)
        assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.process
@pytest.mark.parametrize(
    "unit", ["tidewire-node@.service", "tidewire-migrate.service", "tidewire-media.service", "tidewire-calls.service"]
)
def test_systemd_takes_its_units(unit: str, tmp_path: Path) -> None:
    text = (DEPLOY / "systemd" / unit).read_text()
    assert "/opt/tidewire/bin/python" in text
    here = tmp_path / unit.replace("@.", "@one.")
    here.write_text(text.replace("/opt/tidewire/bin/python", sys.executable))
    (tmp_path / "tidewire-migrate.service").write_text(
        (DEPLOY / "systemd/tidewire-migrate.service").read_text().replace("/opt/tidewire/bin/python", sys.executable)
    )
    checked = run("systemd-analyze", "verify", "--man=no", "--recursive-errors=no", here)
    assert checked.returncode == 0 and "Unknown" not in checked.stderr, checked.stderr


def test_no_secret_is_in_the_files() -> None:
    example = (DEPLOY / ".env.example").read_text()
    for line in example.splitlines():
        name, _, value = line.partition("=")
        assert not re.search("PASSWORD|SECRET|PEPPER|TOKEN", name) or line.startswith("#") or value == "", line
    for service in compose()["services"].values():
        for name, value in service.get("environment", {}).items():
            if re.search("PASSWORD|SECRET|PEPPER|TOKEN|AUTH", name) and not name.endswith("_FILE"):
                assert str(value).startswith("${"), name


def test_each_alarm_has_its_place_on_the_operators_page() -> None:
    page = (ROOT / "docs" / "operating.md").read_text()
    rules = yaml.safe_load((DEPLOY / "prometheus" / "alerts.yaml").read_text())["groups"][0]["rules"]
    assert len(rules) >= 8 and [rule["alert"] for rule in rules if f"`{rule['alert']}`" not in page] == []


def expressions() -> list[str]:
    """What the dashboard and the alarms ask Prometheus."""
    panels = json.loads((DEPLOY / "grafana" / "dashboards" / "tidewire.json").read_text())["panels"]
    rules = yaml.safe_load((DEPLOY / "prometheus" / "alerts.yaml").read_text())["groups"][0]["rules"]
    return [target["expr"] for panel in panels for target in panel["targets"]] + [rule["expr"] for rule in rules]


def asked_for() -> set[str]:
    """The metrics in them."""
    found = {name for expression in expressions() for name in re.findall(r"\b(?:tidewire|process)_[a-z_]+", expression)}
    return found - {"tidewire"}


def test_the_tools_are_those_that_make_test_installs() -> None:
    assert shutil.which("docker-compose") and shutil.which("systemd-analyze") and PROMTOOL.exists(), "run make .tools/deploy"
