"""What IPython's magics and shell lines do."""

from __future__ import annotations

import ast
import re

from labline_compiler.analysis.arguments import Arguments
from labline_compiler.analysis.heap import NOTHING, Value
from labline_compiler.analysis.history import History, lacks_some
from labline_compiler.analysis.plots import INLINE
from labline_compiler.ipython import (
    CellMagic,
    CellSyntaxError,
    ParsedCell,
    expanded_names,
    parse_python,
    without_options,
)


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _names_in(code: str) -> list[str]:
    """The names that a file of Python mentions; none where it is something else."""
    try:
        tree = parse_python(code)
    except CellSyntaxError:
        return []
    return [node.id for node in ast.walk(tree) if isinstance(node, ast.Name)]


_SHELL = _words("system getoutput getoutput_split")
_SHELL_MAGICS = _words("bash sh script system sx sc perl ruby python python2 python3 pypy cmd pip conda mamba uv")
_TEXT_CELLS = _words("html HTML javascript js markdown latex svg SVG")
_PYTHON_LINES = _words("time prun memit mprun lprun")
_INSPECTING = _words("pinfo pinfo2 psource pdoc pdef pfile")
_HARMLESS = _words(
    "psearch pycat lsmagic magic quickref load loadpy ls ll lx lk ldir man more "
    "less cat head tail dhist bookmark pwd gui autosave connect_info qtconsole tb page doctest_mode "
    "clear cls"
)
_HISTORY_LINES = _words("history hist save notebook logstart logon logoff logstate pastebin")
_AGAIN = _words("recall rep rerun macro")
_KEEPING = _words("register_magic_function register_magics for_type for_type_by_name")  # functions, which travel
_LISTINGS = _words("who who_ls whos")
_SET_UP = _words(
    "load_ext reload_ext unload_ext autoreload aimport precision pprint alias unalias xmode automagic autocall colors"
)


class Magics(History):
    """Follows what is IPython's and not Python's."""

    def cell(self, cell: ParsedCell) -> None:
        """Follow one cell."""
        raise NotImplementedError

    # ------------------------------------------------------------------------------------------------------ cell magics

    def cell_magic(self, magic: CellMagic) -> None:
        """Follow ``%%name line``; a body of Python follows as any other cell."""
        self._read_names(magic.line)
        words = magic.line.split()
        if magic.name == "capture" and (names := [word for word in words if word.isidentifier()]):
            self.state.bind(names[0], self.heap.make(("captured", names[0], self.state.time), "data"))
        elif magic.name in ("writefile", "file"):
            plain = words and not set("{$") & set(magic.line)
            self.state.sink.file("write", words[-1].strip("\"'") if plain else None)
            self.written_names |= dict.fromkeys(_names_in(magic.body or ""))
        elif magic.name in _SHELL_MAGICS:
            for option in ("--out", "--err", "--proc"):
                if option in words[:-1]:
                    self.state.bind(words[words.index(option) + 1], NOTHING)
            self._shell()
        elif magic.body is not None and magic.name not in _TEXT_CELLS:
            self._unknown(f"%%{magic.name}", f"{magic.line}\n{magic.body}")

    def _unknown(self, name: str, text: str) -> None:
        """A magic that is not known may use any name in its text, bind any name and use any file."""
        handed = self.kept
        for mentioned in sorted(set(re.findall(r"[A-Za-z_]\w*", text)) & set(self.state.module.names)):
            value = self.state.lookup(mentioned)
            if value:
                handed |= value
                self.state.alter(self.heap.reach(value))
        self.invoke(self.kept, NOTHING)  # one of the notebook's own
        self.last_value = self.heap.make(("magic", name, self.number), None, handed)
        self.bound_out_of_sight(name)
        self.state.sink.file("write", None, tree=True)
        self.unknown_draws(seeds=True)

    def _read_names(self, text: str) -> None:
        self.state.forgiving += (
            1  # IPython leaves names that it does not know to the shell, whose variables they may be
        )
        for name in sorted(expanded_names(text)):
            value = self.state.lookup(name)
            if value is not None:
                self.use(value)
        self.state.forgiving -= 1

    def _shell(self) -> None:
        self.state.sink.hidden("@cwd", "read")
        self.state.sink.hidden("@environ", "read")
        self.state.sink.file("write", None, tree=True)

    # ------------------------------------------------------------------------------------------------------ line magics

    def ipython_call(self, node: ast.Call) -> bool:
        """Deal with what IPython's transformer makes of ``%magic``, ``!command`` and ``name?``."""
        function = node.func
        if not isinstance(function, ast.Attribute) or not isinstance(function.value, ast.Call):
            return False
        getter = function.value.func
        if not isinstance(getter, ast.Name) or getter.id != "get_ipython":
            return False
        return function.attr not in _KEEPING and self._shell_call(function.attr, node)

    def shell_method(self, name: str, arguments: Arguments, node: ast.AST) -> Value:
        """A method of IPython's shell, reached through a name, or of one of its parts."""
        if name in _KEEPING:
            self.state.sink.hidden("@ipython", "change")
            self.keep_functions(arguments.all)
            return NOTHING
        if not isinstance(arguments.node, ast.Call) or not self._shell_call(name, arguments.node):
            return self.worst(NOTHING, arguments, node)
        return self.heap.make(self.site(node), "list")

    def shell_attribute(self, shell: Value, name: str, node: ast.AST) -> Value:
        """An attribute of IPython's shell: some hold all variables."""
        if name not in ("user_ns", "user_global_ns", "user_module", "all_ns_refs", "ns_table"):
            return shell
        return self.heap.make(self.site(node), None, self.everything(f"get_ipython().{name}", node))

    def _shell_call(self, name: str, node: ast.Call) -> bool:
        texts = [argument.value for argument in node.args if isinstance(argument, ast.Constant)]
        words = [text for text in texts if isinstance(text, str)]
        if name in _SHELL and words:
            self._read_names(words[0])
            self._shell()
        elif name == "run_line_magic" and words:
            self._line_magic(words[0], words[1] if len(words) > 1 else "", node)
        elif name in ("magic", "run_line") and words:
            first, _, rest = words[0].lstrip("%").partition(" ")
            self._line_magic(first, rest, node)
        elif name == "run_cell_magic" and len(words) > 2:
            self.cell_magic(CellMagic(words[0], words[1], words[2]))
        elif name in ("run_cell", "run_code", "ex", "ev", "push", "safe_execfile", "reset", "drop_by_id"):
            self.everything(f"get_ipython().{name}", node)
        elif name in ("set_next_input", "showtraceback", "write_payload", "show_usage"):
            pass
        else:
            self.tell_set_up(f"calls get_ipython().{name}()", node)
        return True

    def tell_set_up(self, what: str, node: ast.AST | None) -> None:
        """IPython is set up in a way that no step hands on."""
        self.state.sink.note("LL304", f"The cell {what}, which later steps do not know of.", node)

    def _line_magic(self, name: str, line: str, node: ast.AST) -> None:
        if name in _HARMLESS:
            return
        if name in _INSPECTING:
            self.state.lookup(line.strip().partition(".")[0])
            return
        self._read_names(line)
        if name in _PYTHON_LINES or name == "timeit":
            self._python_line(name, line)
        elif name in ("cd", "pushd", "popd"):
            self.state.sink.hidden("@cwd", "set" if line.strip().startswith(("/", "~")) else "change")
        elif name in ("env", "set_env"):
            self.state.sink.hidden("@environ", "change" if "=" in line or len(line.split()) > 1 else "read")
        elif name in _SET_UP:
            self.state.sink.hidden("@ipython", "change")
            if name == "precision":  # IPython sets NumPy's, too
                self.state.sink.hidden("@numpy.printoptions", "change")
        elif name in ("matplotlib", "pylab", "config"):
            self._plot_magic(name, line, node)
        elif name == "run":
            self._run_file(line, node)
        elif name in ("reset", "reset_selective", "xdel"):
            self._reset(name, line)
        elif name == "store":
            message = "The cell uses %store. What it keeps is there for the cells of this step only."
            self.state.sink.note("LL306", message, node)
            self.bound_out_of_sight("%store")
        elif name in _LISTINGS:
            self.list_names(f"%{name}", node)
        elif name in _HISTORY_LINES:
            message = f"The cell lists cells by %{name}: in the pipeline, those of its step."
            self.state.sink.note("LL307", message, node, lacks=lacks_some)
        elif name in _AGAIN:
            self.state.sink.history(f"%{name}", lacks_some)
            self._unknown(f"%{name}", line)
        elif name in _SHELL_MAGICS or name == "killbgscripts":
            self._shell()
        else:
            self._unknown(f"%{name}", line)

    def _python_line(self, name: str, line: str) -> None:
        text = line if name == "time" else without_options(line)
        try:
            tree = parse_python(text)
        except CellSyntaxError:
            return
        self.cell(ParsedCell(tree, local=name == "timeit"))

    def _plot_magic(self, name: str, line: str, node: ast.AST) -> None:
        words = line.split()
        if name == "config":
            if line.startswith("InlineBackend"):
                self.state.sink.hidden("@matplotlib.backend", "change")
                self.figures_open |= "close_figures" in line
                if line.startswith("InlineBackend.rc"):
                    self.parameters_waiting = True
                    self.state.sink.hidden("@matplotlib.rcParams", "change")
            elif line.startswith(("InteractiveShell", "ZMQInteractiveShell", "TerminalInteractiveShell")):
                self.state.sink.hidden("@ipython", "change")
            elif line:
                self.tell_set_up(f"sets up IPython with %{name}", node)
            return
        backend = next((word for word in words if not word.startswith("-")), None)
        self.load_backend()
        if backend not in (None, *INLINE):
            self.figures_open = True
        # Below an import that may have chosen another backend, and that later steps do again, it counts as well.
        if self.figures_open or self.loading_counts or self.strangers:
            self.state.sink.hidden("@matplotlib.backend", "change")
        if name == "pylab":
            for bound, module in (("np", "numpy"), ("numpy", "numpy"), ("plt", "matplotlib.pyplot")):
                self.state.bind(bound, self.heap.library(module, "module"))
            self.state.bind("matplotlib", self.heap.library("matplotlib", "module"))
            self.state.sink.star_import("%pylab")
            self.stars["pylab"] = None

    def _run_file(self, line: str, node: ast.AST) -> None:
        words = line.split()
        path = next((word.strip("\"'") for word in words if not word.startswith("-")), None)
        known = path is not None and not set("{$") & set(path)
        self.state.sink.file("read", path if known else None)
        self.state.sink.file("write", None, tree=True)
        self.unknown_draws(seeds=True)
        if "-i" in words:
            self.everything("%run -i", node)
        else:
            self.bound_out_of_sight("%run")

    def _reset(self, name: str, line: str) -> None:
        names = list(self.state.module.names)
        if name == "reset":
            self.ran.clear()
        if name == "xdel":
            names = [word for word in line.split() if word in names]
            if "-n" not in line.split() and self._delete_aliases(names):
                message = "The cell unbinds all names of an object by %xdel: in the pipeline, those that its step has."
                self.state.sink.note("LL307", message, None, lacks=lacks_some)
        elif name == "reset_selective":
            pattern = next((word for word in line.split() if not word.startswith("-")), "")
            try:
                names = [each for each in names if re.search(pattern, each)]
            except re.error:
                names = []
        for each in names:
            if not each.startswith("@"):
                self.state.delete(each)

    def _delete_aliases(self, names: list[str]) -> bool:
        """``%xdel`` also unbinds every other name of the same object. Returns whether there may be any."""
        found = False
        objects = frozenset().union(*(self.state.module.names[name] for name in names))
        for other, value in list(self.state.module.names.items()):
            if other not in names and not other.startswith("@") and value & objects:
                self.state.branches(lambda other=other: self.state.delete(other), lambda: None)  # type: ignore[misc]
                found = True
        return found
