"""What is IPython's and not Python's."""

CASES = {
    "top_level_await": """
import asyncio
async def fetch(x):
    await asyncio.sleep(0)
    return x * 2
---
result = await fetch(21)
---
print(result)
""",
    "shell_output_in_a_variable": """
word = "hello"
---
lines = !echo {word} world
---
print(list(lines))
""",
    "the_last_result_in_the_same_step": """
x = 20
---
x + 1
---
# same step
y = _ * 2
---
# same step
Out[2] + 1
---
# same step
z = [Out[2], _4, _]
---
print(y, z)
""",
    "results_of_cells_in_other_steps": """
import pandas as pd
df = pd.DataFrame({"a": [1, 2]})
df
---
df["b"] = _.a * 2
---
total = df.b.sum()
df.attrs.get("nothing")
---
sorted(_.columns), total
---
print(_, __, len(Out))
""",
    "the_source_of_a_function": """
import inspect
def double(x):
    return x * 2  # twice
---
print(inspect.getsource(double))
""",
    "a_display_that_later_cells_update": """
from IPython.display import display, update_display
display("begun", display_id="progress")
---
update_display("half", display_id="progress")
---
display("beside", display_id="progress")
update_display("done", display_id="progress")
""",
    "captured_output": """
%%capture out
print("hidden")
---
text = out.stdout
---
print(repr(text))
""",
    "a_timed_cell_and_a_timed_line": """
%%time
a = [1, 2]
---
%time b = a + [3]
---
r = %timeit -o -n1 -r1 sum(b)
---
print(b, r.loops)
""",
    "variables_of_the_environment": """
%env FLAVOUR=mint
---
shade = %env FLAVOUR
---
import os
print(shade, os.environ["FLAVOUR"])
""",
    "an_extension_and_how_results_look": """
%load_ext autoreload
%autoreload 2
%precision 2
---
ip = get_ipython()
print(ip.display_formatter.formatters["text/plain"](3.14159), "autoreload" in ip.extension_manager.loaded)
""",
    "all_expressions_are_shown": """
from IPython.core.interactiveshell import InteractiveShell
InteractiveShell.ast_node_interactivity = "all"
---
print(get_ipython().ast_node_interactivity)
""",
    "a_program_in_another_language": """
%%bash --out said
printf 'a\\nb\\n' | sort -r
---
print(said.split())
""",
    "the_shell_has_a_name": """
ip = get_ipython()
---
print(ip is get_ipython())
""",
    "names_deleted_by_a_magic": """
x = [1]
y = x
---
%xdel x
---
%reset_selective -f ^y$
---
print("x" in dir(), "y" in dir())
""",
    "help_changes_nothing": """
x = 1
---
x?
len?
---
print(x)
""",
    "html_is_shown": """
%%html
<b>bold</b>
---
from IPython.display import display, HTML
handle = HTML("<i>x</i>")
---
print(handle.data)
""",
    "a_formatter_with_a_name": """
html = get_ipython().display_formatter.formatters["text/html"]
class T:
    pass
---
html.for_type(T, lambda t: "<b>T</b>")
---
T()
""",
}
