"""Cells behave as they do in a kernel."""

from __future__ import annotations

import base64
import json


def test_the_last_expression_is_an_output_with_the_execution_count(steps):
    ran = steps.run("1", "40 + 2")
    assert ran.outputs()[0]["data"] == {"text/plain": "42"}
    assert (ran.outputs()[0]["execution_count"], ran.notebook["cells"][1]["execution_count"]) == (2, 2)


def test_a_semicolon_keeps_the_last_expression_to_itself(steps):
    assert steps.run("42;").outputs() == []


def test_in_out_and_underscore_work(steps):
    ran = steps.run("40 + 2", "print(_, _1, Out[1], In[1])")
    assert ran.printed() == "42 42 42 40 + 2\n"


def test_a_cell_leaves_the_builtins_to_guards_as_they_were(steps):
    look = "from labline_runtime.states.versions import version_of\nimport builtins\nprint(version_of(vars(builtins)))"
    ran = steps.run(look, "print(get_ipython() is not None)", look)
    assert ran.printed(0) == ran.printed(2)
    assert ran.printed(1) == "True\n"


def test_top_level_await_works(steps):
    assert steps.run("import asyncio\nprint(await asyncio.sleep(0, 'slept'))").printed() == "slept\n"


def test_cells_run_inside_the_event_loop_as_in_a_kernel(steps):
    ran = steps.run("import asyncio\ntask = asyncio.ensure_future(asyncio.sleep(0, 7))", "print(await task)")
    assert ran.printed() == "7\n"


def test_line_and_cell_magics_work(steps):
    ran = steps.run("%cd -q /\nimport os\nprint(os.getcwd())", "%%capture kept\nprint('hidden')", "print(kept.stdout)")
    assert ran.printed(0) == "/\n"
    assert ran.printed(1) == ""
    assert ran.printed(2) == "hidden\n\n"


def test_shell_lines_reach_outputs_and_log(steps):
    ran = steps.run("names = !echo a; echo b\nprint(names)\n!echo from shell")
    assert ran.printed().replace("\r", "") == "['a', 'b']\nfrom shell\n"
    assert "from shell" in ran.log


def test_what_subprocesses_write_is_the_cells(steps):
    ran = steps.run("print('one')\nimport os\nos.system('echo two')\nprint('three');")
    assert ran.printed() == "one\ntwo\nthree\n"
    assert ran.log == "one\ntwo\nthree\n"


def test_what_a_forked_child_prints_is_the_cells(steps):
    ran = steps.run(
        "import multiprocessing as mp\nprint('parent', end=' ')\n"
        "p = mp.get_context('fork').Process(target=print, args=('child',))\np.start(); p.join()"
    )
    assert ran.printed() == "parent child\n"


def test_streams_are_told_apart_and_joined(steps):
    ran = steps.run("import sys\nprint('a'); print('b')\nprint('c', file=sys.stderr)\nprint('d')")
    assert [(o["name"], o["text"]) for o in ran.outputs()] == [
        ("stdout", "a\nb\n"),
        ("stderr", "c\n"),
        ("stdout", "d\n"),
    ]


def test_a_progress_bar_stays_one_line(steps):
    ran = steps.run("for i in range(5000):\n    print(f'\\r{i}%', end='')\nprint()")
    assert ran.printed() == "4999%\n"


def test_long_output_is_cut_in_the_notebook_and_whole_in_the_log(steps):
    ran = steps.run("for _ in range(600):\n    print('x' * 9_999)")
    assert 5_000_000 < len(ran.printed()) < 5_000_200
    assert "The output is cut here" in ran.printed()
    assert len(ran.log) == 6_000_000


def test_text_that_is_not_unicode_breaks_nothing(steps):
    ran = steps.run("print('\\udce9')")
    assert ran.printed() == "\\udce9\n"


def test_displays_keep_every_mime_type(steps):
    ran = steps.run("from IPython.display import HTML\ndisplay(HTML('<b>x</b>'))")
    assert ran.outputs()[0]["data"]["text/html"] == "<b>x</b>"


def test_a_display_can_be_updated_from_a_later_cell(steps):
    ran = steps.run("h = display('old', display_id=True)", "h.update('new')")
    assert (ran.outputs(0)[0]["data"], ran.outputs(1)) == ({"text/plain": "'new'"}, [])


def test_clear_output_takes_back_what_was_shown(steps):
    ran = steps.run(
        "from IPython.display import clear_output\nprint('old'); clear_output(wait=True); print('new')",
        "print('kept'); clear_output(wait=True)",
    )
    assert (ran.printed(0), ran.printed(1)) == ("new\n", "kept\n")


def test_a_nan_in_a_mime_bundle_is_valid_json(steps):
    ran = steps.run("display({'application/json': {'x': float('nan')}}, raw=True)")
    assert "NaN" not in (ran.output / "executed.ipynb").read_text()
    assert ran.outputs()[0]["data"]["application/json"] == {"x": None}


def test_figures_are_drawn_at_the_end_of_the_cell(steps):
    ran = steps.run("import matplotlib.pyplot as plt\nplt.plot([1, 2]);", "%matplotlib inline\nplt.plot([2, 1]);")
    for cell in (0, 1):
        (output,) = ran.outputs(cell)
        assert base64.b64decode(output["data"]["image/png"]).startswith(b"\x89PNG")


def test_warnings_go_to_stderr_once_a_place(steps):
    ran = steps.run("import warnings\nfor _ in range(3): warnings.warn('careful')")
    (output,) = ran.outputs()
    assert output["name"] == "stderr"
    assert output["text"].count("UserWarning: careful") == 1


def test_arguments_are_those_of_no_program(steps):
    assert steps.run("import sys; print(sys.argv)").printed() == "['']\n"


def test_the_current_folder_is_on_the_path_after_the_standard_library(steps):
    (steps.folder / "random.py").write_text("raise RuntimeError\n")
    assert steps.run("import sys, random; print(sys.path.count(''))").printed() == "1\n"


def test_main_is_the_notebook(steps):
    ran = steps.run("x = 5\nimport __main__, sys\nprint(__main__.x, __name__, hasattr(__main__, '__file__'))")
    assert ran.printed() == "5 __main__ False\n"


def test_a_function_knows_its_source(steps):
    assert steps.run("import inspect\ndef f():\n    return 1\nprint(inspect.getsource(f))").printed() == (
        "def f():\n    return 1\n\n"
    )


def test_an_object_whose_repr_fails_does_not_stop_the_step_where_a_kernel_goes_on(steps):
    ran = steps.run("class A:\n    def __repr__(self): raise ValueError('no')\nA()", "print('on')")
    assert ran.outputs(0)[0]["ename"] == "ValueError"
    assert ran.printed(1) == "on\n"


def test_a_help_line_waits_for_nobody(steps):
    assert steps.run("len?").exit_code == 0


def test_a_cell_can_close_its_streams_without_harm(steps):
    ran = steps.run("import sys, os\nos.close(1)\nprint('lost')", "x = 1", outputs=["x"])
    assert ran.exit_code == 0


def test_the_log_grows_while_the_cell_runs(steps):
    path, _ = steps.specify("print('first')\nimport os\nos.mkfifo('gate')\nopen('gate').read()")
    process = steps.start(path)
    gate = steps.folder / "gate"
    while not gate.exists():
        assert process.poll() is None
    assert (path.parent / "log").read_text() == "first\n"
    gate.write_text("go")
    assert process.wait(timeout=30) == 0


def test_leading_blank_lines_do_not_shift_line_numbers(steps):
    error = steps.run("\n\n\n%%time\n1/0").result.error
    assert error.ename == "ZeroDivisionError"
    assert steps.run("\n\n%pwd\n1/0").result.error.line == 4


def test_images_are_stored_as_base64(steps):
    ran = steps.run("display({'image/png': b'\\x89PNG'}, raw=True)")
    assert json.dumps(ran.outputs()[0]["data"]) == json.dumps({"image/png": base64.b64encode(b"\x89PNG").decode()})
