"""Targets from the command line, as a user has them."""

from __future__ import annotations

import io
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from labline_backend.cli import main
from labline_compiler.targets.kubeflow import DEFAULT_IMAGE
from tests.backend.cli.conftest import SECONDS, Done, Labline, environment, labline
from tests.backend.engine.bench import wait_until
from tests.backend.kubeflow.cluster import Cluster
from tests.backend.kubeflow.emulator import Emulator
from tests.backend.kubeflow.image_registry import ImageRegistry
from tests.backend.kubeflow.test_targets import Memory, memory
from tests.backend.notebooks import DOUBLE, code, write
from tests.backend.s3 import S3

__all__ = ["environment", "labline", "memory"]


@pytest.fixture
def here(capsys: pytest.CaptureFixture[str]) -> Labline:
    """The command in this process, which is faster."""

    def here(*arguments: str | Path, **more: str) -> Done:
        with pytest.raises(SystemExit) as ended:
            main([str(each) for each in arguments])
        return Done(int(ended.value.code or 0), *capsys.readouterr())

    return here


def test_a_target_is_added_listed_checked_and_removed(
    here: Labline, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    emulator.credentials = ("Authorization", "Bearer token-of-mine")
    added = here("target", "add", "prod", "--host", emulator.url, "--auth", "token", "--secret", "env:TOKEN")
    assert (added.code, added.err) == (0, "")
    assert [each["name"] for each in here("target", "list", "--json").document["targets"]] == ["local", "prod"]
    monkeypatch.setenv("TOKEN", "token-of-mine")
    checked = here("target", "check", "prod")
    assert (checked.code, checked.out.splitlines()) == (
        0,
        ["prod: Kubeflow Pipelines, API v2beta1, 2.15.0, for one user", "prod: nothing to complain of"],
    )
    monkeypatch.setenv("TOKEN", "token-of-others")
    refused = here("target", "check", "prod")
    assert (refused.code, "error LL603" in refused.err, "token-of" in refused.err) == (1, True, False)
    assert here("target", "remove", "prod").code == 0
    gone = here("target", "check", "prod")
    assert (gone.code, gone.err) == (2, "labline: There is no target 'prod'; there are local.\n")


def test_a_target_is_shown_as_it_is_kept(here: Labline, emulator: Emulator) -> None:
    here("target", "add", "prod", "--host", emulator.url, "--auth", "token", "--secret", "env:TOKEN")
    shown = dict(line.split(maxsplit=1) for line in here("target", "show", "prod").out.splitlines()[1:])
    assert (shown["--host"], shown["--secret"], shown["--image"]) == (emulator.url, "env:TOKEN", "-")
    assert (shown["--port-forward"], shown["--kubeconfig"]) == ("no", "-")
    assert here("target", "show", "prod", "--json").document["settings"]["port_forward"] is False
    assert here("target", "show", "other").code == 2


def test_a_run_and_a_recurring_one_go_through_a_port_forward(
    here: Labline, emulator: Emulator, cluster: Cluster, tmp_path: Path
) -> None:
    config = cluster.kubeconfig(tmp_path)
    added = here("target", "add", "prod", "--kubeconfig", config, "--context", "here", "--port-forward")
    assert (added.code, added.err) == (0, "")
    assert added.out.startswith("prod: http://ml-pipeline.kubeflow:8888.")
    assert here("target", "check", "prod").out.splitlines()[-1] == "prod: nothing to complain of"
    notebook = write(tmp_path / "one.ipynb", code("x = 1", "step:one"))
    done = here("run", notebook, "--target", "prod")
    assert (done.code, len(emulator.runs), "#/runs/details" in done.out) == (0, 1, False), done.err
    to = ("--target", "prod")
    assert here("recurring", "add", notebook, *to, "--cron", "@daily").code == 0
    assert here("recurring", "pause", "one", *to).out == "one pauses.\n"
    assert here("recurring", "remove", "one", *to).out == "one is removed.\n"
    assert (emulator.recurring, cluster.forwarding.wrong) == ({}, [])


def test_a_target_needs_an_address_or_a_port_forward(here: Labline, labline_home: Path) -> None:
    done = here("target", "add", "prod")
    assert (done.code, "This is no address of Kubeflow Pipelines." in done.err) == (2, True)


def test_a_secret_on_the_command_line_is_refused(here: Labline, emulator: Emulator) -> None:
    done = here("target", "add", "prod", "--host", emulator.url, "--auth", "token", "--secret", "eyJhbGciOi")
    assert (done.code, "error LL607" in done.err, "eyJ" in done.err) == (2, True, False)


def test_login_stores_what_is_piped_in_and_says_how_to_refer_to_it(
    here: Labline, memory: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("token-of-mine\n"))
    done = here("target", "login", "prod")
    assert (done.code, done.out) == (0, "Stored. Refer to it with: --secret keyring:prod\n")
    assert memory.kept == {("labline", "prod"): "token-of-mine"}


def test_a_run_there_is_left_by_one_command_and_resumed_by_another(
    labline: Labline, environment: dict[str, str], emulator: Emulator, tmp_path: Path
) -> None:
    go, begun = tmp_path / "go", tmp_path / "begun"
    waits = f"open({str(begun)!r}, 'w').close()\nimport os\nwhile not os.path.exists({str(go)!r}): pass\nx = 1"
    write(tmp_path / "slow.ipynb", code(waits, "step:slow"))
    labline("target", "add", "prod", "--host", emulator.url)
    process = subprocess.Popen(
        [sys.executable, "-m", "labline_backend", "run", "slow.ipynb", "--target", "prod"],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_until(begun.exists, "the step never began")
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=SECONDS)
    assert (process.returncode, "Traceback" in err) == (128 + signal.SIGTERM, False)
    assert labline("runs", "list", "--json").document["runs"][0]["state"] == "interrupted"
    go.touch()
    done = labline("runs", "resume")
    assert done.code == 0, done.out + done.err
    (run,) = emulator.runs
    assert done.out.splitlines()[-1] == f"On prod: {emulator.url}/#/runs/details/{run}"
    assert labline("runs", "show", "--json").document["state"] == "succeeded"


def test_verify_on_a_target_tells_the_verdict_and_ctrl_c_cancels_the_run_there(
    emulator: Emulator,
    with_storage: S3,  # whose settings are to be in the environment
    images: ImageRegistry,
    environment: dict[str, str],
    labline: Labline,
    tmp_path: Path,
) -> None:
    begun = tmp_path / "begun"
    write(tmp_path / "double.ipynb", *DOUBLE)
    write(tmp_path / "slow.ipynb", code(f"open({str(begun)!r}, 'w').close()\nwhile True: pass", "step:slow"))
    image = f"{images.host}/{DEFAULT_IMAGE}"
    labline(
        "target", "add", "prod", "--host", emulator.url, "--root", f"s3://{with_storage.bucket}/k", "--image", image
    )
    done = labline("verify", "double.ipynb", "--target", "prod")
    assert done.code == 0, done.out + done.err
    assert "verified: 4 of 4 values equal." in done.out
    assert labline("runs", "show", "--json").document["certificate"]["target"] == "prod"
    process = subprocess.Popen(
        [sys.executable, "-m", "labline_backend", "verify", "slow.ipynb", "--target", "prod"],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    wait_until(begun.exists, "the step never began")
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=SECONDS)
    assert (process.returncode, "Traceback" in err, "been cancelled" in err) == (130, False, True)
    assert [run.state for run in emulator.runs.values()] == ["SUCCEEDED", "CANCELED"]
    assert labline("runs", "show", "--json").document["verification"]["state"] == "cancelled"


def test_verify_names_an_unknown_target(here: Labline, tmp_path: Path) -> None:
    done = here("verify", write(tmp_path / "double.ipynb", *DOUBLE), "--target", "moon")
    assert (done.code, "There is no target 'moon'" in done.err) == (2, True)
