"""Files that steps share."""

CASES = {
    "a_file_that_stays_open": """
with open("lines.txt", "w") as made:
    made.writelines(f"line {i}\\n" for i in range(9))
f = open("lines.txt")
head = f.readline()
---
second = f.readline()
---
print(second, f.readline(), f.name, f.tell())
""",
    "a_file_written_by_an_earlier_step": """
with open("note.txt", "w") as f:
    f.write("from the first step")
---
print(open("note.txt").read())
""",
    "a_file_written_twice_and_read_between": """
from pathlib import Path
folder = Path("out")
folder.mkdir()
target = folder / "n.txt"
target.write_text("1")
---
first = open("out/n.txt").read()
---
open("out/n.txt", "w").write("2")
---
print(first, open("out/n.txt").read())
""",
    "two_steps_add_to_one_log": """
def log(text, name="steps"):
    with open(f"{name}.log", "a") as f:
        f.write(text)
log("a")
---
log("b")
---
log("c")
print(open("steps.log").read())
""",
    "a_slow_writer_and_a_listing": """
import os
os.makedirs("parts", exist_ok=True)
---
import time
time.sleep(0.2)
for name in ("x", "y"):
    open(os.path.join("parts", name + ".txt"), "w").close()
---
import glob
found = sorted(glob.glob("parts/*.txt"))
---
os.remove("parts/x.txt")
---
print(found, os.listdir("parts"))
""",
    "a_module_written_by_a_cell": """
%%writefile shapes.py
sides = {"square": 4}
def count(name):
    return sides[name]
---
import shapes
shapes.sides["star"] = 10
---
print(shapes.count("square"), shapes.count("star"))
""",
    "a_module_whose_file_is_rewritten": """
%%writefile rates.py
TABLE = {"low": 1}
def rate(name):
    return TABLE[name]
---
import rates
from rates import rate
first = rate("low")
---
%%writefile rates.py
TABLE = {"low": 10, "high": 20}
def rate(name):
    return TABLE[name] + 1
---
print(first, rates.rate("low"), rate("low"), rates.TABLE)
""",
    "a_module_on_a_path_of_its_own": """
import os, sys
os.makedirs("src")
open("src/cleaning.py", "w").write("def clean(x):\\n    return x.strip()\\n")
sys.path.append("src")
from cleaning import clean
---
name = clean(" a ")
---
print(clean(name + " "), name)
""",
    "a_script_that_is_run": """
%%writefile setup.py
import json
answer = json.loads("[6, 7]")
def product():
    return answer[0] * answer[1]
---
%run setup.py
---
answer.append(8)
---
print(answer, product())
""",
    "a_shell_line_writes_what_python_reads": """
name = "made"
!echo from the shell > {name}.txt
---
text = open("made.txt").read()
---
!rm made.txt
---
import os
print(text, os.path.exists("made.txt"))
""",
    "a_database": """
import sqlite3
con = sqlite3.connect("rows.db")
con.execute("create table t (a)")
con.commit(); con.close()
---
import sqlite3, contextlib
with contextlib.closing(sqlite3.connect("rows.db")) as con:
    con.execute("insert into t values (1)")
    con.commit()
---
import sqlite3
con = sqlite3.connect("rows.db")
print(con.execute("select a from t").fetchall())
con.close()
""",
    "a_copy_a_move_and_an_archive": """
import shutil, pathlib
pathlib.Path("a.txt").write_text("a")
---
shutil.copy("a.txt", "b.txt")
---
pathlib.Path("a.txt").rename("c.txt")
---
import zipfile
with zipfile.ZipFile("all.zip", "w") as z:
    for p in sorted(pathlib.Path(".").glob("*.txt")):
        z.write(p)
---
print(zipfile.ZipFile("all.zip").namelist())
""",
    "a_script_sees_what_another_script_has_bound": """
%%writefile queue_of_one.py
class Queue:
    def __init__(self):
        self.items = [3]
---
%run queue_of_one.py
---
%%writefile shows.py
def show():
    print(Queue().items)
show()
---
%run -i shows.py
""",
}
