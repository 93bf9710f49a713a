// A TCP client at the other end of the serial line, in the emulated board's own time: no sockets, no root.
//
// As much of RFC 9293 as one peer on a wire that loses nothing by itself needs: segments in order, both windows, and
// no slivers where one is nearly full, FIN and RST both ways, a fixed retransmission timer for what the board dropped.
// Every segment is acknowledged at once.

import { encode, Decoder } from './slip.mjs';

const FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16;
const HEADERS = 40;
const TCP = 6;
const MSS_OPTION = 2;
const DEFAULT_MSS = 536;
const OUR_MSS = 1460;
const RETRANSMIT_NANOS = 1e9;
const FIRST_PORT = 49152;
const FIRST_SEQUENCE = 1000;

const dotted = (address) => address.split('.').map(Number);

function checksum(bytes, sum = 0) {
  for (let i = 0; i < bytes.length; i += 2) sum += (bytes[i] << 8) | (bytes[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

// a - b of sequence numbers, which wrap.
const difference = (a, b) => (a - b) | 0;

// The network beyond the wire: our address, and the connections of this end.
export class Network {
  constructor(machine, { address = '192.168.7.1', board = '192.168.7.2' } = {}) {
    Object.assign(this, { machine, address: dotted(address), board: dotted(board) });
    this.connections = new Map();      // by our port
    this.nextPort = FIRST_PORT;
    this.onPacket = () => {};          // (packet, outgoing) for logs and hashes
    this.decoder = new Decoder((packet) => this.receive(packet));
    machine.onUart = (byte) => this.decoder.push(byte);
  }

  connect(port, options) {
    const connection = new Connection(this, this.nextPort, port, options);
    this.connections.set(this.nextPort, connection);
    this.nextPort = this.nextPort === 65535 ? FIRST_PORT : this.nextPort + 1;
    connection.open();
    return connection;
  }

  send(packet) {
    this.onPacket(packet, true);
    this.machine.uarts[0].receive(encode(packet));
  }

  receive(packet) {
    this.onPacket(packet, false);
    if (packet.length < HEADERS || packet[0] !== 0x45 || packet[9] !== TCP) return;
    const end = packet.readUInt16BE(2), data = 20 + (packet[32] >> 4) * 4;
    if (end > packet.length || checksum(packet.subarray(0, 20)) !== 0 || this.tcpChecksum(packet.subarray(0, end)) !== 0) {
      throw new Error('the board sent a packet with a wrong length or checksum');
    }
    const segment = {
      sequence: packet.readUInt32BE(24),
      acknowledged: packet.readUInt32BE(28),
      flags: packet[33],
      window: packet.readUInt16BE(34),
      options: packet.subarray(40, data),
      data: packet.subarray(data, end),
    };
    const connection = this.connections.get(packet.readUInt16BE(22));
    if (connection && connection.remotePort === packet.readUInt16BE(20)) connection.receive(segment);
  }

  tcpChecksum(packet) {
    return checksum(packet.subarray(12), TCP + packet.length - 20);
  }

  // An IPv4 packet with a TCP segment from us to the board.
  packet({ from, to, sequence, acknowledged, flags, window, options = [], data = Buffer.alloc(0) }) {
    const packet = Buffer.alloc(HEADERS + options.length + data.length);
    packet[0] = 0x45;
    packet.writeUInt16BE(packet.length, 2);
    packet[8] = 64;
    packet[9] = TCP;
    packet.set([...this.address, ...this.board], 12);
    packet.writeUInt16BE(checksum(packet.subarray(0, 20)), 10);
    packet.writeUInt16BE(from, 20);
    packet.writeUInt16BE(to, 22);
    packet.writeUInt32BE(sequence >>> 0, 24);
    packet.writeUInt32BE(acknowledged >>> 0, 28);
    packet[32] = ((20 + options.length) / 4) << 4;
    packet[33] = flags;
    packet.writeUInt16BE(window, 34);
    packet.set(options, HEADERS);
    packet.set(data, HEADERS + options.length);
    packet.writeUInt16BE(this.tcpChecksum(packet), 36);
    return packet;
  }
}

export class Connection {
  // `window`: how many bytes that nobody has read yet this end will hold.
  constructor(network, localPort, remotePort, { window = 65535 } = {}) {
    Object.assign(this, { network, localPort, remotePort, window });
    this.state = 'opening';            // opening, open, reset; a clean end shows in finished and closed
    this.sendNext = FIRST_SEQUENCE;    // sequence of the first byte that was never sent
    this.unacknowledged = FIRST_SEQUENCE;
    this.queue = Buffer.alloc(0);      // from `unacknowledged` on: sent and unsent data
    this.peerWindow = 0;
    this.mss = DEFAULT_MSS;
    this.receiveNext = 0;
    this.received = Buffer.alloc(0);   // in order, not yet read
    this.finished = false;             // the board has sent FIN
    this.finWanted = false;
    this.finSent = false;
    this.onData = () => {};
    const { clock } = network.machine;
    this.timer = clock.createAlarm(() => this.retransmit());
  }

  // The board has acknowledged everything, our FIN included.
  get closed() {
    return this.state === 'reset' || (this.finSent && this.inFlight === 0);
  }

  get inFlight() {
    return difference(this.sendNext, this.unacknowledged);
  }

  open() {
    const options = [MSS_OPTION, 4, OUR_MSS >> 8, OUR_MSS & 255];
    this.transmit({ sequence: FIRST_SEQUENCE, flags: SYN, options });
    this.sendNext = FIRST_SEQUENCE + 1;
    this.timer.schedule(RETRANSMIT_NANOS);
  }

  send(data) {
    this.queue = Buffer.concat([this.queue, Buffer.from(data)]);
    this.push();
  }

  // No more data from us.
  finish() {
    this.finWanted = true;
    this.push();
  }

  abort() {
    if (this.state === 'open') this.transmit({ flags: RST | ACK });
    this.end('reset');
  }

  // Takes up to `length` received bytes; tells the board if that opens a window which was shut.
  read(length = Infinity) {
    const taken = this.received.subarray(0, length);
    const shut = this.room < this.mss;
    this.received = this.received.subarray(taken.length);
    if (shut && this.room >= this.mss && this.state === 'open' && !this.finished) this.transmit({ flags: ACK });
    return taken;
  }

  get room() {
    return Math.max(0, this.window - this.received.length);
  }

  // ---- to the board

  transmit(segment) {
    this.network.send(this.network.packet({
      from: this.localPort, to: this.remotePort, sequence: this.sendNext, acknowledged: this.receiveNext,
      window: Math.min(this.room, 65535), ...segment,
    }));
  }

  // Sends what the board's window allows, and the FIN behind the last byte.
  push() {
    if (this.state !== 'open' || this.finSent) return;
    for (;;) {
      const at = this.inFlight;
      const length = Math.min(this.queue.length - at, this.mss, this.peerWindow - at);
      if (length <= 0) break;
      const last = at + length === this.queue.length;
      if (length < this.mss && !last && at > 0) break;     // no slivers of a segment while more window is sure to come
      this.transmit({ flags: ACK | (last ? PSH : 0), data: this.queue.subarray(at, at + length) });
      this.sendNext = (this.sendNext + length) >>> 0;
    }
    if (this.finWanted && this.inFlight === this.queue.length) {
      this.transmit({ flags: FIN | ACK });
      this.sendNext = (this.sendNext + 1) >>> 0;
      this.finSent = true;
    }
    if (this.inFlight > 0 || this.queue.length > 0) this.timer.schedule(RETRANSMIT_NANOS);
  }

  // The oldest thing that is not acknowledged, again; one byte if the board's window was shut.
  retransmit() {
    if (this.state === 'opening') {
      this.open();
    } else if (this.queue.length > 0) {
      const length = Math.min(this.queue.length, this.mss, Math.max(1, this.peerWindow));
      this.transmit({ sequence: this.unacknowledged, flags: ACK | PSH, data: this.queue.subarray(0, length) });
      if (length > this.inFlight) this.sendNext = (this.unacknowledged + length) >>> 0;
    } else if (this.finSent) {
      this.transmit({ sequence: this.unacknowledged, flags: FIN | ACK });
    }
    this.timer.schedule(RETRANSMIT_NANOS);
  }

  // ---- from the board

  receive(segment) {
    if (segment.flags & RST) return this.end('reset');
    if (this.state === 'opening') return this.answered(segment);
    if (this.state !== 'open') return undefined;
    if (segment.flags & ACK) this.acknowledge(segment);
    this.accept(segment);
    return this.push();
  }

  answered({ flags, sequence, acknowledged, window, options }) {
    if ((flags & (SYN | ACK)) !== (SYN | ACK) || acknowledged !== this.sendNext) return;
    if (options[0] === MSS_OPTION) this.mss = options.readUInt16BE(2);
    this.state = 'open';
    this.unacknowledged = acknowledged;
    this.receiveNext = (sequence + 1) >>> 0;
    this.peerWindow = window;
    this.timer.cancel();
    this.transmit({ flags: ACK });
    this.push();
  }

  acknowledge({ acknowledged, window }) {
    this.peerWindow = window;
    const news = difference(acknowledged, this.unacknowledged);
    if (news <= 0 || news > this.inFlight) return;
    this.unacknowledged = acknowledged;
    this.queue = this.queue.subarray(Math.min(news, this.queue.length));
    if (this.inFlight === 0) this.timer.cancel();
    else this.timer.schedule(RETRANSMIT_NANOS);
    if (this.closed && this.finished) this.network.connections.delete(this.localPort);
  }

  // Only what comes next and fits; the rest the board will send again.
  accept({ sequence, flags, data }) {
    if (data.length === 0 && !(flags & FIN)) return;
    const known = difference(this.receiveNext, sequence);
    const fresh = known >= 0 && known <= data.length ? data.subarray(known, known + this.room) : data.subarray(0, 0);
    if (fresh.length > 0) {
      this.received = Buffer.concat([this.received, fresh]);
      this.receiveNext = (this.receiveNext + fresh.length) >>> 0;
      this.onData(fresh);
    }
    if (flags & FIN && !this.finished && this.receiveNext === ((sequence + data.length) >>> 0)) {
      this.finished = true;
      this.receiveNext = (this.receiveNext + 1) >>> 0;
    }
    this.transmit({ flags: ACK });
  }

  end(state) {
    this.state = state;
    this.timer.cancel();
    this.network.connections.delete(this.localPort);
  }
}
