# The same by subclasses of Handler.
# cycles: requests=curl,browser,post1k,file16k
import modhttp

app = modhttp.Server()
FILE = bytes(range(256)) * 64


class Hello(modhttp.Handler):
    def do_GET(self):
        return "hello"

    def do_POST(self):
        return str(len(self.request.body))


class File(modhttp.Handler):
    def do_GET(self):
        return FILE


app.add("/", Hello)
app.add("/file", File)
app.run(port=80)
