import { createHmac, randomUUID } from "node:crypto";

/** Signs a token for a user, good for five minutes. */
export function sign(user, secret) {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const iat = Math.floor(Date.now() / 1000);
  const claims = { sub: user, aud: "onesocket", iat, exp: iat + 300, jti: randomUUID() };
  const text = `${part({ alg: "HS256", typ: "JWT" })}.${part(claims)}`;
  return `${text}.${createHmac("sha256", secret).update(text).digest("base64url")}`;
}

if (process.argv[2]) console.log(sign(process.argv[2], process.env.ONESOCKET_SECRET));
