"""Modules that come when they are first asked for something. Each fact in a process that has none of them yet."""

from __future__ import annotations

import subprocess
import sys

BEGIN = """
import pickle, sys
from labline_backend.serving.mlmodel import Pickled
from labline_backend.serving.native import load_native
def loaded(text):
    return load_native(Pickled("", "pickle"), text.encode())
def is_there(name):
    return any(found.startswith(f"{name}.") for found in sys.modules)
loaded("csklearn.neighbors\\nKNeighborsClassifier\\n)R.")
assert not is_there("scipy.stats")
assert not is_there("numpy.f2py")
"""


def said(code: str) -> str:
    return subprocess.run([sys.executable, "-c", BEGIN + code], capture_output=True, text=True, check=True).stdout


def test_a_prediction_that_needs_a_module_that_was_put_off_gets_it() -> None:
    code = """
from sklearn.neighbors import KNeighborsClassifier
model = KNeighborsClassifier(3).fit([[0.0], [0.1], [5.0], [5.1], [5.2]], [0, 0, 1, 1, 1])
print(model.predict([[0.2], [4.0]]).tolist(), is_there("scipy.stats"))
"""
    assert said(code) == "[0, 1] True\n"


def test_a_name_that_was_imported_from_a_module_that_was_put_off_is_a_way_to_it() -> None:
    code = """
from sklearn.metrics import label_ranking_average_precision_score as score
print(is_there("scipy.stats"), score([[1, 0, 0], [0, 0, 1]], [[0.75, 0.5, 1], [1, 0.2, 0.1]]))
import scipy.stats, sklearn.utils.fixes
print(is_there("scipy.stats"), scipy.stats.rankdata([3.0, 1.0]).tolist())
"""
    assert said(code) == "False 0.41666666666666663\nTrue [2.0, 1.0]\n"


def test_a_part_of_a_module_that_was_put_off_is_that_of_the_whole() -> None:
    code = """
found = loaded("cscipy.stats._stats_py\\nrankdata\\n.")
import scipy.stats
print(found is scipy.stats.rankdata, found([3.0, 1.0]).tolist())
"""
    assert said(code) == "True [2.0, 1.0]\n"


def test_what_a_model_refers_to_is_what_it_was_and_no_way_to_it() -> None:
    code = """
found = loaded("cscipy.stats\\nrankdata\\n.")
import scipy.stats
print(found is scipy.stats.rankdata)
"""
    assert said(code) == "True\n"


def test_another_module_of_somebodys_gets_the_real_thing() -> None:
    code = """
names = {"__name__": "somebodys"}
exec("from scipy.stats import rankdata", names)
print(names["rankdata"].__module__)
"""
    assert said(code) == "scipy.stats._stats_py\n"


def test_code_without_a_name_gets_the_real_thing() -> None:
    assert said('exec("from scipy.stats import rankdata; print(rankdata.__module__)", {})') == "scipy.stats._stats_py\n"


def test_a_module_that_was_put_off_lists_what_it_has() -> None:
    code = """
from scipy import stats
print("norm" in dir(stats))
"""
    assert said(code) == "True\n"


def test_what_is_put_into_a_module_that_was_put_off_is_in_it() -> None:
    code = """
from scipy import stats
stats.somebodys = 1
print(stats.norm.name)
from scipy.stats import somebodys
print(somebodys)
"""
    assert said(code) == "norm\n1\n"


def test_threads_that_ask_at_once_get_one_module() -> None:
    code = """
import threading
from scipy import stats
sys.setswitchinterval(1e-6)
found, begin = [], threading.Barrier(8)
def ask():
    begin.wait()
    found.append(stats.rankdata)
threads = [threading.Thread(target=ask) for _ in range(8)]
for each in threads:
    each.start()
for each in threads:
    each.join()
import scipy.stats
print(len(found), all(each is scipy.stats.rankdata for each in found))
"""
    assert said(code) == "8 True\n"


def test_a_copy_of_a_way_is_what_it_leads_to() -> None:
    code = """
import copy
from sklearn.metrics._ranking import rankdata
import scipy.stats
print(rankdata is scipy.stats.rankdata, copy.copy(rankdata) is scipy.stats.rankdata)
print(pickle.loads(pickle.dumps(rankdata)) is scipy.stats.rankdata)
"""
    assert said(code) == "False True\nTrue\n"


def test_what_is_of_a_class_that_was_put_off_is_so_for_the_way_to_it_too() -> None:
    code = """
from sklearn.preprocessing._polynomial import BSpline
import scipy.interpolate
found = scipy.interpolate.BSpline([0.0, 1.0], [1.0], 0)
print(BSpline is type(found), isinstance(found, BSpline), isinstance(1, BSpline))
"""
    assert said(code) == "False True False\n"
