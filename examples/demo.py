# A page with live values from the server that serves it. It runs unchanged on a board and on the host.
#
#   GET /            the page
#   GET /api/status  its values as JSON
#   PUT /api/led     {"on": true} switches the LED

import gc
import sys
import time

import machine
import modhttp

app = modhttp.Server()
led = machine.Pin(25, machine.Pin.OUT, value=0)  # the LED of a Pico
sensor = machine.ADC(4)  # the RP2040's own temperature sensor
started = time.ticks_ms()
system = sys.implementation._machine if sys.platform == "rp2" else "the host build, " + sys.platform
version = "MicroPython %d.%d.%d" % sys.implementation.version[:3]


def temperature():
    """Degrees Celsius, as the RP2040's datasheet has it in section 4.9.5."""
    return 27 - (sensor.read_u16() * 3.3 / 65535 - 0.706) / 0.001721


@app.get("/api/status")
def status(request):
    stats = app.stats()
    return {
        "uptime": time.ticks_diff(time.ticks_ms(), started),
        "celsius": round(temperature(), 2),
        "free": gc.mem_free(),
        "used": gc.mem_alloc(),
        "requests": stats["requests"],
        "open": stats["open"],
        "sent": stats["bytes_out"],
        "errors": stats["status_5xx"],
        "led": bool(led.value()),
        "system": system,
        "version": version,
    }


@app.put("/api/led")
def switch(request):
    wanted = request.json
    if not isinstance(wanted, dict) or not isinstance(wanted.get("on"), bool):
        raise modhttp.HTTPError(400, 'expected {"on": true} or {"on": false}')
    led.value(wanted["on"])
    return {"on": bool(led.value())}


@app.get("/")
def index(request):
    return modhttp.html(PAGE)


@app.get("/favicon.ico")
def icon(request):
    return modhttp.Response(ICON, content_type="image/svg+xml", headers={"Cache-Control": "max-age=86400"})


ICON = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">
<rect width="32" height="32" rx="8" fill="#0f766e"/>
<path d="M7 18h4l3-8 4 13 3-9 1 4h3" fill="none" stroke="#fff" stroke-width="2.4" stroke-linecap="round"
stroke-linejoin="round"/></svg>"""

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>modhttp</title>
<link rel="icon" href="/favicon.ico" type="image/svg+xml">
<style>
:root {
  --page: #f4f6f5; --card: #fff; --ink: #12211f; --soft: #5d6d6a; --line: #dfe6e4;
  --accent: #0f766e; --wash: #0f766e1f; --bad: #b42318; --on: #f2a900;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #0d1413; --card: #151f1d; --ink: #e6efed; --soft: #8fa3a0; --line: #24312f;
    --accent: #2dd4bf; --wash: #2dd4bf24; --bad: #ff8a7a; --on: #ffc94d;
  }
}
* { box-sizing: border-box; margin: 0 }
body {
  font: 16px/1.45 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif;
  background: var(--page); color: var(--ink); padding: clamp(16px, 4vw, 44px); min-height: 100vh;
}
main { max-width: 880px; margin: auto; display: grid; gap: 14px; grid-template-columns: repeat(4, 1fr) }
header { grid-column: 1 / -1; display: flex; align-items: center; gap: 12px; padding-bottom: 6px }
header svg { width: 44px; height: 44px; flex: none }
h1 { font-size: 22px; line-height: 1.2; letter-spacing: -.01em }
header p { color: var(--soft); font-size: 14px }
#link {
  margin-left: auto; display: flex; align-items: center; gap: 8px; font-size: 14px; white-space: nowrap;
  padding: 5px 12px; border: 1px solid var(--line); border-radius: 99px; background: var(--card);
}
#link::before { content: ""; width: 8px; height: 8px; border-radius: 50%; background: var(--accent) }
#link.lost { color: var(--bad) }
#link.lost::before { background: var(--bad) }
section {
  background: var(--card); border: 1px solid var(--line); border-radius: 14px; padding: 16px 18px; min-width: 0;
}
h2 { font-size: 13px; font-weight: 500; color: var(--soft) }
.value {
  font-size: 26px; font-weight: 600; letter-spacing: -.02em; font-variant-numeric: tabular-nums; white-space: nowrap;
}
.value small { font-size: 14px; font-weight: 500; color: var(--soft); letter-spacing: 0; margin-left: 4px }
.note { color: var(--soft); font-size: 13px; font-variant-numeric: tabular-nums }
.wide { grid-column: span 3 }
.wide .value { font-size: 40px; line-height: 1.15 }
.plot { display: block; width: 100%; height: 96px; margin-top: 10px; overflow: visible }
.plot path {
  fill: none; stroke: var(--accent); stroke-width: 2; stroke-linejoin: round; vector-effect: non-scaling-stroke;
}
.plot .area { fill: var(--wash); stroke: none }
.led { display: flex; flex-direction: column; align-items: center; justify-content: space-between; gap: 12px }
.led h2 { align-self: start }
.lamp {
  width: 64px; height: 64px; border-radius: 50%; background: var(--page); border: 1px solid var(--line);
  transition: background .2s, box-shadow .2s;
}
.on .lamp { background: var(--on); border-color: var(--on); box-shadow: 0 0 34px var(--on) }
button {
  font: inherit; font-weight: 600; color: var(--accent); background: var(--wash); border: 0; border-radius: 10px;
  padding: 10px 12px; width: 100%; cursor: pointer; touch-action: manipulation;
}
button:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px }
.bar { height: 6px; border-radius: 3px; background: var(--wash); margin: 9px 0 7px; overflow: hidden }
.bar i { display: block; height: 100%; width: 0; background: var(--accent); border-radius: 3px; transition: width .4s }
footer { grid-column: 1 / -1; color: var(--soft); font-size: 13px; padding: 4px 2px }
footer a { color: var(--accent) }
@media (max-width: 640px) { main { grid-template-columns: repeat(2, 1fr) } .wide, .led { grid-column: 1 / -1 } }
</style>
</head>
<body>
<main>
  <header>
    <svg viewBox="0 0 32 32" aria-hidden="true"><rect width="32" height="32" rx="8" fill="#0f766e"/><path
      d="M7 18h4l3-8 4 13 3-9 1 4h3" fill="none" stroke="#fff" stroke-width="2.4" stroke-linecap="round"
      stroke-linejoin="round"/></svg>
    <div><h1>modhttp</h1><p id="system">connecting</p></div>
    <span id="link" role="status">live</span>
  </header>
  <section class="wide">
    <h2>Chip temperature</h2>
    <div class="value"><span id="celsius">–</span><small>°C</small></div>
    <svg class="plot" viewBox="0 0 100 100" preserveAspectRatio="none" aria-hidden="true">
      <path class="area" id="area"/><path id="line"/></svg>
  </section>
  <section class="led" id="led">
    <h2>LED</h2><div class="lamp"></div>
    <button id="switch" aria-pressed="false">Switch on</button>
  </section>
  <section>
    <h2>Uptime</h2><div class="value" id="uptime">–</div><div class="note">hours, minutes, seconds</div>
  </section>
  <section><h2>Requests</h2><div class="value" id="requests">–</div><div class="note" id="errors">&nbsp;</div></section>
  <section><h2>Connections</h2><div class="value" id="open">–</div><div class="note" id="sent">&nbsp;</div></section>
  <section><h2>Free memory</h2><div class="value" id="free">–</div><div class="bar"><i id="used"></i></div></section>
  <footer>Every value comes from <a href="/api/status">/api/status</a>, once a second; the last answer took
    <span id="took">–</span>.</footer>
</main>
<script>
const $ = (id) => document.getElementById(id);
const put = (id, text) => { $(id).textContent = text; };
const samples = [];

function size(bytes) {
  for (const unit of ['B', 'kB', 'MB']) {
    if (bytes < 1000 || unit === 'MB') return [bytes < 10 && unit !== 'B' ? bytes.toFixed(1) : Math.round(bytes), unit];
    bytes /= 1000;
  }
}

function withUnit(id, [number, unit]) {
  const small = document.createElement('small');
  small.textContent = unit;
  $(id).replaceChildren(String(number), small);
}

function clock(ms) {
  const s = Math.floor(ms / 1000), two = (n) => String(n).padStart(2, '0');
  return Math.floor(s / 3600) + ':' + two(Math.floor(s / 60) % 60) + ':' + two(s % 60);
}

function plot(value) {
  samples.push(value);
  if (samples.length > 60) samples.shift();
  const high = Math.max(...samples), middle = (high + Math.min(...samples)) / 2;
  const span = Math.max(2 * (high - middle), 1);
  const points = samples.map((v, i) => (samples.length > 1 ? i * 100 / (samples.length - 1) : 0).toFixed(2) + ',' +
    (50 - (v - middle) * 86 / span).toFixed(2));
  $('line').setAttribute('d', 'M' + points.join('L'));
  $('area').setAttribute('d', 'M0,100L' + points.join('L') + 'L100,100Z');
}

function showLed(on) {
  $('led').classList.toggle('on', on);
  $('switch').setAttribute('aria-pressed', on);
  put('switch', on ? 'Switch off' : 'Switch on');
}

function show(status) {
  put('system', status.version + ' on ' + status.system);
  put('celsius', status.celsius.toFixed(1));
  plot(status.celsius);
  put('uptime', clock(status.uptime));
  put('requests', status.requests.toLocaleString('en'));
  put('errors', status.errors === 0 ? 'no errors' : status.errors + ' answered with 5xx');
  put('open', status.open);
  put('sent', size(status.sent).join(' ') + ' sent');
  withUnit('free', size(status.free));
  $('used').style.width = 100 * status.used / (status.used + status.free) + '%';
  showLed(status.led);
}

function connected(yes) {
  $('link').classList.toggle('lost', !yes);
  put('link', yes ? 'live' : 'no answer');
}

async function call(path, options) {
  const answer = await fetch(path, { ...options, signal: AbortSignal.timeout(5000) });
  if (!answer.ok) throw new Error(answer.status);
  return answer.json();
}

async function refresh() {
  const start = performance.now();
  try {
    show(await call('/api/status'));
    put('took', Math.round(performance.now() - start) + ' ms');
    connected(true);
  } catch {
    connected(false);
  }
  setTimeout(refresh, Math.max(200, 1000 - (performance.now() - start)));
}

$('switch').onclick = async () => {
  const on = $('switch').getAttribute('aria-pressed') !== 'true';
  try {
    showLed((await call('/api/led', { method: 'PUT', body: JSON.stringify({ on }) })).on);
  } catch {
    connected(false);
  }
};

refresh();
</script>
</body>
</html>
"""

app.run(port=80)
