# Written for picohttp; it runs as it is. In modhttp's own API: picohttp_after.py.
#
#   make run APP=examples/migrating/picohttp_before.py

import json

import picohttp

notes = {}


def handler(request, response, notes):
    name = request.path[0]
    if request.method == "GET" and name == "":
        mime = "application/json"
        response.headers["Content-Type"] = mime
        response.data = json.dumps(notes)
    elif request.method == "GET" and name in notes:
        response.data = notes[name]
    elif request.method == "PUT":
        notes[name] = request.data
    elif request.method == "DELETE" and name in notes:
        del notes[name]
    else:
        response.status = 404


picohttp.HttpServer(80, handler, args=(notes,))
