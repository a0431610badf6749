"""``echo.py PORT``: the transport that our server has, and nothing else: what it is sent is what it answers."""

import sys

import uvicorn


async def application(scope, receive, send) -> None:
    parts, more = [], True
    while more:
        message = await receive()
        parts.append(message.get("body", b""))
        more = message.get("more_body", False)
    body = b"".join(parts)
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


uvicorn.run(
    application,
    host="127.0.0.1",
    port=int(sys.argv[1]),
    http="httptools",
    loop="uvloop",
    ws="none",
    lifespan="off",
    access_log=False,
    log_level="critical",
)
