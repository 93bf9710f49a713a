# What ytd_http_server_before.py does, in modhttp's own API.
#
#   make run APP=examples/migrating/ytd_http_server_after.py

import modhttp

app = modhttp.Server()


class Index(modhttp.Handler):
    def do_GET(self):
        return "hello " + self.headers["Host"].split(":")[0] + "\n"

    def do_POST(self):
        return "%d bytes\n" % len(self.request.body)


@app.error(404)
def missing(request, exc):
    return "there is no " + request.path + "\n", 404


app.add("/", Index)
app.run(port=80)
