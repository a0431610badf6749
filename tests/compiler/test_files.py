"""Which steps wait for which, because of files: a table of little notebooks whose steps share nothing else."""

from __future__ import annotations

import pytest

from tests.compiler.helpers import codes, edges, pipeline_of

IMPORTS = """# %% tags=["imports"]
import glob, os, shutil, joblib, pandas as pd, numpy as np
from pathlib import Path
"""


def waits(*cells: str) -> set[str]:
    """Who waits for whom. Steps are called a, b, c..."""
    steps = (f'# %% tags=["step:{name}"]\n{source}\n' for name, source in zip("abcd", cells, strict=False))
    return {edge.partition(":")[0] for edge in edges(pipeline_of(IMPORTS + "\n".join(steps)))}


WRITE = "open('out/a.txt', 'w').write('x')"

ORDERED = {
    "a file put into an archive": (
        "open('a.txt', 'w')",
        "import zipfile\nwith zipfile.ZipFile('q.zip', 'w') as z:\n    z.write('a.txt')",
    ),
    "a file read after it was written": (WRITE, "open('out/a.txt').read()"),
    "written after it was read": ("open('out/a.txt').read()", WRITE),
    "two steps that add to one file": ("open('log', 'a').write('1')", "open('log', 'a').write('2')"),
    "a file deleted after it was read": ("pd.read_csv('out/a.txt')", "os.remove('out/a.txt')"),
    "a name that holds the path": ("p = 'out/a.txt'\nopen(p, 'w')", "q = 'out/a.txt'\npd.read_csv(q)"),
    "a path joined by a slash": ("P = Path('out') / 'a.txt'\nP.write_text('x')", "open('out/a.txt')"),
    "a path joined by os": ("np.save(os.path.join('out', 'a.npy'), 1)", "np.load('out/a.npy')"),
    "a path in an f-string": ("d = 'out'\njoblib.dump(1, f'{d}/m.pkl')", "joblib.load('out/m.pkl')"),
    "a path that is formatted": ("open('out/{}.txt'.format(2), 'w')", "open('out/2.txt')"),
    "a path by percent": ("open('out/%s.txt' % 2, 'w')", "open('out/2.txt')"),
    "a part that is not known": ("for n in 'ab':\n    open(f'out/{n}.txt', 'w')", "pd.read_csv('out/a.txt')"),
    "a path that is not known": ("import sys\nopen(sys.argv[0], 'w')", "pd.read_csv('x.csv')"),
    "a read of a path that is not known": ("import sys\nopen(sys.argv[0])", "np.save('x.npy', 1)"),
    "through the notebook's own function": (
        "def save(name):\n    open('out/' + name, 'w')\nsave('a.txt')",
        "open('out/a.txt')",
    ),
    "by the default of a parameter": (
        "def save(name='a.txt'):\n    open(os.path.join('out', name), 'w')\nsave()",
        "open('out/a.txt')",
    ),
    "by a default that has a name": (
        "OUT = Path() / 'out'\ndef save(name, folder=OUT):\n    (folder / f'{name}.txt').write_text('x')\nsave('a')",
        "open('out/a.txt')",
    ),
    "an archive that is unpacked": (
        "import zipfile\nzipfile.ZipFile('in.zip').extractall()",
        "open('out/a.txt')",
    ),
    "a folder that is listed": (WRITE, "os.listdir('out')"),
    "a folder that is globbed": (WRITE, "glob.glob('out/*.txt')"),
    "a path's glob": (WRITE, "list(Path('out').glob('*.txt'))"),
    "a folder that is searched": (WRITE, "list(Path('.').rglob('*'))"),
    "a folder that is made": ("os.makedirs('out')", WRITE),
    "a folder that is removed": (WRITE, "shutil.rmtree('out')"),
    "a folder that is archived": (WRITE, "shutil.make_archive('all', 'zip', 'out')"),
    "a file that is copied": (WRITE, "shutil.copy('out/a.txt', 'b.txt')"),
    "a copy that is read": ("shutil.copy('in.txt', 'b.txt')", "open('b.txt')"),
    "a file that is moved here": ("os.rename('in.txt', 'b.txt')", "open('b.txt')"),
    "a file that was moved away": ("os.rename('in.txt', 'b.txt')", "os.path.exists('in.txt')"),
    "whether a file is there": (WRITE, "Path('out/a.txt').exists()"),
    "a database": (
        "import sqlite3\nsqlite3.connect('x.db').execute('create table t (a)')",
        "import sqlite3\nsqlite3.connect('x.db').execute('select * from t')",
    ),
    "a shell line that writes": ("!echo 1 > n.txt", "open('n.txt').read()"),
    "a shell line that reads": (WRITE, "!cat out/a.txt"),
    "a program that is started": (WRITE, "import subprocess\nsubprocess.run(['cat', 'out/a.txt'])"),
    "a cell that is written as a file": ("%%writefile helper.py\nx = 1", "import helper"),
    "a file that is run": ("%%writefile helper.py\nx = 1", "%run helper.py"),
    "an absolute path to what may be the same file": (WRITE, "open('/home/me/out/a.txt')"),
    "one of two names in a branch": (
        "p = 'a.txt'\nif len('x') == 1:\n    p = 'b.txt'\nopen(p, 'w')",
        "open('b.txt')",
    ),
    "a name that changes in a loop": (
        "p = 'a.txt'\nfor i in range(2):\n    open(p, 'w')\n    p = 'b.txt'",
        "open('b.txt')",
    ),
    "a name that a function changes": (
        "p = 'a.txt'\ndef f():\n    global p\n    p = 'b.txt'\nf()\nopen(p, 'w')",
        "open('b.txt')",
    ),
    "a method of an object that is not known": ("import keras\nkeras.Model().save('m.h5')", "open('m.h5')"),
    "a training that may keep checkpoints": ("import keras\nkeras.Model().fit(1, callbacks=[1])", "open('m.h5')"),
    "a helper module of the notebook's": ("import helpers\nhelpers.work()", "open('x')"),
    "a file made by a helper's function": (WRITE, "from helpers import work\nwork()"),
}


@pytest.mark.parametrize("case", ORDERED)
def test_uses_of_one_file_keep_their_order(case: str) -> None:
    assert waits(*ORDERED[case]) == {"a>b"}


@pytest.mark.parametrize(
    ("set_up", "use"),
    [
        ("logging.basicConfig(filename='a.log')", "logging.info('x')"),
        ("log = logging.getLogger('a')\nlog.addHandler(logging.FileHandler('a.log'))", "log.info('x')"),
    ],
)
def test_what_is_logged_is_written(set_up: str, use: str) -> None:
    assert "b>c" in waits(f"import logging\n{set_up}", use, "open('a.log').read()")


def test_logging_to_the_screen_writes_no_file() -> None:
    assert waits("import logging\nlogging.basicConfig()", "logging.info('x')", "x = open('a.log').read()") == {
        "a>b",
        "a>c",
    }


PARALLEL = {
    "two reads of one file": ("pd.read_csv('a.csv')", "pd.read_csv('a.csv')"),
    "two files": ("np.save('a.npy', 1)", "np.save('b.npy', 1)"),
    "an archive that is read": ("open('a.txt', 'w')", "import zipfile\nzipfile.ZipFile('q.zip').read('a.txt')"),
    "two files by names": ("p = 'a'\nopen(p, 'w')", "p = 'b'\nopen(p, 'w')"),
    "two folders": ("for n in 'ab':\n    open(f'x/{n}.txt', 'w')", "for n in 'ab':\n    open(f'y/{n}.txt', 'w')"),
    "two kinds of file": ("for n in 'ab':\n    open(f'x/{n}.txt', 'w')", "for n in 'ab':\n    open(f'x/{n}.png', 'w')"),
    "two files in a folder that both make": (
        "os.makedirs('out', exist_ok=True)\nopen('out/a', 'w')",
        "os.makedirs('out', exist_ok=True)\nopen('out/b', 'w')",
    ),
    "a listing of another folder": ("open('x/a', 'w')", "os.listdir('y')"),
    "a frame that becomes a text": ("t = pd.DataFrame().to_csv()", "pd.read_csv('a.csv')"),
    "data from elsewhere": ("t = pd.read_csv('https://example.org/a.csv')", "np.save('a.npy', 1)"),
    "a text that only looks like a file's": ("t = 'a.csv'.replace('csv', 'txt')", "np.save('a.npy', 1)"),
    "imports of what is installed": ("np.save('a.npy', 1)", "import scipy.stats"),
    "a figure's file by a helper": (
        "import matplotlib.pyplot as plt\nOUT = os.path.join('.', 'out')\ndef save(name, extension='png'):\n"
        "    plt.savefig(os.path.join(OUT, name + '.' + extension), dpi=300)\nsave('a')",
        "import matplotlib.pyplot as plt\nOUT = os.path.join('.', 'out')\ndef save(name, extension='png'):\n"
        "    plt.savefig(os.path.join(OUT, name + '.' + extension), dpi=300)\nsave('b')",
    ),
    "through one function": (
        "def save(name):\n    open('out/' + name, 'w')\nsave('a.txt')",
        "def save(name):\n    open('out/' + name, 'w')\nsave('b.txt')",
    ),
}


@pytest.mark.parametrize("case", PARALLEL)
def test_uses_of_different_files_do_not_wait(case: str) -> None:
    assert waits(*PARALLEL[case]) == set()


def test_relative_paths_may_meet_after_the_folder_changed() -> None:
    assert "a>c" in waits("open('x.txt', 'w')", "os.chdir('data')", "open('../x.txt')")


def test_a_file_that_steps_write_is_not_read_at_the_start_of_every_step() -> None:
    text = '# %% tags=["functions"]\nsettings = open("s.json").read()\n# %% tags=["step:a"]\nopen("s.json", "w")\n'
    assert "LL111" in codes(text)
