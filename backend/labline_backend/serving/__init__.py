"""Serving of registered models: the Open Inference Protocol V2 over HTTP and gRPC, MLflow's ``/invocations`` over HTTP.

From the outside in; each knows only what is below it::

    worker     a server that an endpoint's keeper orders about          control    how the two talk
    server     the process: socket, loading, signals, draining          protocol   limits on HTTP's heads
    app        ASGI: routes, statuses                                   body       limits on HTTP's bodies
    v2_grpc    gRPC: calls, statuses                                    v2_messages   its messages
    answering  what both ask: token, request ids, choice, answer        access_log
    versions   loads, swaps and retires versions by a plan              shadow     asks one what another has answered
    routing    which version answers a request                          tally, canary   when one is to be taken back
    v2_requests, v2_answers, invocations     the wire formats           metrics, payload_log
    engine     the queue: deadlines, batches without a timer
    predictor  one loaded version: pyfunc, or the native model where it gives the same bits
    checks     what was found out of a version when it was deployed; checking, a process that finds it out and ends
    needs, origins, environments   what a model was made with; from where; where that is installed, made where it is not
    agreement  ... by asking in every way and comparing bits
    conversion, graph   a model as a graph of ONNX, where it answers alike within a declared bound
    arithmetic  what some models compute, done in their place
    readying    a version that is warm        resident    memory that only loading needed, given back
    native, mlmodel     scikit-learn's models without pandas, MLflow's description of a model without MLflow
    later       modules that are imported when something is asked of them
    signature, cells, rows, refusal     what a model takes, and what is wrong with a request

No module below ``app`` knows HTTP, and none below ``v2_grpc`` gRPC. Nothing here imports the rest of the backend
but for where things lie.
"""
