"""How an issue's mail is built, as programs of others see it."""

from __future__ import annotations

import re
import shutil
import subprocess
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import parsedate_to_datetime

import pytest
from build import NOW, delivery, edition, item, linked, paper, summary
from test_dkim import HOST, LINKS, PLACES, is_valid, signer

from digest import mail
from digest.press import Press
from digest.templating import environment
from digest.types import Format


def issue(format: Format = "html") -> bytes:
    """A signed issue of twenty papers, with a subject and names that are not of ASCII."""
    shown = [
        item(
            paper(f"Sparse retrievers learn to forget, part {n}: é & more", f"2606.{n:05d}"),
            summary=summary("SparseCut prunes 62% of a learned index and keeps its recall."),
        )
        for n in range(20)
    ]
    around = linked(
        title="Modèles économes",
        sender=f"Modèles économes <digest@{HOST}>",
        base_url=f"https://{HOST}",
        inbox=f"in@{HOST}",
    )
    press = Press(around, environment([]), NOW, PLACES, signer())
    letter = press.letter(edition(shown, [item("Another")], format=format))
    to = delivery(message_id=f"{'0123456789abcdef' * 2}@{HOST}")
    return mail.address(letter, to, LINKS).content


ONCE = """DKIM-Signature From To Subject Date Message-ID Reply-To MIME-Version Content-Type
    Content-Language Auto-Submitted Precedence List-Id List-Help List-Archive List-Owner List-Post
    List-Unsubscribe List-Unsubscribe-Post Feedback-ID""".split()


@pytest.mark.parametrize("format", ["html", "text", "markdown"])
def test_every_header_is_there_once_and_reads_as_the_standards_have_it(format: Format) -> None:
    content = issue(format)
    assert is_valid(content)
    message = message_from_bytes(content, policy=policy.default)
    assert isinstance(message, EmailMessage)
    assert not [defect for part in message.walk() for defect in part.defects]
    assert not [one for value in message.values() for one in value.defects]
    extra = ["Content-Transfer-Encoding"] if format == "text" else []
    assert sorted(message.keys()) == sorted([*ONCE, *extra])
    assert message["From"].addresses[0].addr_spec == f"digest@{HOST}"
    assert message["From"].addresses[0].display_name == "Modèles économes"
    assert message["To"].addresses[0].addr_spec == "reader@example.org"
    assert parsedate_to_datetime(message["Date"]) == NOW
    # Source: RFC 2369, 2: addresses in angle brackets, with commas between them.
    one = r"<(https://|mailto:)[^<> ,]+>"
    for name in ("List-Help", "List-Archive", "List-Owner", "List-Unsubscribe"):
        assert re.fullmatch(rf"{one}(, {one})*", message[name]), name
    assert message["List-Post"] == "NO"
    # Source: RFC 2919, 3.
    assert re.fullmatch(r"(.* )?<[a-z0-9.-]+>", message["List-Id"])
    # Four parts, the last the same for all mails of a sender.
    assert re.fullmatch(r"[^: ]+:[^: ]+:[^: ]+:[a-z0-9]{5,15}", message["Feedback-ID"])
    head, _, body = content.partition(b"\r\n\r\n")
    assert content.isascii()
    assert not re.search(rb"\r(?!\n)|(?<!\r)\n", content)
    assert max(map(len, head.split(b"\r\n"))) <= 998
    assert max(map(len, body.split(b"\r\n"))) <= 78
    assert all(re.match(rb"[A-Za-z-]+: \S|[ \t]+\S", line) for line in head.split(b"\r\n"))


@pytest.mark.parametrize("format", ["html", "text", "markdown"])
def test_a_spam_filter_has_no_objection_to_how_a_mail_is_built(format: Format) -> None:
    program = shutil.which("spamassassin")
    if not program:
        pytest.skip("spamassassin is not installed")
    done = subprocess.run(
        [program, "-L", "-t"], input=issue(format), capture_output=True, check=True, timeout=60
    )
    rules = re.findall(r"^ *-?\d+\.\d (\w+)", done.stdout.decode("utf-8", "replace"), re.MULTILINE)
    assert rules, done.stdout[-3000:]
    built = re.compile(
        r"(T_)?(MIME|HTML|INVALID|MISSING|FORGED|BAD|MPART|SUBJ|SUBJECT|FROM|HEADER|MALFORMED|MSGID|DATE)_"
    )
    # What is known of no fault: that a mail has HTML at all, and that it has a signature.
    harmless = {"HTML_MESSAGE"}
    assert [one for one in rules if built.match(one) and one not in harmless] == []
