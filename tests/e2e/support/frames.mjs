/** The frames of RFC 6455, section 5: written as a server may and as it may not, read as they come. */

import { EventEmitter } from "node:events";

export const CONTINUATION = 0x0;
export const TEXT = 0x1;
export const BINARY = 0x2;
export const CLOSE = 0x8;

const FIN = 0x80;
const MASKED = 0x80;
const MASK_BYTES = 4;

/**
 * Writes a frame as a server sends it: whole and unmasked.
 *
 * @param {number} opcode
 * @param {Buffer} payload
 */
export function frame(opcode, payload) {
  return Buffer.concat([Buffer.from([FIN | opcode]), size(payload.length), payload]);
}

/**
 * Writes the payload of a close frame: any code, also one that nobody may send.
 *
 * @param {number} code
 * @param {string} [reason]
 */
export function closePayload(code, reason = "") {
  return Buffer.concat([Buffer.from([code >> 8, code & 0xff]), Buffer.from(reason)]);
}

/** Takes the bytes that come from a client; emits `message` (opcode, payload) for each one. */
export class FrameReader extends EventEmitter {
  #bytes = Buffer.alloc(0);
  #opcode = CONTINUATION;
  #parts = [];

  take(bytes) {
    this.#bytes = Buffer.concat([this.#bytes, bytes]);
    for (let read = this.#next(); read !== undefined; read = this.#next()) this.#add(read);
  }

  /** A browser may send a large message in parts. */
  #add({ head, payload }) {
    const opcode = head & 0x0f;
    if (opcode >= CLOSE) {
      this.emit("message", opcode, payload);
      return;
    }
    if (opcode !== CONTINUATION) this.#opcode = opcode;
    this.#parts.push(payload);
    if (head & FIN) this.emit("message", this.#opcode, Buffer.concat(this.#parts.splice(0)));
  }

  #next() {
    const bytes = this.#bytes;
    if (bytes.length < 2) return undefined;
    const short = bytes[1] & ~MASKED;
    const start = { 126: 4, 127: 10 }[short] ?? 2;
    if (bytes.length < start) return undefined;
    let length = short;
    if (short === 126) length = bytes.readUInt16BE(2);
    if (short === 127) length = Number(bytes.readBigUInt64BE(2));
    const end = start + MASK_BYTES + length;
    if (bytes.length < end) return undefined;
    const mask = bytes.subarray(start, start + MASK_BYTES);
    const payload = Buffer.from(bytes.subarray(start + MASK_BYTES, end));
    for (let index = 0; index < length; index += 1) payload[index] ^= mask[index % MASK_BYTES];
    this.#bytes = bytes.subarray(end);
    return { head: bytes[0], payload };
  }
}

function size(length) {
  if (length < 126) return Buffer.from([length]);
  const head = Buffer.alloc(length < 65_536 ? 3 : 9);
  head[0] = length < 65_536 ? 126 : 127;
  if (length < 65_536) head.writeUInt16BE(length, 1);
  else head.writeBigUInt64BE(BigInt(length), 1);
  return head;
}
