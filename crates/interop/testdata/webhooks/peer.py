"""Signs and verifies webhooks with the vendors' own libraries: one JSON object a line in, one out."""

import json
import sys
from datetime import datetime, timezone

import stripe
from standardwebhooks.webhooks import Webhook
from twilio.request_validator import RequestValidator


def stripe_sign(ask):
    signed = "%d.%s" % (ask["time"], ask["body"])
    return "t=%d,v1=%s" % (ask["time"], stripe.WebhookSignature._compute_signature(signed, ask["secret"]))


def stripe_verify(ask):
    stripe.Webhook.construct_event(ask["body"], ask["signature"], ask["secret"], tolerance=300)
    return True


def twilio_sign(ask):
    return RequestValidator(ask["secret"]).compute_signature(ask["url"], ask["fields"], ask["algorithm"])


def twilio_verify(ask):
    content = ask["body"] if ask["fields"] is None else ask["fields"]
    return RequestValidator(ask["secret"]).validate(ask["url"], content, ask["signature"], ask["algorithm"])


def standard_sign(ask):
    at = datetime.fromtimestamp(ask["time"], tz=timezone.utc)
    return Webhook(ask["secret"]).sign(ask["id"], at, ask["body"])


def standard_verify(ask):
    headers = {"webhook-id": ask["id"], "webhook-timestamp": str(ask["time"]), "webhook-signature": ask["signature"]}
    Webhook(ask["secret"]).verify(ask["body"], headers)
    return True


for line in sys.stdin:
    ask = json.loads(line)
    act = globals()["%s_%s" % (ask["scheme"], ask["act"])]
    try:
        answer = act(ask)
    except Exception:
        if ask["act"] == "sign":
            raise
        answer = False
    print(json.dumps(answer), flush=True)
