import base64, hashlib, hmac, json, os, sys, time, uuid


def sign(user: str, secret: bytes) -> str:
    """Signs a token for a user, good for five minutes."""
    encode = lambda data: base64.urlsafe_b64encode(data).rstrip(b"=").decode()
    iat = int(time.time())
    claims = {"sub": user, "aud": "onesocket", "iat": iat, "exp": iat + 300, "jti": str(uuid.uuid4())}
    text = ".".join(encode(json.dumps(part).encode()) for part in ({"alg": "HS256", "typ": "JWT"}, claims))
    return text + "." + encode(hmac.new(secret, text.encode(), hashlib.sha256).digest())


if __name__ == "__main__":
    print(sign(sys.argv[1], os.environb[b"ONESOCKET_SECRET"]))
