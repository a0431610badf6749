"""The Hub of this overlay: each user gets a server of Labline's image, and signs in at the Hub.

Who may sign in, and how, is yours to say in authenticator.py, which is read last. As it is, nobody can.
"""

import os
from pathlib import Path

c = get_config()  # noqa: F821

# The proxy is a pod of its own, so that users' servers stay reachable while the Hub starts anew.
c.JupyterHub.hub_bind_url = "http://:8081"
c.JupyterHub.hub_connect_url = "http://hub:8081"
c.ConfigurableHTTPProxy.should_start = False
c.ConfigurableHTTPProxy.api_url = "http://proxy-api:8001"
c.JupyterHub.cleanup_servers = False
c.JupyterHub.db_url = "sqlite:////srv/jupyterhub/jupyterhub.sqlite"

c.JupyterHub.spawner_class = "kubespawner.KubeSpawner"
c.KubeSpawner.namespace = os.environ.get("POD_NAMESPACE", "labline-hub")
c.KubeSpawner.image = os.environ.get("LABLINE_IMAGE", "")
c.KubeSpawner.cmd = ["jupyterhub-singleuser"]
c.KubeSpawner.notebook_dir = "/notebooks"
c.KubeSpawner.start_timeout = 300
c.KubeSpawner.service_account = "labline-user"
c.KubeSpawner.automount_service_account_token = False
c.KubeSpawner.extra_labels = {"labline.dev/server": "user"}  # what the network policies go by

# What the restricted Pod Security Standard asks for, and a root that nobody writes to.
c.KubeSpawner.uid = 1000
c.KubeSpawner.gid = 1000
c.KubeSpawner.fs_gid = 1000
c.KubeSpawner.pod_security_context = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
c.KubeSpawner.container_security_context = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "privileged": False,
    "readOnlyRootFilesystem": True,
}

# The steps of local runs are processes in this container: size it for the notebooks.
c.KubeSpawner.cpu_guarantee = 0.5
c.KubeSpawner.cpu_limit = 4
c.KubeSpawner.mem_guarantee = "1G"
c.KubeSpawner.mem_limit = "8G"
c.KubeSpawner.extra_resource_guarantees = {"ephemeral-storage": "256Mi"}
c.KubeSpawner.extra_resource_limits = {"ephemeral-storage": "4Gi"}

# One claim a user: one server owns its data folder.
c.KubeSpawner.storage_pvc_ensure = True
c.KubeSpawner.delete_pvc = False  # also when a user is removed
c.KubeSpawner.storage_capacity = "25Gi"
c.KubeSpawner.storage_access_modes = ["ReadWriteOnce"]
c.KubeSpawner.pvc_name_template = "labline-{user_server}"
c.KubeSpawner.volumes = [
    {"name": "user", "persistentVolumeClaim": {"claimName": "{pvc_name}"}},
    {"name": "home", "emptyDir": {"sizeLimit": "1Gi"}},
    {"name": "tmp", "emptyDir": {"sizeLimit": "2Gi"}},
    {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": "1Gi"}},
]
c.KubeSpawner.volume_mounts = [
    {"name": "user", "mountPath": "/data", "subPath": "data"},
    {"name": "user", "mountPath": "/notebooks", "subPath": "notebooks"},
    {"name": "home", "mountPath": "/home/labline"},
    {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108
    {"name": "shm", "mountPath": "/dev/shm"},  # noqa: S108
]

load_subconfig(str(Path(__file__).with_name("authenticator.py")))  # noqa: F821
