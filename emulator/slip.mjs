// SLIP framing (RFC 1055).

const END = 0xc0, ESC = 0xdb, ESC_END = 0xdc, ESC_ESC = 0xdd;

// An END in front ends whatever noise the line carried before.
export function encode(packet) {
  const out = [END];
  for (const byte of packet) {
    if (byte === END) out.push(ESC, ESC_END);
    else if (byte === ESC) out.push(ESC, ESC_ESC);
    else out.push(byte);
  }
  out.push(END);
  return out;
}

export class Decoder {
  constructor(onPacket) {
    this.onPacket = onPacket;
    this.packet = [];
    this.escaped = false;
  }

  push(byte) {
    if (byte === END) {
      const packet = this.packet;
      this.packet = [];
      this.escaped = false;
      if (packet.length > 0) this.onPacket(Buffer.from(packet));
    } else if (byte === ESC) {
      this.escaped = true;
    } else {
      this.packet.push(!this.escaped ? byte : byte === ESC_END ? END : byte === ESC_ESC ? ESC : byte);
      this.escaped = false;
    }
  }
}
