"""Endpoints: served models that outlive the command and the server that started them.

What an endpoint is to serve is a row in the database (``store.endpoints``). A process of its own, the *keeper*, has the
socket and the workers, and brings about what the row says. Who wants a change writes the row; nobody talks to a keeper.

    deploying   what commands and the API call
    recovery    starts keepers that have died, from the Labline server
    keeper      the process: reconciles workers with the row, judges canaries
    workers     a worker process, as the keeper sees it
    proxy       the way to an endpoint through the Jupyter server's authentication
    kserve      the same as Kubernetes objects
    folder      what lies in the data folder: the token, the log, the lock that says who lives
"""
