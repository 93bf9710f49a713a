# What ytd_http_server_before.py does, in modhttp's own API.
#
#   make run APP=examples/migrating/ytd_http_server_after.py

import modhttp

app = modhttp.Server()


class Index(modhttp.Handler):
    def do_GET(self):
        host = self.headers["Host"].split(":")[0]
        return "hello " + host + "\n"

    def do_POST(self):
        size = len(self.request.body)
        return "%d bytes\n" % size


@app.error(404)
def missing(request, exc):
    return "no " + request.path + " here\n", 404


app.add("/", Index)
app.run(port=80)
