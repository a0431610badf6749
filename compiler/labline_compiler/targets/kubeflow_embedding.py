"""How code gets into a component: KFP embeds the source of functions, so here are functions with a source of their own.

Uses kfp, and nothing of Labline: the Python target puts the source of these functions into the projects that it writes.
"""

import json
from collections.abc import Callable
from typing import Any


def function_of_source(name: str, source: str, **known: Any) -> Callable[..., Any]:
    """The function *name* that *source* defines, where ``inspect.getsource``, which KFP calls, finds that source.

    *source* may use the names in *known*.
    """
    import linecache

    filename = f"<{name}>"
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    namespace = {"__name__": filename, **known}
    # KFP reads annotations as objects, so no module's postponed annotations may rub off.
    exec(compile(source, filename, "exec", dont_inherit=True), namespace)  # noqa: S102
    function: Callable[..., Any] = namespace[name]
    return function


def specification_function(specification: dict[str, Any]) -> Callable[[], str]:
    """A ``labline_specification`` that returns *specification* as JSON, for one component."""
    text = json.dumps(specification, ensure_ascii=False, sort_keys=True)
    # Argo and KFP substitute {{...}} wherever they find it. In JSON two opening braces only meet inside a string.
    text = text.replace("{{", "{\\u007b")
    return function_of_source("labline_specification", f"def labline_specification():\n    return {text!r}\n")


def yaml_of_pipeline(pipeline_spec: Any, platform_spec: Any) -> str:
    """The documents as KFP's own writer has them, without its comments, which a default of two lines breaks out of."""
    import math

    import yaml
    from google.protobuf import json_format

    class Dumper(yaml.SafeDumper):
        """Writes a component's source as the lines it has."""

        def ignore_aliases(self, data: Any) -> bool:
            return True

    def text(dumper: yaml.SafeDumper, value: str) -> yaml.Node:
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)

    Dumper.add_representer(str, text)
    documents = [json_format.MessageToDict(spec) for spec in (pipeline_spec, platform_spec)]
    return yaml.dump_all(
        [document for document in documents if document],
        Dumper=Dumper,
        sort_keys=True,
        allow_unicode=True,
        width=math.inf,
    )
