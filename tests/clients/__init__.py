"""What other people's clients find at a real server: ``python -m tests.clients`` asks with all of them.

Each module is a program for the environment that its client lives in: it imports nothing of ours, and the client only
when a fact is looked at. ``triton_http``, ``triton_grpc`` and ``mlflow_deployments`` are asked with the tests, in
processes of their own; the SDK of KServe has dependencies that would move ours.
"""
