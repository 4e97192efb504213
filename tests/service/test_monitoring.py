"""Alert rules and the dashboard in deploy/: of metrics that exist, and tried by promtool."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from prometheus_client import CollectorRegistry, generate_latest

from service.health import ServiceState
from service.metrics import Metrics

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
PROMTOOL = shutil.which("promtool")
SUFFIXES = re.compile(r"_(bucket|count|sum)$")


@pytest.fixture(scope="module")
def known() -> set[str]:
    """The names of all metrics, counters with their ending."""
    registry = CollectorRegistry()
    metrics = Metrics(registry)
    metrics.watch_process(ServiceState())
    metrics.watch_requests(lambda: 0, lambda: 0)
    metrics.watch_connections(lambda: 0)
    metrics.watch_lateness(lambda: 0)
    text = generate_latest(registry).decode()
    found = re.findall(r"^# TYPE (poselift_\w+)", text, re.MULTILINE)
    return {name for name in found if not name.endswith("_created")}


def alerts() -> dict[str, str]:
    (group,) = yaml.safe_load((DEPLOY / "alerts.yml").read_text())["groups"]
    return {rule["alert"]: rule["expr"] for rule in group["rules"]}


def metrics_in(text: str) -> set[str]:
    found = re.findall(r"\bposelift_\w+", text)
    return {SUFFIXES.sub("", name) for name in found}


def test_alerts_and_panels_are_of_metrics_that_exist(known: set[str]) -> None:
    dashboard = json.loads((DEPLOY / "grafana-dashboard.json").read_text())
    panels = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    for expression in [*alerts().values(), *panels]:
        assert metrics_in(expression) <= known, expression


def test_the_page_of_operations_has_every_metric_and_every_alert(known: set[str]) -> None:
    page = (ROOT / "docs" / "operations.md").read_text()
    rows = " ".join(re.findall(r"^\| (.*?) \|", page, re.MULTILINE))
    assert known <= set(re.findall(r"`(poselift_\w+)`", rows))
    assert set(alerts()) == set(re.findall(r"`(Poselift\w+)`", rows))


@pytest.mark.skipif(PROMTOOL is None, reason="there is no promtool on the PATH")
def test_alerts_fire_when_they_should() -> None:
    assert PROMTOOL is not None
    for arguments in (("check", "rules", "alerts.yml"), ("test", "rules", "alerts_test.yml")):
        command = [PROMTOOL, *arguments]
        done = subprocess.run(command, cwd=DEPLOY, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
