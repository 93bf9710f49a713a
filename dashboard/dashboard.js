// The dashboard: one stream of events for all sensors, and one request at a time for the rest, so that a page takes two of a
// board's few connections.

import uPlot from 'uplot';

const $ = (id) => document.getElementById(id);
const POINTS = 5000;        // kept of a sensor
const ASK = 3000;           // samples of history that are asked for at once
// From one label of a plot's axes to the next: 1, 2, 5, 10..., and seconds.
const TENS = [-6, -5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6, 7, 8].flatMap((n) => [1, 2, 5].map((k) => Number(k + 'e' + n)));
const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400];
const LATE = 2000;          // ms that the board's clock may lag before it is set again

let count = 0;              // of sensors
let cards = [];
let base = '';              // what goes before the server's own paths
let boot;                   // which start of the program this is
let began = 0;              // the board's ms when the stream began
let offset;                 // this clock's ms - the board's
let span = 300;             // seconds shown; 0: all
let source;
let retry;
let wait = 1000;            // ms until the next try
let heard = 0;              // when something came
let shownAt = null;         // the time under the cursor

// ---- Small things

function element(tag, name, text, attributes = {}) {
  const made = document.createElement(tag);
  if (name) made.className = name;
  if (text !== undefined) made.textContent = text;
  for (const key in attributes) made.setAttribute(key, attributes[key]);
  return made;
}

function put(id, text) {
  if ($(id).textContent !== text) $(id).textContent = text;
}

function bytes(n) {
  for (const unit of ['B', 'kB', 'MB']) {
    if (n < 1000 || unit === 'MB') return (n < 10 && unit !== 'B' ? n.toFixed(1) : Math.round(n)) + ' ' + unit;
    n /= 1000;
  }
}

// Of a field: what it says, or what its name does.
const SYMBOLS = {
  celsius: '°C', fahrenheit: '°F', kelvin: 'K', percent: '%', humidity: '%', volts: 'V', millivolts: 'mV', amperes: 'A', milliamperes: 'mA',
  watts: 'W', joules: 'J', hertz: 'Hz', seconds: 's', milliseconds: 'ms', microseconds: 'µs', bytes: 'B', pascals: 'Pa', hectopascals: 'hPa',
  lux: 'lx', meters: 'm', grams: 'g', degrees: '°', ppm: 'ppm',
};

const symbol = ({ name, unit }) => SYMBOLS[unit] ?? (unit || SYMBOLS[name] || '');

function duration(s) {
  const two = (long, name, short, other) => `${Math.floor(s / long)} ${name} ${Math.floor(s % long / short)} ${other}`;
  if (s < 60) return Math.floor(s) + ' s';
  return s < 3600 ? two(60, 'min', 1, 's') : s < 86400 ? two(3600, 'h', 60, 'min') : two(86400, 'd', 3600, 'h');
}

const clock = (s) => new Date(s * 1000).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' });

function set(state, text) {
  $('state').dataset.state = state;
  put('state', text || state);
}

// ---- Requests, one after the other

let last = Promise.resolve();

function ask(path, ms = 8000) {
  const answer = last.then(async () => {
    const response = await fetch(path, { cache: 'no-cache', signal: AbortSignal.timeout(ms) });
    if (response.status === 401 || response.status === 403) refused();
    if (!response.ok) throw new Error(response.status);
    return response.json();
  });
  last = answer.catch(() => {});
  return answer;
}

function refused() {
  set('refused', 'not allowed');
}

// ---- A field's plot

class Field {
  constructor(card, about, column) {
    Object.assign(this, { card, about, column, values: [], dirty: true });
    this.root = element('div', 'field');
    const head = element('h3', '', undefined, about.help ? { title: about.help } : {});
    this.range = element('span');
    head.append(element('span', '', about.name.replaceAll('_', ' ')), this.range);
    this.number = element('span', '', '–');
    const value = element('div', 'value');
    this.unit = element('small');
    value.append(this.number, this.unit);
    this.measure([0]);
    this.box = element('div', 'plot', undefined, { tabindex: 0, role: 'img' });
    this.root.append(head, value, this.box);
    this.box.onkeydown = (event) => this.key(event);
    this.box.onblur = () => this.plot && point(null);
    watcher.observe(this.box);
    watcher.field.set(this.box, this);
  }

  show(visible) {
    this.visible = visible;
    if (visible && !this.plot) this.make();
    if (visible) this.draw();
  }

  text(value) {
    if (value === null || value === undefined) return '–';
    const digits = { minimumFractionDigits: this.digits, maximumFractionDigits: this.digits };
    return (value / this.divisor).toLocaleString('en', digits).replace('-', '\u2212');
  }

  // How numbers like these are shown: with four digits, and bytes by the thousand.
  measure(values) {
    let most = 0;
    for (const v of values) if (v !== null) most = Math.max(most, Math.abs(v));
    const unit = symbol(this.about), step = unit !== 'B' || most < 1e4 ? 0 : most < 1e7 ? 1 : 2;
    this.divisor = 1000 ** step;
    this.unit.textContent = ['', 'k', 'M'][step] + unit;
    this.digits = this.about.type === 'int' && !step ? 0 : most === 0 ? 1 :
      Math.min(6, Math.max(0, 3 - Math.floor(Math.log10(most / this.divisor))));
  }

  make() {
    const style = (name) => () => getComputedStyle(document.documentElement).getPropertyValue(name);
    const font = '11px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif';
    const axis = { font, stroke: style('--soft'), ticks: { show: false }, grid: { stroke: style('--grid'), width: 1 } };
    this.plot = new uPlot({
      ...this.size(),
      padding: [6, 6, 0, 0],
      legend: { show: false },
      cursor: { y: false, drag: { setScale: false, x: false }, points: { size: 7, fill: style('--card') } },
      scales: {
        x: { time: true, range: limits },
        y: { range: (_, low, high) => this.around(low, high) },
      },
      axes: [
        { ...axis, size: 22, gap: 4, space: 64, incrs: STEPS, grid: { show: false }, values: (u, at, _, __, step) => times(u, at, step) },
        { ...axis, size: 40, gap: 4, space: 34, incrs: TENS, values: (_, at, __, ___, step) => at.map((v) => short(v / this.divisor, step / this.divisor)) },
      ],
      series: [{}, {
        stroke: style('--accent'), fill: style('--wash'), width: 1.75,
        points: { show: (u, _, from, to) => to - from < 25 || u.data[1].length < 2, size: 4, fill: style('--accent') },
      }],
      hooks: {
        setCursor: [(u) => { if (u.cursor.event) point(u.cursor.idx === null || u.cursor.left < 0 ? null : u.data[0][u.cursor.idx]); }],
      },
    }, [this.card.times, this.values], this.box);
    new ResizeObserver(() => this.plot.setSize(this.size())).observe(this.box);
  }

  size() {
    return { width: Math.max(this.box.clientWidth, 80), height: Math.max(this.box.clientHeight, 80) };
  }

  // The scale: what is there, with some air, and not so close that noise looks like news.
  around(low, high) {
    if (low === null || high === null) return [0, 1];
    const least = Math.max(Math.abs(low), Math.abs(high)) * .002 || 1;
    const air = Math.max((high - low) * .12, (least - (high - low)) / 2);
    return [low - air, high + air];
  }

  draw() {
    if (!this.dirty) return;
    this.tell();
    if (!this.visible) return;
    this.dirty = false;
    this.plot.setData([this.card.times, this.values]);
  }

  // The number, and what the plot shows, in words.
  tell() {
    const { times } = this.card, [from, to] = limits();
    const seen = this.values.filter((v, i) => v !== null && times[i] >= from && times[i] <= to);
    const now = this.card.row?.[2 + this.column];
    this.measure(seen.length ? seen : [now ?? 0]);
    const i = shownAt === null ? -1 : nearest(times, shownAt);
    this.root.classList.toggle('at', i >= 0);
    const text = this.text(i >= 0 ? this.values[i] : now);
    if (this.number.textContent !== text) this.number.textContent = text;
    let low = Infinity, high = -Infinity;
    for (const v of seen) { low = Math.min(low, v); high = Math.max(high, v); }
    this.range.textContent = seen.length > 1 ? this.text(low) + ' to ' + this.text(high) : '';
    this.box.setAttribute('aria-label', `${this.card.about.name}, ${this.about.name}: now ${this.text(now)} ${this.unit.textContent}` +
      (seen.length > 1 ? `, from ${this.text(low)} to ${this.text(high)} in the time shown` : ''));
  }

  // Left and right go through the samples.
  key(event) {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key], { times } = this.card;
    if (event.key === 'Escape') point(null);
    if (!step || !times.length || !this.plot) return;
    event.preventDefault();
    const at = shownAt === null ? times.length : nearest(times, shownAt);
    point(times[Math.min(times.length - 1, Math.max(0, at + step))]);
  }
}

// But where the plot's edge would cut them.
function times(u, at, step) {
  const most = u.over.clientWidth - (step < 60 ? 22 : 12);
  return at.map((t) => u.valToPos(t, 'x') > most ? '' : step < 60 ? clock(t) : clock(t).slice(0, 5));
}

function short(v, step) {
  if (Math.abs(v) >= 1e4) return v.toLocaleString('en', { notation: 'compact', maximumFractionDigits: 1 });
  return v.toFixed(Math.min(6, Math.max(0, -Math.floor(Math.log10(step) + 1e-9)))).replace('-', '\u2212');
}

// From when to when plots show: the same for all, and no more than there is.
function limits() {
  const now = Date.now() / 1000;
  const first = Math.min(now - 20, ...cards.map((card) => card.times[0] ?? now));
  return [span ? Math.max(first, now - span) : first, now];
}

function nearest(times, t) {
  let low = 0, high = times.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (times[middle] < t) low = middle; else high = middle;
  }
  return high < 0 ? -1 : Math.abs(times[low] - t) <= Math.abs(times[high] - t) ? low : high;
}

// All plots show the same moment.
let pointing = false;

function point(t) {
  if (pointing || t === shownAt) return;
  pointing = true;
  shownAt = t;
  for (const card of cards) {
    for (const field of card.fields) {
      if (field.plot && field.visible) {
        const u = field.plot, i = t === null ? -1 : nearest(card.times, t);
        u.setCursor(i < 0 ? { left: -10, top: -10 } : { left: u.valToPos(card.times[i], 'x'), top: 10 }, false);
        field.tell();
      }
    }
    card.tellAge();
  }
  pointing = false;
}

// Only what can be seen is drawn.
const watcher = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) watcher.field.get(target)?.show(isIntersecting);
}, { rootMargin: '200px' });
watcher.field = new WeakMap();

// ---- A sensor's card

class Card {
  constructor(about) {
    Object.assign(this, { about, times: [], fields: [], states: [], seq: null });
    this.root = element('section', 'card', undefined, { 'aria-label': about.name });
    const head = element('header');
    this.age = element('span', 'age');
    head.append(element('h2', '', about.name), element('a', '', about.path, { href: base + about.path }), this.age);
    this.root.append(head);
    const numbers = about.fields.filter((field) => field.type === 'int' || field.type === 'float').length;
    this.root.style.setProperty('--wide', Math.min(3, numbers || 1));
    this.root.style.setProperty('--medium', Math.min(2, numbers || 1));
    const plots = element('div', 'fields'), states = element('div', numbers ? 'states' : 'states only');
    about.fields.forEach((field, i) => {
      if (field.type === 'int' || field.type === 'float') {
        this.fields.push(new Field(this, field, i));
        plots.append(this.fields.at(-1).root);
      } else {
        const root = element('div', 'state', undefined, field.help ? { title: field.help } : {}), value = element('b', '', '–');
        root.append(element('span', '', field.name.replaceAll('_', ' ')), value);
        this.states.push({ root, value, column: i });
        states.append(root);
      }
    });
    if (numbers) this.root.append(plots);
    if (this.states.length) this.root.append(states);
    $('cards').append(this.root);
  }

  // A sample that has just been taken: [seq, ms, values...]. What lies between it and the one before is asked for.
  live(row) {
    const first = this.stream !== source, lag = Date.now() - row[1];
    this.stream = source;
    if (first && this.seq !== null && ((row[0] - this.seq) | 0) < 0) renew(false);
    // The samples are of this moment, but for the stream's first of each sensor.
    if (lag < offset || (!first && lag > offset + LATE)) offset = lag;
    this.wanted = row[0];
    const next = this.seq === null ? row[0] === 0 : row[0] === ((this.seq + 1) >>> 0);
    if (next || this.about.history < 2) this.add(row);
    else if (row[0] !== this.seq) this.fill();
  }

  async fill() {
    if (this.filling) return;
    this.filling = true;
    try {
      while (this.seq === null || ((this.wanted - this.seq) | 0) > 0) {
        const kept = Math.min(this.about.history, ASK), before = this.seq;
        const got = await ask(base + this.about.path + (before === null ? '?last=' + kept : '?since=' + before), 20000);
        if (got.boot !== boot || this.seq !== before) return;   // of another run: the stream will tell
        if (before !== null && got.samples[0]?.[0] !== ((before + 1) >>> 0)) this.hole();
        for (const row of got.samples) this.add(row);
        await new Promise((done) => setTimeout(done, 300));
      }
    } catch {
      // the next sample tries again
    } finally {
      this.filling = false;
    }
  }

  add(row) {
    if (this.seq !== null && ((row[0] - this.seq) | 0) <= 0) return;
    this.seq = row[0];
    this.say(row);
    if (this.seq === 0) return;     // what the program began with, which nobody has measured
    const t = (row[1] + offset) / 1000, last = this.times.at(-1) ?? 0;
    if (t > last - 2) this.push(Math.max(t, last + .001), (field) => row[2 + field.column]);
  }

  // Lines end here, and begin again.
  hole() {
    if (this.times.length) this.push(this.times.at(-1) + .001, () => null);
  }

  push(t, value) {
    this.times.push(t);
    for (const field of this.fields) field.values.push(value(field));
    const more = this.times.length - POINTS;
    if (more > 500) {
      this.times.splice(0, more);
      for (const field of this.fields) field.values.splice(0, more);
    }
  }

  say(row) {
    this.row = row;
    this.newest = (row[1] + offset) / 1000;
    for (const { root, value, column } of this.states) {
      const now = row[2 + column], text = typeof now === 'boolean' ? (now ? 'yes' : 'no') : now === null ? '–' : String(now) || '(empty)';
      if (value.textContent !== text) value.textContent = text;
      root.classList.toggle('on', now === true);
    }
    for (const field of this.fields) field.dirty = true;
    later();
  }

  // The stream has begun anew, of the same program or of one that counts from 0 again.
  renew(same) {
    if (!same || this.about.history < 2) this.hole();
    if (!same) this.seq = null;
  }

  tellAge() {
    const age = Math.max(0, Date.now() / 1000 - this.newest);
    const text = shownAt !== null ? clock(shownAt) : this.newest === undefined || age < 3 ? '' : duration(age) + ' ago';
    if (this.age.textContent !== text) this.age.textContent = text;
  }
}

// ---- Drawing: soon after something came, and every second, since time goes on

let drawing = null;

function later() {
  drawing ??= setTimeout(() => requestAnimationFrame(draw), 80);
}

function draw() {
  drawing = null;
  for (const card of cards) {
    for (const field of card.fields) field.draw();
    card.tellAge();
  }
}

setInterval(() => {
  if (document.hidden || $('state').dataset.state === 'reconnecting') {
    for (const card of cards) card.tellAge();
    return;
  }
  for (const card of cards) for (const field of card.fields) field.dirty = true;
  draw();
}, 1000);

// ---- The sensors that there are

let discovering = null;
const early = new Map();    // what came before the sensor was known, by its number

function discover() {
  discovering ??= ask('sensors.json').then(arrange).finally(() => { discovering = null; });
  return discovering;
}

function arrange(found) {
  count = found.sensors.length;
  base = location.pathname.slice(0, location.pathname.length - found.prefix.length);
  document.title = found.title;
  put('title', found.title);
  put('system', found.system);
  found.sensors.forEach((about, i) => {
    if (JSON.stringify(cards[i]?.about) === JSON.stringify(about)) return;
    for (const card of cards.splice(i)) card.root.remove();
    cards.push(new Card(about));
  });
  for (const card of cards.splice(count)) card.root.remove();
  $('empty').hidden = count > 0;
  $('windows').hidden = $('metrics').hidden = count === 0;
  $('metrics').href = base + '/metrics';
  for (const [number, row] of early) cards[number]?.live(row);
  early.clear();
}

// ---- The stream

function connect() {
  clearTimeout(retry);
  source?.close();
  if (document.hidden) return;
  source = new EventSource('sensors/events');
  source.addEventListener('hello', (event) => {
    const hello = JSON.parse(event.data);
    heard = Date.now();
    offset = heard - hello.ms;
    wait = 1000;
    if (boot !== undefined) renew(hello.boot === boot && hello.ms >= began);
    boot = hello.boot;
    began = hello.ms;
    discover().then(() => set('live'), lost);
  });
  source.onmessage = (event) => {
    const [number, row] = JSON.parse(event.data), card = cards[number];
    heard = Date.now();
    if (discovering || !card) {
      early.set(number, row);
      if (!discovering) discover().catch(lost);
      return;
    }
    card.live(row);
  };
  source.onerror = lost;
}

// An emulated board has the same random numbers each time: only its clock and its samples' numbers tell that it was started anew.
function renew(same) {
  for (const card of cards) card.renew(same);
}

function lost() {
  source?.close();
  if ($('state').dataset.state !== 'refused') set('reconnecting');
  clearTimeout(retry);
  retry = setTimeout(connect, wait);
  wait = Math.min(wait * 1.5, 8000);
}

document.addEventListener('visibilitychange', () => {
  if (document.hidden) {
    clearTimeout(retry);
    source?.close();
    set('paused');
  } else {
    set('connecting');
    connect();
  }
});

// ---- The server's own figures, which Python gives

let before = null;

function tell(now) {
  const at = performance.now();
  put('uptime', duration(now.uptime));
  put('requests', now.requests.toLocaleString('en') + ' in all');
  if (before && now.requests >= before.requests) {
    const rate = (now.requests - before.requests) * 1000 / (at - before.at);
    put('rate', rate.toFixed(rate < 10 ? 1 : 0) + ' /s');
  }
  put('open', String(now.open));
  put('sent', bytes(now.bytes_out) + ' sent');
  put('free', bytes(now.free));
  put('used', 'of ' + bytes(now.free + now.used));
  $('bar').firstChild.style.width = 100 * now.used / (now.free + now.used) + '%';
  before = { requests: now.requests, at };
  if (now.sensors !== count) return discover();
}

async function poll() {
  let pause = 2000;
  if (!document.hidden && $('state').dataset.state === 'live') {
    try {
      await tell(await ask('stats.json', 5000));
      $('stats').classList.remove('old');
      put('note', '');
    } catch {
      $('stats').classList.add('old');
      pause = 8000;
      await ask('sensors.json', 5000).then(
        () => put('note', 'The program is busy: its figures are old, its sensors are not.'),
        () => { if (Date.now() - heard > 5000) lost(); });
    }
  }
  setTimeout(poll, pause);
}

// ---- The time shown

for (const input of document.querySelectorAll('[name=window]')) {
  input.onchange = () => {
    span = Number(input.value);
    try { localStorage.setItem('window', input.value); } catch { /* a private window */ }
    for (const card of cards) for (const field of card.fields) field.dirty = true;
    draw();
  };
  try {
    if (localStorage.getItem('window') === input.value) {
      input.checked = true;
      span = Number(input.value);
    }
  } catch { /* likewise */ }
}

matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
  for (const card of cards) for (const field of card.fields) field.plot?.redraw(false);
});

connect();
poll();
