/** Copies of the bytes that are sent: the caller may go on to change its own. */

/**
 * The room before copied bytes, where the head of their frame is written. 192 bytes: the head of a
 * message to a group has at most 180, unless JSON escapes the group.
 */
const HEAD_ROOM = 192;

/** As many as 1 MiB in pieces of 64 KiB, on their way to a server and back, needs. */
const MAX_SPARES = 16;

/**
 * The memory of copies that nobody needs any more, the newest first: fresh memory costs more than the
 * copying. All clients have it in common, and it is held weakly: the garbage collector may have it.
 */
const spares: { readonly size: number; readonly memory: WeakRef<ArrayBufferLike> }[] = [];

/** Copies bytes. */
export function copied(bytes: Uint8Array): Uint8Array {
  const size = HEAD_ROOM + bytes.length;
  const copy = new Uint8Array(takeSpare(size) ?? new ArrayBuffer(size), HEAD_ROOM);
  copy.set(bytes);
  return copy;
}

/** Takes the memory of a copy back that nobody needs any more. */
export function reuse({ buffer }: Uint8Array): void {
  spares.unshift({ size: buffer.byteLength, memory: new WeakRef(buffer) });
  if (spares.length > MAX_SPARES) spares.pop();
}

/** Takes memory of just this size: whatever is around a copy goes to other tabs with it. */
function takeSpare(size: number): ArrayBufferLike | undefined {
  const at = spares.findIndex((spare) => spare.size === size);
  return at < 0 ? undefined : spares.splice(at, 1)[0]?.memory.deref();
}
