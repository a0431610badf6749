"""The executed cells of a step as one HTML page, which KFP's UI shows beside the step.

The source of :func:`notebook_as_html` is embedded in every compiled component, like that of the step itself; the image
holds no nbconvert, so it makes do with the standard library.
"""

from typing import Any


def notebook_as_html(notebook: dict[str, Any], title: str) -> str:
    """Write the code cells of *notebook* with their outputs.

    HTML that a cell made is taken as it is: it is the user's own.
    """
    import html
    import re

    def text(lines: Any) -> str:
        return "".join(lines) if isinstance(lines, list) else str(lines)

    def block(kind: str, content: str) -> str:
        return f'<pre class="{kind}">{html.escape(content)}</pre>'

    def shown(output: dict[str, Any]) -> str:
        if output["output_type"] == "stream":
            return block(output["name"], text(output["text"]))
        if output["output_type"] == "error":
            return block("stderr", re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(output["traceback"])))
        data = output.get("data", {})
        for kind in ("image/png", "image/jpeg"):
            if kind in data:
                return f'<p><img alt="" src="data:{kind};base64,{text(data[kind]).strip()}"></p>'
        for kind in ("image/svg+xml", "text/html"):
            if kind in data:
                return f"<div>{text(data[kind])}</div>"
        return block("plain", text(data.get("text/plain", "")))

    parts = []
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            parts.append(block("source", text(cell["source"])))
            parts += [shown(output) for output in cell["outputs"]]
    style = (
        "body {font: 14px sans-serif; margin: 1em; color: #222; background: #fff} img {max-width: 100%}"
        " pre {margin: .4em 0; padding: .6em; overflow-x: auto; font: 13px monospace}"
        " .source {background: #f5f5f5; border-left: 3px solid #1976d2} .stderr {background: #fdecea}"
        " table {border-collapse: collapse} td, th {padding: .2em .6em; text-align: right}"
    )
    heading = html.escape(title)
    head = f'<meta charset="utf-8"><title>{heading}</title><style>{style}</style>'
    body = f"<h1>{heading}</h1>{''.join(parts)}"
    return f'<!DOCTYPE html>\n<html lang="en"><head>{head}</head><body>{body}</body></html>\n'
