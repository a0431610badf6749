"""Monitoring of served models: what they are asked now, compared with what they were trained on.

``statistics`` has the formulas, ``samples`` what is compared (payload log, value of a run), ``drift`` the verdict.
"""
