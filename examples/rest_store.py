# A REST store: JSON objects by number. They are kept in flash, so that a reset loses none.
#
#   make run APP=examples/rest_store.py

import json
import os

import modhttp

app = modhttp.Server()
items = {}  # by their numbers
if "store.json" in os.listdir():
    with open("store.json") as file:
        items = {item["id"]: item for item in json.load(file)}


def put(number, item):
    if not isinstance(item, dict):
        raise modhttp.HTTPError(400, "an item is a JSON object")
    items[number] = item | {"id": number}
    save()
    return items[number]


def save():
    with open("store.new", "w") as file:
        json.dump(list(items.values()), file)
    os.rename("store.new", "store.json")  # so it is the old one or the new one, whenever the power fails


@app.get("/")
@app.get("/items")
def index(request):
    return [items[number] for number in sorted(items)]


@app.post("/items")
def add(request):
    number = max(items, default=0) + 1
    return put(number, request.json), 201, {"Location": "/items/%d" % number}


class Item(modhttp.Handler):
    def do_GET(self, number):
        if number not in items:
            raise modhttp.HTTPError(404, "there is no item %d" % number)
        return items[number]

    def do_PUT(self, number):
        return put(number, self.request.json)

    def do_DELETE(self, number):
        del items[self.do_GET(number)["id"]]
        save()
        return 204


app.add("/items/<int:number>", Item)
app.run(port=80)
