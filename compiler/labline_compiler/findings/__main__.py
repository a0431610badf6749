"""Print the page of all rules."""

import sys

from labline_compiler.findings.page import render_markdown

sys.stdout.write(render_markdown())
