# What ahttpserver_before.py does, in modhttp's own API.
#
#   make run APP=examples/migrating/ahttpserver_after.py

import asyncio

import modhttp

app = modhttp.Server()


@app.get("/")
def root(request):
    name = request.query.get("name", "world")
    return "hello " + name + "\n"


@app.get("/count")
def count(request):
    return modhttp.events(numbers())


async def numbers():
    for number in range(3):
        yield modhttp.Event(str(number), id=number)
        await asyncio.sleep(1)


app.run(port=80)
