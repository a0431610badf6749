"""What a program depends on without naming it."""

CASES = {
    "calls_and_imports_that_set_up_the_process": """
import csv
import sqlite3
import json
from sklearn.experimental import enable_iterative_imputer  # noqa
csv.register_dialect("semicolon", delimiter=";")
sqlite3.register_adapter(dict, json.dumps)
rows = ["a;b"]
---
from sklearn.impute import IterativeImputer
imputer = IterativeImputer(random_state=0)
rows.append("c;d")
---
print(list(csv.reader(rows, "semicolon")), imputer)
print(sqlite3.connect(":memory:").execute("select ?", ({"a": 1},)).fetchall())
""",
    "set_ups_that_may_fail": """
import warnings
rows = ["a;b"]
---
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from sklearn.experimental import enable_iterative_imputer
try:
    import csv
    csv.register_dialect("semicolon", delimiter=";")
except ImportError:
    rows.clear()
---
from sklearn.impute import IterativeImputer
print(list(csv.reader(rows, "semicolon")), IterativeImputer(random_state=0))
""",
    "python_random_seeded_once": """
import random
random.seed(7)
---
a = random.random()
---
b = random.random()
---
print(a, b)
""",
    "numpy_random_seeded_once": """
import numpy as np
np.random.seed(7)
---
a = np.random.rand(2)
---
b = np.random.rand(2)
---
print(a.tolist(), b.tolist())
""",
    "a_generator_of_random_numbers_is_a_value": """
import numpy as np
rng = np.random.default_rng(7)
---
a = rng.normal(size=2)
---
b = rng.normal(size=2)
---
print(a.tolist(), b.tolist())
""",
    "a_split_without_random_state": """
import numpy as np
from sklearn.model_selection import train_test_split
np.random.seed(0)
X = np.arange(20)
---
train, test = train_test_split(X)
---
again, _ = train_test_split(X)
---
print(train.tolist(), again.tolist())
""",
    "environment_variables": """
import os
os.environ["FLAVOUR"] = "vanilla"
---
print(os.environ["FLAVOUR"])
""",
    "pandas_options": """
import pandas as pd
pd.set_option("display.max_rows", 7)
---
print(pd.get_option("display.max_rows"))
""",
    "numpy_print_options": """
import numpy as np
np.set_printoptions(precision=2)
---
print(np.array([1 / 3]))
""",
    "the_working_directory": """
%cd -q ..
---
import os
print(os.path.basename(os.getcwd()))
""",
    "matplotlib_parameters": """
import matplotlib
matplotlib.use("agg")
import matplotlib.pyplot as plt
plt.rcParams["figure.figsize"] = (3, 2)
---
fig, ax = plt.subplots()
---
print(fig.get_size_inches().tolist(), plt.rcParams["figure.figsize"])
""",
    "numpy_error_settings": """
import numpy as np
np.seterr(divide="raise")
---
try:
    np.array([1.0]) / 0
    print("no")
except FloatingPointError:
    print("raised")
""",
    "a_module_of_the_notebooks_own_remembers": """
%%writefile counter.py
count = 0
seen = []
def bump():
    global count
    count += 1
    seen.append(count)
class Account:
    opened = 0
    def __init__(self):
        type(self).opened += 1
---
import counter
counter.bump()
a = counter.Account()
---
counter.bump()
b = counter.Account()
---
print(counter.count, counter.seen, a.opened, type(b) is counter.Account)
""",
    "decimal_precision": """
import decimal
decimal.getcontext().prec = 4
---
third = decimal.Decimal(1) / 3
---
print(third, decimal.Decimal(2) / 3)
""",
    "logging_is_set_up_once": """
import logging, sys
logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="%(levelname)s %(name)s %(message)s")
log = logging.getLogger("work")
log.setLevel("WARNING")
---
log.warning("first")
---
log.info("not shown")
log.warning("second")
print(logging.getLogger().level, log.level)
""",
    "messages_into_a_text_and_a_handler_of_its_own": """
import io, logging
class Own(logging.Handler):
    def emit(self, record):
        seen.append(record.getMessage())
seen, text = [], io.StringIO()
log = logging.getLogger("own")
for handler in (Own(), logging.StreamHandler(text)):
    log.addHandler(handler)
---
log.error("one")
---
logging.getLogger("own").error("two")
print(seen, text.getvalue(), len(log.handlers))
""",
    "a_warning_is_an_error": """
import warnings
warnings.filterwarnings("error", message="old")
---
try:
    warnings.warn("old thing")
    print("no")
except UserWarning as e:
    print("raised", e)
""",
    "the_limits_of_the_interpreter": """
import sys, gc, os
sys.setrecursionlimit(4321)
gc.disable()
os.umask(0o77)
---
print(sys.getrecursionlimit(), gc.isenabled(), oct(os.umask(0o77)))
""",
    "the_time_zone": """
import os, time
os.environ["TZ"] = "UTC-5"
time.tzset()
---
print(time.localtime(0).tm_hour)
""",
    "the_locale": """
import locale
locale.setlocale(locale.LC_ALL, "C.UTF-8")
---
print(locale.setlocale(locale.LC_ALL))
""",
    "a_method_put_into_a_library_class": """
from pathlib import PurePosixPath
def shout(self):
    return str(self).upper() + mark
PurePosixPath.shout = shout
mark = "!"
---
mark = "?"
---
print(PurePosixPath("a/b").shout())
""",
    "a_function_of_a_module_is_wrapped": """
import textwrap
plain = textwrap.shorten
calls = []
def counted(text, width, **options):
    calls.append(width)
    return plain(text, width, **options)
setattr(textwrap, "fill", counted)
---
textwrap.fill("some words", 20)
---
print(textwrap.fill("more of the words", 9), calls)
""",
    "a_table_of_a_library_is_added_to": """
import mimetypes
mimetypes.types_map[".lab"] = "text/lab"
---
import mimetypes
print(mimetypes.types_map[".lab"], len(mimetypes.types_map) > 20)
""",
    "what_is_printed_is_caught_for_a_while": """
import io, sys
kept = sys.stdout
sys.stdout = caught = io.StringIO()
print("inside")
sys.stdout = kept
text = caught.getvalue()
---
print(repr(text))
""",
    "a_builtin_is_replaced": """
import builtins
builtins.shout = lambda text: text.upper()
---
print(shout("a"))
""",
    "a_set_of_texts_has_one_order": """
words = ["pear", "apple", "fig", "plum", "cherry"]
print(list(set(words)))
---
print(list(set(words)), hash("pear"))
""",
    "a_generator_of_its_own_is_shared": """
import random
dice = random.Random(4)
---
a = dice.random()
---
b = dice.random()
---
print(a, b, dice.random())
""",
    "a_seed_in_the_imports_cell": """
# tags: imports
import random
random.seed(3)
---
a = random.random()
---
b = random.random()
---
print(a, b, random.random())
""",
    "scikit_learn_is_configured": """
import sklearn
sklearn.set_config(display="text", assume_finite=True)
---
import sklearn
print(sklearn.get_config()["assume_finite"], sklearn.get_config()["display"])
""",
    "an_estimator_draws_while_a_pool_of_numbers_is_shared": """
import numpy as np
from sklearn.linear_model import SGDClassifier
np.random.seed(1)
X = np.random.rand(20, 2); y = (X[:, 0] > 0.5).astype(int)
---
model = SGDClassifier(max_iter=5, tol=None).fit(X, y)
---
print(model.coef_.round(6).tolist(), np.random.rand())
""",
    "what_is_printed_is_noted_as_well": """
import sys
class Tee:
    def __init__(self, stream):
        self.stream = stream
    def write(self, text):
        seen.append(text)
        return self.stream.write(text)
    def flush(self):
        self.stream.flush()
seen, plain = [], sys.stdout
sys.stdout = Tee(plain)
---
print("a")
---
print("b", len(seen))
sys.stdout = plain
---
print(seen)
""",
    "the_clock_is_replaced_by_one_that_counts": """
import time
class Clock:
    now = 0.0
def tick():
    Clock.now += 1
    return Clock.now
real, time.time = time.time, tick
---
a = time.time()
---
b = time.time()
time.time = real
---
print(a, b, Clock.now)
""",
    "output_is_redirected_until_a_stack_is_closed": """
import contextlib, io
caught = io.StringIO()
stack = contextlib.ExitStack()
stack.enter_context(contextlib.redirect_stdout(caught))
print("a")
---
print("b")
---
stack.close()
print(caught.getvalue())
""",
}
