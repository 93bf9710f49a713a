// The requests whose cost is counted, byte for byte the same every time.

const HOST = 'Host: 192.168.7.2';

const curl = (path) => `GET ${path} HTTP/1.1\r\n${HOST}\r\nUser-Agent: curl/8.14.1\r\nAccept: */*\r\n\r\n`;

const browser = (path) => [
  `GET ${path} HTTP/1.1`, HOST, 'Connection: keep-alive',
  'User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0',
  'Accept: text/html,application/xhtml+xml,*/*;q=0.8', 'Accept-Language: en-US,en;q=0.5', 'Accept-Encoding: gzip, deflate',
  'DNT: 1', 'Upgrade-Insecure-Requests: 1', 'Sec-Fetch-Dest: document', 'Sec-Fetch-Mode: navigate', 'Priority: u=0, i',
  'Cookie: theme=dark',
].join('\r\n') + '\r\n\r\n';

const post1k = (path) => `POST ${path} HTTP/1.1\r\n${HOST}\r\nUser-Agent: curl/8.14.1\r\nAccept: */*\r\n` +
  `Content-Type: text/plain\r\nContent-Length: 1024\r\n\r\n${'0123456789abcdef'.repeat(64)}`;

export const requests = { curl, browser, post1k, file16k: curl };

// Tells, as its bytes come, when an answer is complete: by its Content-Length, its last chunk, or the end of the
// connection. Answers to HEAD and interim answers do not occur here.
export class Answer {
  constructor() {
    this.text = '';
    this.head = -1;                  // length of the head, once it is there
  }

  push(bytes) {
    this.text += bytes.toString('latin1');
    if (this.head < 0) {
      const end = this.text.indexOf('\r\n\r\n');
      if (end >= 0) this.head = end + 4;
    }
  }

  get status() {
    return Number(this.text.slice(9, 12));
  }

  field(name) {
    const match = new RegExp(`^${name}: *(.*?)\\r$`, 'im').exec(this.text.slice(0, this.head));
    return match ? match[1] : null;
  }

  complete(finished) {
    if (this.head < 0) return false;
    const length = this.field('Content-Length');
    if (length !== null) return this.text.length >= this.head + Number(length);
    if (this.field('Transfer-Encoding') === 'chunked') return this.text.endsWith('\r\n0\r\n\r\n');
    return finished || this.status === 204 || this.status === 304;
  }

  // The server will not take another request on this connection.
  get closes() {
    const connection = (this.field('Connection') ?? '').toLowerCase();
    return connection === 'close' || (this.text.startsWith('HTTP/1.0') && connection !== 'keep-alive');
  }
}
