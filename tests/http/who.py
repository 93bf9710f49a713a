# The program that test_auth.py, test_session.py and test_security.py talk to. What a test wants done, it sends.

import time  # noqa: F401 (tests use it)

import modhttp
from modhttp import session as session_module  # noqa: F401
from modhttp.auth import Basic, Bearer, Digest, Logins, digest_hash, hash_password
from modhttp.security import same_site
from modhttp.session import Sessions

app = modhttp.Server(secure_headers=True)
app.cors(["https://a.example", "https://b.example:8443"], headers=["X-Wanted"], expose=["X-Shown"], credentials=True)

USERS = {"me": "secret", "blåbær": "pass:wörd", "empty": ""}


def ask(name, password):
    return (name, password) in (("me", "asked"), ("you", "asked too"))


checks = {
    "/basic": Basic(USERS, realm="greenhouse"),
    "/hashed": Basic({"me": hash_password("secret", 5), "you": hash_password("yours", 5)}),
    "/asked": Basic(ask),
    "/bearer": Bearer({"door": "mF_9.B5f-4.1JqM", "lamp": "bGFtcA=="}),
    "/tokens": Bearer(lambda token: token if token.startswith("t") else None),
    "/digest": Digest({"me": "secret", "you": digest_hash("you", "modhttp", "yours")}),
    "/brief": Digest({"me": "secret"}, lifetime=1),
    "/site": same_site(trusted=("https://friend.example",)),
}
for prefix, check in checks.items():
    app.protect(prefix, check)
    name = prefix[1:]
    if name not in ("site", "brief"):
        app.sensor(prefix + "/sensor", name=name, celsius=20.5, history=3)
    if name not in ("site", "brief", "tokens"):
        app.value(prefix + "/value", "text/plain", "the value of " + name)


def who(prefix, check):
    @app.route(prefix + "/who", ("GET", "POST") if prefix not in ("/bearer", "/tokens", "/brief") else ("GET",))
    def serve(request):
        return check.user(request) or "nobody"


for prefix, check in checks.items():
    if prefix != "/site":
        who(prefix, check)


@app.post("/site/change")
@app.get("/site/look")
def change(request):
    return "changed"


@app.get("/<int:number>/either")
@app.get("/<path:rest>")
def anything(request, *captured):
    return "anything"


basic = checks["/basic"]


@app.get("/some")
@basic.required
def some(request):
    return "some"


room = app.sensor("/open", celsius=1.5)
value = app.value("/long", "text/plain", "0123456789" * 500)


@app.get("/framed")
def framed(request):
    return "framed", 200, {"x-frame-options": "SAMEORIGIN", "Vary": "Cookie"}


@app.get("/stream")
def stream(request):
    yield "one"
    yield "two"


@app.get("/raise")
def fail(request):
    modhttp.abort(410)


logins = Logins({"me": hash_password("secret", 3), "you": "yours"})


@app.post("/enter")
def enter(request):
    return "in" if logins.check(request, request.form["name"], request.form["password"]) else ("out", 403)


sessions = Sessions(key=["0123456789abcdef", b"an older key, which is not used any more"], max_age=1000)


@app.post("/login")
def login(request):
    session = sessions.load(request)
    session.update(request.form)
    return sessions.save(session, modhttp.redirect("/session", 303))


@app.get("/session")
def show(request):
    return sessions.load(request)


@app.post("/logout")
def logout(request):
    return sessions.save({}, "bye")


@app.get("/form")
def form(request):
    session = sessions.load(request)
    return sessions.save(session, sessions.token(session) if request.query.get("token") else "none")


@app.post("/form")
def submit(request):
    sessions.check_token(request, sessions.load(request))
    return "done"


@app.post("/eval")
def evaluate(request):
    """The expression's value, or what it raises."""
    try:
        return {"value": eval(request.text)}
    except Exception as exc:
        return {"raised": "%s: %s" % (type(exc).__name__, exc)}


@app.post("/exec")
def execute(request):
    exec(request.text, globals())
    return 204


app.run(port=80)
