"""The Kubernetes under a target, for targets with a kubeconfig: one client, whose every failure is a sentence."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from labline_backend.kubeflow.deadline import Deadline
from labline_backend.kubeflow.targets import Target

NAMESPACE = "kubeflow"  # where KFP for one user runs
SECONDS = (5.0, 30.0)  # to connect, and to wait for an answer
WHOLE_SECONDS = 120.0  # for a call as a whole
UNTRUSTED = "shows a certificate that is not by the kubeconfig's authority, or not for this address"


class ClusterError(Exception):
    """The cluster's API could not be asked; the message goes on "the cluster's API ...".

    ``status`` is the HTTP status, if any; ``said`` what Kubernetes says of it, on one line.
    """

    def __init__(self, how: str, status: int | None = None, said: str = "") -> None:
        super().__init__(how)
        self.status = status
        self.said = said


class KubeconfigError(Exception):
    """The target's kubeconfig cannot be used; the message says why."""


class Cluster:
    """A client of one target's cluster, which asks nothing twice. Not for several threads at once."""

    def __init__(self, target: Target) -> None:
        """Read the kubeconfig; nothing is asked yet. Raises ``KubeconfigError``."""
        import yaml
        from kubernetes import config
        from kubernetes.config import ConfigException

        try:
            if target.kubeconfig is not None:
                Path(target.kubeconfig).open("rb").close()  # said better here than where it is read
            self.api: Any = config.new_client_from_config(target.kubeconfig, target.context, persist_config=False)
            namespace = target.namespace
            if namespace is None:
                contexts, active = config.list_kube_config_contexts(target.kubeconfig)
                chosen = next((each for each in contexts if each["name"] == target.context), active)
                namespace = chosen["context"].get("namespace") or NAMESPACE
        except yaml.YAMLError as error:
            raise KubeconfigError("it is no YAML") from error
        except OSError as error:
            missing = isinstance(error, FileNotFoundError)
            why = "there is no such file" if missing else (error.strerror or "it cannot be read").lower()
            raise KubeconfigError(why) from error
        except (ConfigException, TypeError, ValueError, KeyError, AttributeError) as error:
            said = " ".join(str(error).split())
            if target.context is not None and f"name {target.context} in" in said and "/contexts" in said:
                said = f"it has no context {target.context}"
            raise KubeconfigError(said) from error
        self.namespace: str = namespace
        self.host: str = self.api.configuration.host
        pools = self.api.rest_client.pool_manager
        pools.connection_pool_kw["retries"] = False  # the client has read its configuration already
        self._deadline = Deadline(pools)

    @contextlib.contextmanager
    def asking(self) -> Iterator[dict[str, Any]]:
        """For the calls in the block, and for reading what they answer; what each call is to be given.

        Raises ``ClusterError``: an answer that is none of this API's fails where it is read.
        """
        from kubernetes.client.exceptions import ApiException
        from urllib3.exceptions import HTTPError

        with self._deadline.within(WHOLE_SECONDS) as passed:
            try:
                yield {"_request_timeout": SECONDS}
            except ApiException as error:
                if error.status == 0:  # of TLS
                    is_shown = "CERTIFICATE_VERIFY_FAILED" in str(error.reason)
                    raise ClusterError(UNTRUSTED if is_shown else "cannot be reached") from error
                raise ClusterError(f"answers {error.status}", error.status, _said(error.body)) from error
            except HTTPError as error:
                how = "does not answer in time" if passed.is_set() or _is_late(error) else "cannot be reached"
                raise ClusterError(how) from error
            except (AttributeError, KeyError, TypeError, ValueError) as error:
                how = "does not answer in time" if passed.is_set() else "does not answer as Kubernetes does"
                raise ClusterError(how) from error

    @property
    def has_credentials(self) -> bool:
        """Whether the kubeconfig gave any; a program that it names for them may have failed, which is only logged."""
        configuration = self.api.configuration
        return bool(configuration.api_key or configuration.cert_file)

    def close(self) -> None:
        """Close the connections."""
        self.api.rest_client.pool_manager.clear()
        self.api.close()


def _is_late(error: Exception) -> bool:
    import urllib3

    reason = getattr(error, "reason", None) or error
    is_late = isinstance(reason, urllib3.exceptions.TimeoutError)
    return is_late and not isinstance(reason, urllib3.exceptions.NewConnectionError)


def _said(body: Any) -> str:
    """The message of Kubernetes' ``Status``, where it is one."""
    try:
        message = json.loads(body)["message"]
    except (ValueError, TypeError, KeyError):
        return ""
    return " ".join(str(message).split())[:300]
