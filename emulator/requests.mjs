// The requests whose cost is counted, byte for byte the same every time unless said otherwise.

const HOST = 'Host: 192.168.7.2';
export const FILE = String.fromCharCode(...Array(256).keys()).repeat(64);     // 16 kB

const curl = (path, more = '', version = '8.14.1') =>
  `GET ${path} HTTP/1.1\r\n${HOST}\r\nUser-Agent: curl/${version}\r\nAccept: */*\r\n${more}\r\n`;

const browser = (path, version = '128.0') => [
  `GET ${path} HTTP/1.1`, HOST, 'Connection: keep-alive',
  `User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:${version}) Gecko/20100101 Firefox/${version}`,
  'Accept: text/html,application/xhtml+xml,*/*;q=0.8', 'Accept-Language: en-US,en;q=0.5', 'Accept-Encoding: gzip, deflate',
  'DNT: 1', 'Upgrade-Insecure-Requests: 1', 'Sec-Fetch-Dest: document', 'Sec-Fetch-Mode: navigate', 'Priority: u=0, i',
  'Cookie: theme=dark',
].join('\r\n') + '\r\n\r\n';

const post = (path, length) => `POST ${path} HTTP/1.1\r\n${HOST}\r\nUser-Agent: curl/8.14.1\r\nAccept: */*\r\n` +
  `Content-Type: text/plain\r\nContent-Length: ${length}\r\n\r\n${'0123456789abcdef'.repeat(length / 16)}`;

// What is sent to a program that serves `path`, and the body that must come back. `answers`: how many, when not one;
// `idle`: how many connections do nothing meanwhile. A text that is a function is given how often it has been asked before: the
// ones called strange come from another client each time, so that no server knows the request.
const named = {
  curl: (path) => ({ text: curl(path), body: 'hello' }),
  browser: (path) => ({ text: browser(path), body: 'hello' }),
  strange_curl: (path) => ({ text: (n) => curl(path, '', `8.14.${n % 10}`), body: 'hello' }),
  strange_browser: (path) => ({ text: (n) => browser(path, `128.${n % 10}`), body: 'hello' }),
  post1k: (path) => ({ text: post(path, 1024), body: '1024' }),
  file16k: (path) => ({ text: curl(`${path}file`), body: FILE }),
};

// The same with a number, as in fields:8, for the lines that costs are to follow.
const numbered = {
  get: (path, n) => ({ text: curl(`${path}${n}`), body: FILE.slice(0, n) }),
  post: (path, n) => ({ text: post(path, n), body: String(n) }),
  fields: (path, n) => ({ text: curl(path, 'X-Reading: 21.5 degrees\r\n'.repeat(n)), body: 'hello' }),
  pipeline: (path, n) => ({ text: curl(path).repeat(n), body: 'hello', answers: n }),
  idle: (path, n) => ({ text: curl(path), body: 'hello', idle: n }),
};

export function makeRequest(name, path) {
  const [kind, number] = name.split(':');
  const make = (number === undefined ? named : numbered)[kind];
  if (!make) {
    const known = [...Object.keys(named), ...Object.keys(numbered).map((key) => `${key}:N`)];
    throw new Error(`no request is called ${name}: there are ${known.join(', ')}`);
  }
  return { answers: 1, idle: 0, ...make(path, Number(number)) };
}

// A chunked body from `at` on: { body, end }, or null where it is not all there.
function unchunk(text, at) {
  for (let body = ''; ;) {
    const line = text.indexOf('\r\n', at);
    const size = parseInt(text.slice(at, line), 16);
    const end = line + 2 + size + 2;
    if (line < 0 || text.length < end) return null;
    if (size === 0) return { body, end };
    body += text.slice(line + 2, end - 2);
    at = end;
  }
}

// The first answer in `text`, or null where it is not all there; `finished`: the connection has ended. Answers to HEAD
// and interim answers do not occur here.
function parseAnswer(text, finished) {
  const start = text.indexOf('\r\n\r\n') + 4;
  if (start < 4) return null;
  const head = text.slice(0, start);
  const field = (name) => new RegExp(`^${name}: *(.*?)\\r$`, 'im').exec(head)?.[1] ?? null;
  const status = Number(head.slice(9, 12));
  const connection = (field('Connection') ?? '').toLowerCase();
  const length = field('Content-Length');
  let found = null;
  if (length !== null) found = { body: text.slice(start, start + Number(length)), end: start + Number(length) };
  else if (field('Transfer-Encoding') === 'chunked') found = unchunk(text, start);
  else if (status === 204 || status === 304) found = { body: '', end: start };
  else if (finished) found = { body: text.slice(start), end: text.length };
  if (found === null || found.end > text.length) return null;
  // closes: the server will not take another request on this connection.
  return { status, ...found, closes: connection === 'close' || (head.startsWith('HTTP/1.0') && connection !== 'keep-alive') };
}

// Tells, as their bytes come, when `count` answers are complete.
export class Answers {
  constructor(count) {
    this.count = count;
    this.text = '';
    this.all = [];
  }

  push(bytes) {
    this.text += bytes.toString('latin1');
  }

  complete(finished) {
    while (this.all.length < this.count) {
      const answer = parseAnswer(this.text, finished);
      if (answer === null) return false;
      this.all.push(answer);
      this.text = this.text.slice(answer.end);
    }
    return true;
  }

  // Throws where one is not what was asked for. `body`: the one expected, null for any.
  check(body) {
    for (const answer of this.all) {
      if (answer.status !== 200 || (body !== null && answer.body !== body)) {
        throw new Error(`the wrong answer: ${answer.status} ${JSON.stringify(answer.body.slice(0, 200))}`);
      }
    }
  }

  get closes() {
    return this.all.at(-1).closes;
  }
}
