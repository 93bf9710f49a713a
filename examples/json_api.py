# A to-do list as a JSON API.
#
#   curl localhost:8080/todos
#   curl -d '{"text": "water the plants"}' localhost:8080/todos
#   curl -X PATCH -d '{"done": true}' localhost:8080/todos/1
#   curl -X DELETE localhost:8080/todos/1

import modhttp

app = modhttp.Server()
todos = {}


def find(number):
    if number not in todos:
        raise modhttp.HTTPError(404, "no to-do has number %d" % number)
    return todos[number]


@app.get("/todos")
def all_of_them(request):
    return sorted(todos.values(), key=lambda todo: todo["id"])


@app.post("/todos")
def create(request):
    wanted = request.json
    if not isinstance(wanted, dict) or "text" not in wanted:
        raise modhttp.HTTPError(400, 'expected {"text": "..."}')
    number = max(todos, default=0) + 1
    todos[number] = {"id": number, "text": wanted["text"], "done": False}
    return todos[number], 201, {"Location": "/todos/%d" % number}


@app.get("/todos/<int:number>")
def one(request, number):
    return find(number)


@app.patch("/todos/<int:number>")
def change(request, number):
    todo = find(number)
    todo.update((key, value) for key, value in request.json.items() if key in ("text", "done"))
    return todo


@app.delete("/todos/<int:number>")
def remove(request, number):
    find(number)
    del todos[number]
    return 204


app.run(port=80)
