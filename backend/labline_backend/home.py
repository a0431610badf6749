"""The data folder: one place for runs, artifacts and the database."""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path

from labline_runtime.data_folder import ENVIRONMENT_VARIABLE, data_folder
from labline_runtime.dataclass import dataclass

RESERVE = 1 << 20


class HomeError(Exception):
    """The data folder cannot be used; the message is one sentence for the user. ``full``: for want of space."""

    def __init__(self, message: str, *, full: bool = False) -> None:
        super().__init__(message)
        self.full = full


@dataclass(frozen=True)
class Home:
    """The data folder and what lies where in it. Use :meth:`open` or :meth:`find`: they create it and try it out."""

    root: Path

    @staticmethod
    def place() -> Path:
        """The folder that ``LABLINE_HOME`` names, else the one in the user's data directory; it need not be there."""
        return data_folder()

    @staticmethod
    def find() -> Home:
        """Open the folder at :meth:`place`. Raises ``HomeError``."""
        return Home.open(Home.place())

    @staticmethod
    def open(root: Path) -> Home:
        """Create *root* and its folders where they are missing, and write a little into it. Raises ``HomeError``."""
        home = Home(Path(os.path.abspath(root)))  # noqa: PTH100 - Path.resolve would follow links, which users see
        try:
            for folder in (home.root, home.artifacts, home.runs, home.runtime, home.mlflow):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=home.root) as probe:
                probe.write(b"\0" * 4096)
                probe.flush()
            home.keep_reserve()
        except OSError as error:
            raise home.error(error) from error
        return home

    @property
    def database(self) -> Path:
        """The SQLite file with the runs."""
        return self.root / "labline.db"

    @property
    def artifacts(self) -> Path:
        """The content-addressed store of values."""
        return self.root / "artifacts"

    @property
    def runs(self) -> Path:
        """One folder a run."""
        return self.root / "runs"

    @property
    def runtime(self) -> Path:
        """Copies of the step runtime, for kernels that do not have it."""
        return self.root / "runtime"

    @property
    def mlflow(self) -> Path:
        """Where MLflow keeps its things unless a tracking server is named."""
        return self.root / "mlflow"

    @property
    def served(self) -> Path:
        """What servers of models log: one folder a model, in it one a version."""
        return self.root / "served"

    @property
    def checks(self) -> Path:
        """What was found out of models that were deployed: one folder a version."""
        return self.root / "checks"

    @property
    def environments(self) -> Path:
        """Environments of models that were made with other packages than are installed here: one folder each."""
        return self.root / "environments"

    @property
    def endpoints(self) -> Path:
        """Tokens and logs of endpoints: one folder an endpoint."""
        return self.root / "endpoints"

    def run_folder(self, run_id: str) -> Path:
        """The folder of one run: the notebook as submitted, the pipeline, the steps."""
        return self.runs / run_id

    def step_folder(self, run_id: str, step: str) -> Path:
        """The folder of one step: spec.json, log.txt, executed.ipynb, result.json."""
        return self.runs / run_id / "steps" / step

    def keep_reserve(self) -> None:
        """Set some space aside with which, on a full disk, the runs' ends can still be written down."""
        if self._reserve.exists():
            return
        try:
            self._reserve.write_bytes(os.urandom(RESERVE))
        except OSError:
            self.free_reserve()
            raise

    def free_reserve(self) -> None:
        """Give the space set aside back to the disk."""
        self._reserve.unlink(missing_ok=True)

    @property
    def _reserve(self) -> Path:
        return self.root / ".reserve"

    def error(self, error: OSError) -> HomeError:
        """What went wrong in this folder, as one sentence for the user."""
        cure = f"set {ENVIRONMENT_VARIABLE} to another folder"
        if is_full(error):
            said = f"The disk that holds the data folder {self.root} is full: free some space, or {cure}."
        elif error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            said = f"The data folder {self.root} is not writable: allow this user to write there, or {cure}."
        elif error.errno in (errno.ENOTDIR, errno.EEXIST):
            said = f"The data folder {self.root} cannot be created, a file is in its way: move the file, or {cure}."
        else:
            said = f"The data folder {self.root} cannot be used ({error.strerror or error}): {cure}."
        return HomeError(said, full=is_full(error))


def is_full(error: BaseException) -> bool:
    """Whether *error* says that a disk, a quota or a file size limit is exhausted."""
    if isinstance(error, HomeError):
        return error.full
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
