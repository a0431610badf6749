"""What cannot leave its process: whatever is bound to it must not be handed to another step.

Only what is certain stands here: each entry was seen to be refused by the run time's own pickling
(``labline_runtime.values``). What is not certain is told when the step runs (LL401).
"""

from __future__ import annotations

from typing import NamedTuple

from labline_compiler.analysis.operations import words


class Staying(NamedTuple):
    """What a name stands for. ``closes``: once it is closed it may travel. ``inside``: the name's object holds it."""

    what: str
    closes: bool = False
    inside: bool = False

    def within(self) -> Staying:
        """The same, held by another object."""
        return self._replace(inside=True)


GENERATOR = Staying("a generator")
COROUTINE = Staying("a coroutine")
_FILE = Staying("an open file", closes=True)
_READER = Staying("a reader of a file in parts")

_TABLE: dict[str, str] = {
    "a connection to a database": "sqlite3.connect sqlalchemy.create_engine duckdb.connect",
    "a query of a database": "duckdb.sql duckdb.query duckdb.from_df duckdb.read_csv duckdb.read_parquet",
    "a socket": "socket.socket",
    "a lock": "threading.Lock threading.RLock threading.Condition threading.Event threading.Semaphore "
    "threading.Barrier multiprocessing.Lock",
    "a thread": "threading.Thread threading.Timer",
    "the data of a thread": "threading.local",
    "a queue": "queue.Queue queue.LifoQueue queue.PriorityQueue queue.SimpleQueue multiprocessing.Queue",
    "memory that processes share": "multiprocessing.Value multiprocessing.Array mmap.mmap",
    "a process": "subprocess.Popen multiprocessing.Process",
    "an open workbook": "pandas.ExcelFile pandas.ExcelWriter",
    "an open data file": "pandas.HDFStore h5py.File",
    "a document of lxml": "lxml.etree.parse lxml.etree.fromstring lxml.html.fromstring",
    "a factorised matrix": "scipy.sparse.linalg.splu scipy.sparse.linalg.spilu scipy.sparse.linalg.factorized",
    "a pool of workers": "multiprocessing.Pool "
    "concurrent.futures.ThreadPoolExecutor concurrent.futures.ProcessPoolExecutor",
    "a result to come": "concurrent.futures.Future",
    "a temporary folder": "tempfile.TemporaryDirectory",
    "a reader or writer of an open file": "csv.reader csv.writer csv.DictReader",
    "a hash being computed": "hashlib.md5 hashlib.sha256",
    "a generator": "os.walk os.scandir glob.iglob re.finditer numpy.nditer numpy.ndenumerate "
    "networkx.connected_components networkx.find_cliques networkx.all_simple_paths",
    "a connection's settings": "ssl.create_default_context",
    "an event loop": "asyncio.new_event_loop",
    "a task": "asyncio.create_task asyncio.ensure_future",
    "a variable of contexts": "contextvars.ContextVar",
}
_MAKERS = {origin: Staying(what) for what, origins in _TABLE.items() for origin in origins.split()}
_MAKERS |= dict.fromkeys(words("tempfile.TemporaryFile tempfile.NamedTemporaryFile"), _FILE)
_OPENERS = words("builtins.open io.open")
_ALWAYS_FOR_WRITING = words("bz2.open lzma.open")
_ALWAYS_BINARY = words("gzip.open tarfile.open zipfile.ZipFile")
_IN_PARTS = words("pandas.read_csv pandas.read_table")

# What goes through its arguments, and has asked them for their iterators when it is called; and what asks later.
ITERATING = words("builtins.enumerate builtins.filter builtins.iter builtins.map builtins.zip") | {
    f"itertools.{name}"
    for name in words(
        "accumulate batched compress cycle dropwhile filterfalse groupby islice pairwise starmap takewhile zip_longest"
    )
}
LAZY = "itertools.chain"

# What leaves a file open, of its methods and of the functions that it is handed to.
USING_METHODS = words("write writelines read readline readlines seek tell flush")
USING_FUNCTIONS = words("builtins.print json.dump pickle.dump")
# What puts an argument into the object, and what takes things out of it, or ends what they do, of methods.
PUTTING = words("append appendleft add insert")
LETTING_GO = words(
    "pop popleft popitem clear remove discard update close shutdown terminate join stop quit disconnect dispose release"
)


def made_by(origin: str, mode: object, path: str | None, given: frozenset[str]) -> Staying | None:
    """What calling *origin* gives, if that stays.

    *mode* is its second argument or ``mode``, where that is a literal, *path* its first, where that is spelled out, and
    *given* are the keywords that are no literals of nothing. A text file that is open for reading is opened again.
    """
    if origin in _IN_PARTS and given & {"chunksize", "iterator"}:
        return _READER
    if origin == "numpy.load" and path is not None and path.endswith(".npz"):
        return _FILE
    if origin in _ALWAYS_BINARY:
        return _FILE
    if origin in _OPENERS and isinstance(mode, str):
        return _FILE if set("wax+b") & set(mode) else None
    if origin in _ALWAYS_FOR_WRITING and isinstance(mode, str):
        return _FILE if set("wax") & set(mode) else None
    return _MAKERS.get(origin)
