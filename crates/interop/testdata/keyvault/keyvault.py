"""Stands in for Azure Key Vault, Entra's token service and a machine's metadata service, on loopback, for tests only.

It does the cryptography for real: TLS under a CA of its own, the signature, audience, subject and time of a client assertion
(RFC 7523), RSA-OAEP-256 wrapping. Tokens are opaque, bound to a resource, and expire. Below /_test/ a test steers it.
"""

import base64
import datetime
import json
import os
import secrets
import ssl
import sys
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import NameOID

TENANT = "11111111-2222-3333-4444-555555555555"
CLIENT = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"
CLUSTER = "https://oidc.cluster.example"
WORKLOAD = "system:serviceaccount:bearingwall:server"
AUDIENCE = "api://AzureADTokenExchange"
DOMAIN = "vault.localhost"

lock = threading.Lock()
cluster_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
foreign_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
entries = {}
keys = {}
tokens = {}
mode = {"away": False, "resource": None, "authority": None, "lifetime": 3600, "forbidden": False}
count = {"sts": 0, "metadata": 0, "challenge": 0, "secret": 0, "wrapkey": 0, "unwrapkey": 0}
port = 0


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def certificates(directory):
    now = datetime.datetime.now(datetime.timezone.utc)
    day = datetime.timedelta(days=1)

    def build(subject, issuer, key, signer, extensions):
        name = lambda text: x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])
        builder = x509.CertificateBuilder().subject_name(name(subject)).issuer_name(name(issuer))
        builder = builder.public_key(key.public_key()).serial_number(x509.random_serial_number())
        builder = builder.not_valid_before(now - day).not_valid_after(now + day)
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical)
        return builder.sign(signer, hashes.SHA256())

    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    ca = build("test CA", "test CA", ca_key, ca_key, [(x509.BasicConstraints(ca=True, path_length=0), True)])
    names = [x509.DNSName("*." + DOMAIN), x509.DNSName("login.localhost")]
    own = build("vault", "test CA", key, ca_key, [(x509.SubjectAlternativeName(names), False)])
    pem = serialization.Encoding.PEM
    with open(os.path.join(directory, "ca.pem"), "wb") as file:
        file.write(ca.public_bytes(pem))
    both = os.path.join(directory, "server.pem")
    with open(os.path.join(directory, "server.pem"), "wb") as file:
        file.write(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
        file.write(own.public_bytes(pem))
    return both


def assertion(key, **changes):
    now = int(time.time())
    claims = {"iss": CLUSTER, "sub": WORKLOAD, "aud": AUDIENCE, "iat": now, "nbf": now, "exp": now + 3600, "jti": secrets.token_hex(8)}
    claims.update(changes)
    head = b64(json.dumps({"alg": "RS256", "typ": "JWT", "kid": "cluster"}).encode())
    signed = head + "." + b64(json.dumps(claims).encode())
    return signed + "." + b64(key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256()))


def verified(token):
    """What a federated credential demands of the assertion: issuer, subject, audience, time and the issuer's signature."""
    try:
        head, body, signature = token.split(".")
        if json.loads(unb64(head)).get("alg") != "RS256":
            return False
        cluster_key.public_key().verify(unb64(signature), (head + "." + body).encode(), padding.PKCS1v15(), hashes.SHA256())
        claims = json.loads(unb64(body))
    except (ValueError, InvalidSignature):
        return False
    now = time.time()
    expected = (claims.get("iss"), claims.get("sub"), claims.get("aud")) == (CLUSTER, WORKLOAD, AUDIENCE)
    return expected and claims["nbf"] <= now + 5 and claims["exp"] > now


def grant(resource):
    token = secrets.token_urlsafe(32)
    tokens[token] = (resource, time.time() + mode["lifetime"])
    return {"token_type": "Bearer", "expires_in": mode["lifetime"], "access_token": token}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, value, headers=()):
        body = json.dumps(value).encode()
        self.send_response(status)
        for name, text in headers:
            self.send_header(name, text)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def failed(self, status, code):
        self.answer(status, {"error": {"code": code, "message": "refused"}})

    def read(self):
        return self.rfile.read(int(self.headers.get("content-length") or 0))

    def segments(self):
        url = urllib.parse.urlparse(self.path)
        return [part for part in url.path.split("/") if part], dict(urllib.parse.parse_qsl(url.query))


class Metadata(Handler):
    def do_GET(self):
        with lock:
            path, query = self.segments()
            if path != ["metadata", "identity", "oauth2", "token"] or self.headers.get("Metadata") != "true":
                return self.failed(400, "invalid_request")
            if query.get("api-version") != "2018-02-01" or self.headers.get("X-Forwarded-For"):
                return self.failed(400, "invalid_request")
            count["metadata"] += 1
            granted = grant(query["resource"])
            # The machine's service answers in digits within a string.
            granted["expires_in"] = str(granted["expires_in"])
            return self.answer(200, granted)


class Vault(Handler):
    def do_POST(self):
        self.handled(self.read())

    do_PUT = do_POST

    def do_GET(self):
        self.handled(b"")

    def handled(self, body):
        with lock:
            path, query = self.segments()
            if path[:1] == ["_test"]:
                return self.steered(path[1:], json.loads(body or b"{}"))
            if mode["away"]:
                return self.failed(503, "ServiceUnavailable")
            if path[1:] == ["oauth2", "v2.0", "token"]:
                return self.token(path[0], dict(urllib.parse.parse_qsl(body.decode())))
            if query.get("api-version") != "7.4":
                return self.failed(400, "BadParameter")
            if not self.authorised():
                return None
            if mode["forbidden"]:
                return self.failed(403, "Forbidden")
            vault = self.headers["host"].split(".")[0]
            if path[:1] == ["secrets"] and self.command == "GET":
                return self.secret(vault, path[1:])
            if path[:1] == ["keys"]:
                return self.key(vault, path[1:], body)
            return self.failed(404, "NotFound")

    def token(self, tenant, form):
        count["sts"] += 1
        if tenant != TENANT or form.get("client_id") != CLIENT or form.get("grant_type") != "client_credentials":
            return self.failed(400, "invalid_client")
        kind = form.get("client_assertion_type")
        if kind != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" or not verified(form.get("client_assertion", "")):
            return self.failed(401, "invalid_client")
        return self.answer(200, grant(form["scope"].removesuffix("/.default")))

    def authorised(self):
        given = self.headers.get("authorization", "").removeprefix("Bearer ")
        resource, until = tokens.get(given, (None, 0))
        if resource == "https://" + DOMAIN and until > time.time():
            return True
        count["challenge"] += 1
        asked = mode["resource"] or "https://" + DOMAIN
        authority = mode["authority"] or f"https://login.localhost:{port}/{TENANT}"
        challenge = f'Bearer authorization="{authority}", resource="{asked}"'
        self.answer(401, {"error": {"code": "Unauthorized"}}, [("WWW-Authenticate", challenge)])
        return False

    def secret(self, vault, path):
        count["secret"] += 1
        versions = entries.get((vault, path[0] if path else ""), [])
        chosen = [entry for entry in versions if len(path) < 2 or entry["version"] == path[1]]
        if not chosen:
            return self.failed(404, "SecretNotFound")
        entry = chosen[-1]
        if not entry["enabled"]:
            return self.answer(403, {"error": {"code": "Forbidden", "innererror": {"code": "SecretDisabled"}}})
        where = f"https://{vault}.{DOMAIN}:{port}/secrets/{path[0]}/{entry['version']}"
        return self.answer(200, {"value": entry["value"], "id": where, "attributes": {"enabled": True}})

    def key(self, vault, path, body):
        versions = keys.get((vault, path[0] if path else ""), [])
        if len(path) < 3:
            if not versions:
                return self.failed(404, "KeyNotFound")
            version, key = versions[-1]
            where = f"https://{vault}.{DOMAIN}:{port}/keys/{path[0]}/{version}"
            return self.answer(200, {"key": {"kid": where, "kty": "RSA"}, "attributes": {"enabled": True}})
        chosen = [key for version, key in versions if version == path[1]]
        if not chosen:
            return self.failed(404, "KeyNotFound")
        asked = json.loads(body)
        if asked["alg"] != "RSA-OAEP-256":
            return self.failed(400, "BadParameter")
        oaep = padding.OAEP(mgf=padding.MGF1(hashes.SHA256()), algorithm=hashes.SHA256(), label=None)
        count[path[2]] += 1
        if path[2] == "wrapkey":
            result = chosen[0].public_key().encrypt(unb64(asked["value"]), oaep)
        else:
            try:
                result = chosen[0].decrypt(unb64(asked["value"]), oaep)
            except ValueError:
                return self.failed(400, "BadParameter")
        where = f"https://{vault}.{DOMAIN}:{port}/keys/{path[0]}/{path[1]}"
        return self.answer(200, {"kid": where, "value": b64(result)})

    def steered(self, path, asked):
        """What a test does from outside: write secrets, rotate keys, revoke tokens, be away."""
        if path == ["mode"]:
            mode.update(asked)
        elif path == ["secret"]:
            entry = {"version": secrets.token_hex(16), "value": asked["value"], "enabled": asked.get("enabled", True)}
            entries.setdefault((asked["vault"], asked["name"]), []).append(entry)
            return self.answer(200, {"version": entry["version"]})
        elif path == ["key"]:
            version = (secrets.token_hex(16), rsa.generate_private_key(public_exponent=65537, key_size=2048))
            keys.setdefault((asked["vault"], asked["name"]), []).append(version)
            return self.answer(200, {"version": version[0]})
        elif path == ["destroy"]:
            keys[(asked["vault"], asked["name"])] = keys[(asked["vault"], asked["name"])][-1:]
        elif path == ["revoke"]:
            tokens.clear()
        elif path == ["granted"]:
            found = [token for token, (resource, until) in tokens.items() if resource == asked["resource"]]
            return self.answer(200, {"tokens": found})
        elif path == ["assertion"]:
            key = foreign_key if asked.pop("foreign", False) else cluster_key
            return self.answer(200, {"token": assertion(key, **asked)})
        return self.answer(200, count)


def main(directory):
    global port
    server = ThreadingHTTPServer(("127.0.0.1", 0), Vault)
    port = server.server_address[1]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates(directory))
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    metadata = ThreadingHTTPServer(("127.0.0.1", 0), Metadata)
    threading.Thread(target=metadata.serve_forever, daemon=True).start()
    ready = os.path.join(directory, "ready")
    with open(ready + ".new", "w") as file:
        json.dump({"port": port, "metadata": metadata.server_address[1], "tenant": TENANT, "client": CLIENT}, file)
    os.rename(ready + ".new", ready)
    # The test's process ends, and so does this one.
    threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
    server.serve_forever()


main(sys.argv[1])
