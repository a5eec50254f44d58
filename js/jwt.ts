/** What a JWT says of its own life (RFC 7519): used where neither application nor server says it. */

/**
 * Returns how long a token lives from now, in milliseconds; `undefined` if it is no JWT or does not
 * say. Its signature is the server's affair.
 *
 * The clock here may be wrong by years. So `exp` is compared with it only where the outcome is
 * possible: no longer than from `iat` to `exp`. Else the token counts as just issued.
 */
export function lifeOfJwt(token: string, now: number): number | undefined {
  const { exp, iat } = readClaims(token);
  if (!isNumber(exp)) return undefined;
  const left = exp * 1000 - now;
  const whole = isNumber(iat) ? (exp - iat) * 1000 : left;
  const life = left > 0 && left <= whole ? left : whole;
  return life > 0 ? life : undefined;
}

function readClaims(token: string): { exp?: unknown; iat?: unknown } {
  const [, payload = "", signature] = token.split(".");
  if (signature === undefined) return {};
  try {
    const base64 = payload.replaceAll("-", "+").replaceAll("_", "/");
    return (JSON.parse(atob(base64)) as object | null) ?? {};
  } catch {
    return {};
  }
}

/** Says whether something is a number that can be counted with. */
export function isNumber(value: unknown): value is number {
  return Number.isFinite(value);
}
