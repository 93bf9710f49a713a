# Who may in: a page behind a login form, with a session in a signed cookie; a sensor behind Basic, which C asks for.
# The name is "me", the password "secret".
#
#   make run APP=examples/login.py

import modhttp
from modhttp.auth import Basic, Logins, hash_password
from modhttp.security import same_site
from modhttp.session import Sessions

app = modhttp.Server(secure_headers=True)
app.before(same_site())  # no page of another site changes anything here

logins = Logins({"me": hash_password("secret")})  # rather what this returns than the password itself
sessions = Sessions(max_age=3600)  # with a random key, so that sessions end with the program

app.protect("/api", Basic({"me": "secret"}, realm="the room"))
room = app.sensor("/api/room", celsius=21.5)

PAGE = """<!doctype html><meta name="viewport" content="width=device-width"><title>Login</title>
<style>:root { color-scheme: light dark; font: 1.1em system-ui } body { margin: 3em auto; width: 18em }
h1 { font-size: 1.5em } input, button { font: inherit; width: 100%%; box-sizing: border-box; padding: .5em }
input { margin: .2em 0 1em } button { background: #0f766e; color: #fff; border: 0; border-radius: .4em }</style>
<h1>%s</h1>
<form method="post" action="%s">%s<button>%s</button></form>
"""
FIELDS = """<label>Name <input name="name" autocomplete="username" required autofocus></label>
<label>Password <input name="password" type="password" autocomplete="current-password" required></label>
"""


@app.get("/")
def page(request):
    user = sessions.load(request).get("user")
    if user:
        return modhttp.html(PAGE % ("Hello, " + user, "/logout", "", "Log out"))
    return modhttp.html(PAGE % ("Who are you?", "/login", FIELDS, "Log in"))


@app.post("/login")
def login(request):
    name = request.form.get("name", "")
    if logins.check(request, name, request.form.get("password", "")):
        return sessions.save({"user": name}, modhttp.redirect("/", 303))
    return modhttp.html(PAGE % ("No. Who are you?", "/login", FIELDS, "Log in"), 403)


@app.post("/logout")
def logout(request):
    return sessions.save({}, modhttp.redirect("/", 303))


app.run(port=80)
