"""What Python's own library reads in a message: an independent judge of the bytes. From standard input, as JSON."""
import base64
import email
import email.header
import email.policy
import email.utils
import json
import sys

raw = sys.stdin.buffer.read()
message = email.message_from_bytes(raw, policy=email.policy.default)
# Up to Python 3.12 the new policy leaves the space between two encoded words of a name, which RFC 2047 (section 6.2) drops;
# the old one drops it.
plain = email.message_from_bytes(raw, policy=email.policy.compat32)


def mailboxes(name):
    header = plain[name]
    if header is None:
        return None
    boxes = email.utils.getaddresses([header.replace("\r\n", "").replace("\n", "")])
    return [[str(email.header.make_header(email.header.decode_header(name))), address] for name, address in boxes]


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
        "text": message.get_body(("plain",)).get_content().replace("\r\n", "\n"),
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
