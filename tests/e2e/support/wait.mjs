/** Waiting for what must happen, and not for ever. */

/** How long anything may take on a busy machine, in milliseconds. */
export const LIMIT = 30_000;

const PAUSE = 20;

/**
 * Rejects with `what` if a promise takes too long.
 *
 * @template T
 * @param {Promise<T>} promise
 * @param {string} what - What was waited for.
 * @param {number} [limit]
 * @returns {Promise<T>}
 */
export async function within(promise, what, limit = LIMIT) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not within ${limit} ms: ${what}`)), limit);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Asks again and again until the answer is true, and returns it.
 *
 * @template T
 * @param {string} what - What is waited for.
 * @param {() => T | Promise<T>} ask
 * @param {number} [limit]
 * @returns {Promise<T>}
 */
export async function until(what, ask, limit = LIMIT) {
  const started = Date.now();
  for (;;) {
    const answer = await ask();
    if (answer) return answer;
    if (Date.now() - started > limit) throw new Error(`not within ${limit} ms: ${what}`);
    await new Promise((next) => setTimeout(next, PAUSE));
  }
}
