# What the README says of demo.py: the same without asyncio; a thread goes on sending events.
import _thread
import json
import time

from httpserver import CONNECTION_CLOSE, CONNECTION_KEEP_ALIVE, HTTPResponse, HTTPServer, sendfile
from httpserver.sse import EventSource

app = HTTPServer(timeout=10)


@app.route("GET", "/")
def root(conn, request):
    response = HTTPResponse(200, "text/html")
    response.send(conn)
    sendfile(conn, "index.html")
    try:
        print(1 / 0)
    except ZeroDivisionError as e:
        print("root:", e)
    return CONNECTION_CLOSE


def send_time(conn, eventsource):
    while True:
        time.sleep_ms(200)
        t = time.localtime()
        try:
            eventsource.send(event="time", data=f"{t[3]:02d}:{t[4]:02d}:{t[5]:02d}")
        except Exception:
            print("time: the client is gone")
            conn.close()
            break


@app.route("GET", "/api/time")
def api_time(conn, request):
    _thread.start_new_thread(send_time, (conn, EventSource(conn)))
    return CONNECTION_KEEP_ALIVE


@app.route("GET", "/api/date")
def api_date(conn, request):
    response = HTTPResponse(200, "application/json", close=True)
    response.send(conn)
    t = time.localtime()
    conn.write(json.dumps({"year": t[0], "month": t[1], "day": t[2]}))
    print(1 / 0)


@app.route("GET", "/api/stop")
def api_stop(conn, request):
    response = HTTPResponse(200, "text/plain")
    response.send(conn)
    conn.write("stopping")
    raise KeyboardInterrupt


if __name__ == "__main__":
    app.start()
    print("after start()")
