/** From where on the array costs less than the loop, in UTF-16 units; measured in Chromium. */
const LONG = 2048;

let encoder: TextEncoder | undefined;

/** Returns how many bytes a text has in UTF-8, as a browser sends it: half a surrogate pair as U+FFFD. */
export function utf8Length(text: string): number {
  // A long one is counted faster by the browser, though it makes an array of it.
  if (text.length > LONG) return (encoder ??= new TextEncoder()).encode(text).length;
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
