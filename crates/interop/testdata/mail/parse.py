"""What Python's own library reads in a message: an independent judge of the bytes. From standard input, as JSON."""
import base64
import email
import email.policy
import json
import sys

message = email.message_from_bytes(sys.stdin.buffer.read(), policy=email.policy.default)


def mailboxes(name):
    header = message[name]
    return None if header is None else [[box.display_name, box.addr_spec] for box in header.addresses]


def defects(part):
    own = [type(defect).__name__ for defect in part.defects]
    own += [type(defect).__name__ for value in part.values() for defect in getattr(value, "defects", ())]
    for inner in part.iter_parts() if part.is_multipart() else ():
        own += defects(inner)
    return own


json.dump(
    {
        "names": message.keys(),
        "from": mailboxes("From"),
        "to": mailboxes("To"),
        "reply_to": mailboxes("Reply-To"),
        "subject": message["Subject"],
        "id": message["Message-ID"],
        "date": message["Date"].datetime.isoformat(),
        "unsubscribe": [message["List-Unsubscribe"], message["List-Unsubscribe-Post"]],
        "text": message.get_body(("plain",)).get_content(),
        "attachments": [
            {
                "name": part.get_filename(),
                "type": part.get_content_type(),
                "names": part.keys(),
                "content": base64.b64encode(part.get_payload(decode=True)).decode(),
            }
            for part in message.iter_attachments()
        ],
        "defects": defects(message),
    },
    sys.stdout,
)
