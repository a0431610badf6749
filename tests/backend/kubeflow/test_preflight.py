"""What is known to fail before a run is submitted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from labline_backend.errors import InputError
from labline_backend.kubeflow.needs import lacking
from labline_backend.kubeflow.preflight import Checked, check
from labline_backend.kubeflow.targets import Target
from labline_compiler.pipeline import Pipeline, Step, StepOptions
from labline_runtime.specification import CellSource
from tests.backend.kubeflow.cluster import Cluster
from tests.backend.kubeflow.conftest import Client
from tests.backend.kubeflow.emulator import Emulator
from tests.backend.notebooks import code
from tests.backend.s3 import S3


def codes(checked: Checked) -> list[str]:
    assert all(found.fix for found in checked.findings)
    return [found.code for found in checked.findings]


def test_a_target_that_is_well_has_no_findings(emulator: Emulator) -> None:
    checked = check(Target("prod", emulator.url))
    assert (codes(checked), checked.health.release) == ([], "2.15.0")
    assert not any(call.startswith("POST") for call in emulator.called)


def test_a_target_that_is_not_there(emulator: Emulator) -> None:
    emulator.stop()
    assert codes(check(Target("prod", emulator.url))) == ["LL602"]


@pytest.mark.parametrize("to_login", [True, False])
def test_a_target_that_lets_nobody_in(emulator: Emulator, to_login: bool) -> None:
    emulator.credentials, emulator.login_page = ("Cookie", "session=1"), to_login
    assert codes(check(Target("prod", emulator.url))) == ["LL603"]


def test_another_service_at_the_address(emulator: Emulator) -> None:
    assert codes(check(Target("prod", f"{emulator.url}/elsewhere"))) == ["LL604"]


def test_a_missing_secret(emulator: Emulator) -> None:
    assert codes(check(Target("prod", emulator.url, auth="token", secret="env:NOT_SET"))) == ["LL607"]


@pytest.mark.parametrize(("namespace", "expected"), [("team", []), (None, ["LL605"]), ("other", ["LL605"])])
def test_a_namespace_of_a_cluster_with_many_users(
    emulator: Emulator, namespace: str | None, expected: list[str]
) -> None:
    emulator.namespaces = {"team"}
    assert codes(check(Target("prod", emulator.url, namespace))) == expected


def test_a_cluster_for_one_user_is_told_no_namespace(emulator: Emulator) -> None:
    assert codes(check(Target("prod", emulator.url, "kubeflow"))) == []


def test_a_pipeline_root_that_cannot_be_read(emulator: Emulator, s3: S3) -> None:
    good = check(Target("prod", emulator.url, root=f"s3://{s3.bucket}/kfp"))
    bad = check(Target("prod", emulator.url, root="minio://labline-nowhere/kfp"))
    assert (codes(good), codes(bad)) == ([], ["LL611"])


def test_kubernetes_is_asked_for_each_right_in_the_namespace(
    emulator: Emulator, cluster: Cluster, tmp_path: Path
) -> None:
    target = Target("prod", emulator.url, "team", kubeconfig=cluster.kubeconfig(tmp_path))
    assert codes(check(target)) == []
    assert {(asked["group"], asked["namespace"]) for asked in cluster.asked} == {
        ("pipelines.kubeflow.org", "team"),
        ("", "team"),
    }


def test_a_user_who_may_not_see_pods_is_warned(emulator: Emulator, cluster: Cluster, tmp_path: Path) -> None:
    cluster.denied = {("get", "pods/log")}
    (found,) = check(Target("prod", emulator.url, kubeconfig=cluster.kubeconfig(tmp_path))).findings
    assert (found.severity, found.code, "get pods/log" in found.message) == ("warning", "LL611", True)


def test_what_the_pre_flight_warns_of_is_said_of_the_run(client: Client, cluster: Cluster, tmp_path: Path) -> None:
    client.add(cluster.emulator, kubeconfig=cluster.kubeconfig(tmp_path))
    cluster.denied = {("get", "pods/log"), ("retry", "runs")}
    found = client.submit(code("x = 1", "step:a")).findings
    assert {"LL611", "LL616"} <= {each.code for each in found if each.severity == "warning"}


def test_the_version_of_kubernetes_is_known_where_a_kubeconfig_leads_there(
    emulator: Emulator, cluster: Cluster, tmp_path: Path
) -> None:
    assert check(Target("prod", emulator.url, kubeconfig=cluster.kubeconfig(tmp_path))).kubernetes == "v1.34.1"
    assert check(Target("prod", emulator.url)).kubernetes is None


def test_missing_rights_are_named(emulator: Emulator, cluster: Cluster, tmp_path: Path) -> None:
    cluster.denied = {("create", "runs"), ("terminate", "runs")}
    (found,) = check(Target("prod", emulator.url, kubeconfig=cluster.kubeconfig(tmp_path))).findings
    assert (found.code, "create runs, terminate runs" in found.message) == ("LL606", True)


def test_rights_on_what_comes_after_a_run_are_asked_for_and_a_warning(
    emulator: Emulator, cluster: Cluster, tmp_path: Path
) -> None:
    cluster.denied = {("retry", "runs"), ("create", "jobs"), ("delete", "jobs")}
    (found,) = check(Target("prod", emulator.url, kubeconfig=cluster.kubeconfig(tmp_path))).findings
    assert (found.code, found.severity) == ("LL616", "warning")
    assert "may not retry runs, create jobs, delete jobs (pipelines.kubeflow.org)" in found.message
    asked = {(each["verb"], each["resource"]) for each in cluster.asked}
    assert asked >= {("retry", "runs"), *((verb, "jobs") for verb in ("list", "create", "enable", "disable", "delete"))}


def test_a_recurring_run_is_refused_where_none_may_be_made(
    emulator: Emulator, cluster: Cluster, tmp_path: Path
) -> None:
    cluster.denied = {("create", "jobs"), ("retry", "runs")}
    target = Target("prod", emulator.url, kubeconfig=cluster.kubeconfig(tmp_path))
    error, warning = check(target, recurring=True).findings
    assert (error.code, error.severity, "may not create jobs (" in error.message) == ("LL606", "error", True)
    assert (warning.code, "may not retry runs (" in warning.message) == ("LL616", True)


def test_a_cluster_that_cannot_be_asked_is_said(emulator: Emulator, cluster: Cluster, tmp_path: Path) -> None:
    config = cluster.kubeconfig(tmp_path)
    assert codes(check(Target("prod", emulator.url, kubeconfig=config, context="nowhere"))) == ["LL606"]
    Path(config).write_text(Path(config).read_text().replace("token: abc", "token: wrong"))
    (found,) = check(Target("prod", emulator.url, kubeconfig=config)).findings
    assert "answers 401" in found.message


NEEDY = StepOptions(
    secrets=(("store", "password", "PASSWORD"),), volumes=(("data", "/data"),), limits={"memory": "3Gi", "cpu": "2"}
)


def lacks(cluster: Cluster, folder: Path, severity: str = "error") -> list[str]:
    step = Step("fit", (CellSource(0, "c", "1"),), options=NEEDY)
    found = lacking(
        Target("prod", "http://x", kubeconfig=cluster.kubeconfig(folder)), Pipeline("p", "p.ipynb", (step,))
    )
    assert all((each.code, each.severity, each.step) == ("LL609", severity, "fit") for each in found)
    return [each.message for each in found]


def test_what_steps_name_and_the_cluster_lacks_is_told(cluster: Cluster, tmp_path: Path) -> None:
    cluster.quotas = {"small": {"limits.memory": "2Gi", "requests.cpu": "4"}}
    secret, volume, room = lacks(cluster, tmp_path)
    assert "no secret store in the namespace kubeflow" in secret
    assert "no volume claim data" in volume
    assert "asks for 3Gi of memory, and the quota small" in room


def test_all_that_steps_may_name_is_asked_for(cluster: Cluster, tmp_path: Path) -> None:
    options = StepOptions(
        secret_files=(("keys", "/keys"),),
        config_maps=(("level", "key", "LEVEL"),),
        config_map_files=(("settings", "/settings"),),
        pull_secrets=("registry",),
        service_account="birds",
        requests={"memory": "3Gi"},
    )
    cluster.quotas = {"small": {"requests.memory": "2Gi", "limits.memory": "1Gi"}}
    pipeline = Pipeline("p", "p.ipynb", (Step("fit", (CellSource(0, "c", "1"),), options=options),))
    target = Target("prod", "http://x", kubeconfig=cluster.kubeconfig(tmp_path))
    said = [found.message.partition(" in the namespace")[0] for found in lacking(target, pipeline)]
    assert said == [
        "There is no secret keys",
        "There is no secret registry",
        "There is no config map level",
        "There is no config map settings",
        "There is no service account birds",
        "Step fit asks for 3Gi of memory, and the quota small of the namespace kubeflow gives 2Gi to all its pods "
        "together.",
    ]


def test_a_key_that_nobody_has_set_in_a_config_map_is_told(cluster: Cluster, tmp_path: Path) -> None:
    cluster.things, cluster.keys = {"configmaps/settings"}, {"configmaps/settings": {"level"}}
    options = StepOptions(config_maps=(("settings", "levle", "LEVEL"),))
    pipeline = Pipeline("p", "p.ipynb", (Step("fit", (CellSource(0, "c", "1"),), options=options),))
    (found,) = lacking(Target("prod", "http://x", kubeconfig=cluster.kubeconfig(tmp_path)), pipeline)
    assert (found.severity, "the key levle of the config map settings" in found.message) == ("warning", True)


def test_what_is_there_is_not_told(cluster: Cluster, tmp_path: Path) -> None:
    cluster.things = {"secrets/store", "persistentvolumeclaims/data"}
    cluster.quotas = {"large": {"memory": "64Gi"}}
    assert lacks(cluster, tmp_path) == []


def test_a_key_that_nobody_has_set_in_a_secret_is_told(cluster: Cluster, tmp_path: Path) -> None:
    cluster.things = {"secrets/store", "persistentvolumeclaims/data"}
    cluster.keys = {"secrets/store": {"passwort", "user"}}
    (said,) = lacks(cluster, tmp_path, "warning")
    assert "for the key password of the secret store in the namespace kubeflow, which has passwort, user" in said


def test_a_key_that_is_set_is_not_told(cluster: Cluster, tmp_path: Path) -> None:
    cluster.things = {"secrets/store", "persistentvolumeclaims/data"}
    cluster.keys = {"secrets/store": {"password"}}
    assert lacks(cluster, tmp_path) == []


def test_what_this_user_may_not_see_is_not_told(cluster: Cluster, tmp_path: Path) -> None:
    cluster.hidden = True
    assert lacks(cluster, tmp_path) == []


def test_nothing_is_submitted_that_would_wait_in_vain(client: Client, cluster: Cluster, tmp_path: Path) -> None:
    client.add(cluster.emulator, kubeconfig=cluster.kubeconfig(tmp_path))
    with pytest.raises(InputError, match="no secret store"):
        client.submit(code("x = 1", "step:one", "secret:store:password:PASSWORD"))
    assert client.service.runs() == []


@pytest.mark.parametrize("kind", ["limits", "requests"])
def test_an_amount_that_nobody_can_read_is_told_where_there_is_a_quota(
    cluster: Cluster, tmp_path: Path, kind: str
) -> None:
    cluster.quotas = {"small": {f"{kind}.memory": "2Gi", "requests.cpu": "4"}}
    step = Step("fit", (CellSource(0, "c", "1"),), options=StepOptions(**{kind: {"memory": "plenty"}}))
    target = Target("prod", "http://x", kubeconfig=cluster.kubeconfig(tmp_path))
    (found,) = lacking(target, Pipeline("p", "p.ipynb", (step,)))
    assert (found.code, found.severity, found.step) == ("LL609", "error", "fit")
    assert "asks for plenty of memory, which is no amount" in found.message


def test_a_quota_that_nobody_can_read_is_none(cluster: Cluster, tmp_path: Path) -> None:
    cluster.quotas, cluster.things = (
        {"odd": {"limits.memory": "some"}},
        {"secrets/store", "persistentvolumeclaims/data"},
    )
    assert lacks(cluster, tmp_path) == []


UNSTORABLE = "import threading\nholder = {'deep': [threading.Lock()]}"


def said(client: Client, severity: str, *cells: dict[str, Any], **more: Any) -> list[str]:
    """What is said of the packages of images when *cells* are submitted."""
    client.submit(*cells, **more)
    (run,) = client.service.runs()
    found = client.service.detail(run["id"])["findings"]
    return [each["message"] for each in found if (each["code"], each["severity"]) == ("LL614", severity)]


def test_what_the_step_image_has_is_not_told(client: Client) -> None:
    assert said(client, "error", code("import json, cloudpickle", "step:one")) == []


def test_a_package_that_the_step_image_lacks_keeps_a_run_from_being_submitted(client: Client) -> None:
    with pytest.raises(InputError, match=r"labline-step:.* lacks what the notebook imports: hypothesis") as caught:
        client.submit(code("import hypothesis", "step:one"))
    assert "labline image build notebook.ipynb" in caught.value.findings[0].fix
    assert client.service.runs() == []


def test_a_package_that_the_notebook_can_do_without_is_a_warning(client: Client) -> None:
    source = "try:\n    import hypothesis\nexcept ImportError:\n    pass"
    (message, *_) = said(client, "warning", code(source, "step:one"))
    assert "hypothesis" in message and "(the image has none)" in message


def test_what_is_in_another_image_is_not_known_and_said(client: Client) -> None:
    (message,) = said(client, "info", code("import hypothesis", "step:one", "image:localhost:1/own:1"))
    assert "not known here what is in the image localhost:1/own:1" in message


def test_what_is_installed_into_a_volume_is_not_told(client: Client, emulator: Emulator, tmp_path: Path) -> None:
    target = client.add(emulator, packages="shared")
    step = Step("one", (CellSource(0, "c", "import hypothesis"),))
    pipeline = Pipeline("p", "p.ipynb", (step,))
    made = client.service.targets.prepare(target, pipeline, {}, cache=True, folder=tmp_path)
    assert [found for found in made.findings if found.code == "LL614"] == []
    assert "hypothesis==" in made.files["pipeline.yaml"]


def test_a_volume_for_packages_that_is_not_there_is_told(cluster: Cluster, tmp_path: Path) -> None:
    target = Target("prod", "http://x", kubeconfig=cluster.kubeconfig(tmp_path), packages="shared")
    (found,) = lacking(target, Pipeline("p", "p.ipynb", (Step("fit", (CellSource(0, "c", "1"),)),)))
    assert "There is no volume claim shared" in found.message


def test_each_image_is_asked_for_what_its_own_steps_import(client: Client) -> None:
    cells = (code("x = 1", "step:one"), code("import hypothesis", "step:two", "image:localhost:1/own:1"))
    assert said(client, "error", *cells) == []


def test_a_value_that_could_not_be_stored_here_keeps_a_run_from_being_submitted(client: Client) -> None:
    cells = (code(UNSTORABLE, "step:one"), code("print(holder)", "step:two"))
    assert client.end(client.submit(*cells, target="local"))["state"] == "failed"
    with pytest.raises(InputError, match="as it did in the newest run here: holder cannot be handed"):
        client.submit(*cells)


def test_a_value_that_is_made_otherwise_since_is_not_told(client: Client) -> None:
    use = code("print(holder)", "step:two")
    client.end(client.submit(code(UNSTORABLE, "step:one"), use, target="local"))
    client.submit(code("holder = 'none'", "step:one"), use)
    assert [run["target"] for run in client.service.runs()] == ["prod", "local"]


def test_a_missing_key_keeps_no_run_from_being_submitted_and_is_said_of_it(
    client: Client, cluster: Cluster, tmp_path: Path
) -> None:
    client.add(cluster.emulator, kubeconfig=cluster.kubeconfig(tmp_path))
    cluster.things, cluster.keys = {"secrets/store"}, {"secrets/store": {"user"}}
    target = client.service.targets.get("prod")
    step = Step("one", (CellSource(0, "c", "1"),), options=StepOptions(secrets=(("store", "password", "PASSWORD"),)))
    pipeline = Pipeline("p", "p.ipynb", (step,))
    made = client.service.targets.prepare(target, pipeline, {}, cache=True, folder=tmp_path)
    assert ("LL609", "warning") in [(found.code, found.severity) for found in made.findings]
