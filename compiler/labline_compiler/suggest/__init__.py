"""Suggest steps for a notebook that has none: from its headings, its data flow, and how long its cells took."""

from __future__ import annotations

from labline_compiler.suggest.model import SuggestedCell, SuggestedStep, Suggestion
from labline_compiler.suggest.suggest import SuggestionError, suggest

__all__ = ["SuggestedCell", "SuggestedStep", "Suggestion", "SuggestionError", "suggest"]
