# Files in memory-mapped flash.
# cycles: path=/ requests=curl,browser,file16k rom=index.html,file floor=floor_file
import modhttp

app = modhttp.Server()
app.static("/", "/rom")
app.run(port=80)
