/** The longest text that is measured in the scratch, in UTF-16 units. */
const LONG = 4096;
/** The longest text that is counted here: the call of the browser costs as much as that. */
const SHORT = 64;

let encoder: TextEncoder | undefined;
let scratch: Uint8Array | undefined;

/** Returns how many bytes a text has in UTF-8, as a browser sends it: half a surrogate pair as U+FFFD. */
export function utf8Length(text: string): number {
  // Jest's jsdom has no TextEncoder.
  if (text.length > SHORT && globalThis.TextEncoder !== undefined) {
    encoder ??= new TextEncoder();
    if (text.length > LONG) return encoder.encode(text).length;
    // Three bytes for a unit are the most.
    scratch ??= new Uint8Array(3 * LONG);
    return encoder.encodeInto(text, scratch).written;
  }
  let bytes = text.length;
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index);
    if (unit < 0x80) continue;
    if (unit < 0x800) {
      bytes += 1;
    } else if (isHigh(unit) && isLow(text.charCodeAt(index + 1))) {
      // Two units, four bytes.
      bytes += 2;
      index += 1;
    } else {
      bytes += 2;
    }
  }
  return bytes;
}

/** Says whether a text has at most `limit` bytes in UTF-8; most texts need not be looked at. */
export function fitsUtf8(text: string, limit: number): boolean {
  if (text.length > limit) return false;
  return text.length * 3 <= limit || utf8Length(text) <= limit;
}

function isHigh(unit: number): boolean {
  return unit >= 0xd800 && unit < 0xdc00;
}

function isLow(unit: number): boolean {
  return unit >= 0xdc00 && unit < 0xe000;
}
