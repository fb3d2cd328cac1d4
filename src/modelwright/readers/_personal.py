"""Personal data: columns that look like e-mail addresses, phone numbers, names and so on.

Conservative: at least 60 % of a sample of the values must look like it, and where a pattern alone says little (names,
phone numbers, addresses) the column's name must agree.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Sequence
from itertools import pairwise

from modelwright.readers._names import words

SHARE = 0.6

_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]+\.[^@\s.]{2,24}")
_PHONE = re.compile(r"(?:tel:?\s*)?\+?[\d\s().\-/]{6,24}(?:\s*(?:x|ext\.?)\s*\d{1,6})?", re.IGNORECASE)
_PHONE_ALONE = re.compile(r"\+\d[\d\s().\-/]{6,20}|\(\d{2,5}\)\s?\d[\d\s.\-/]{4,12}|\d{3}[-.]\d{3}[-.]\d{4}")
_IBAN = re.compile(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}")
_CARD = re.compile(r"[2-6]\d{12,18}")
_SOCIAL = re.compile(r"\d{3}-\d{2}-\d{4}")
_TITLED = re.compile(r"(?:.*,\s*)?(?:mrs?|ms|miss|dr|prof|herr|frau|mme|master)\b\.?\s*[^\W\d].*", re.IGNORECASE)
_NAME = re.compile(r"[^\W\d_a-z][^\W\d_]*\.?(?:[\s,.'’\-\"()]+[^\W\d_]+\.?)*[\s.\"()]*")
_STREET = re.compile(
    r"\d+\w?\s+\S.*\b(?:street|st|avenue|ave|road|rd|lane|ln|drive|dr|boulevard|blvd|way|court|ct|place|pl)\b.*"
    r"|.*\S(?:stra(?:ß|ss)e|str\.|weg|platz|allee|gasse)\s+\d+.*"
    r"|\d+\w?,?\s+(?:rue|avenue|place|via|calle)\s+\S.*",
    re.IGNORECASE,
)
_WITH_NUMBER = re.compile(r"(?=.*\d)(?=.*[^\W\d_]{2}).*\s.*")

_PHONE_WORDS = {"phone", "telephone", "tel", "mobile", "fax", "cell", "cellphone", "telefon", "handy", "msisdn"}
_ADDRESS_WORDS = {"address", "addr", "street", "adresse", "strasse", "straße", "anschrift", "residence"}
_PERSON_WORDS = {
    "firstname", "lastname", "surname", "fullname", "forename", "vorname", "nachname", "familyname", "givenname",
    "middlename", "prenom", "nom", "maidenname", "username",
}  # fmt: skip
_PEOPLE = {
    "first", "last", "full", "given", "family", "middle", "maiden", "customer", "client", "patient", "passenger",
    "employee", "person", "user", "contact", "student", "guest", "owner", "applicant", "borrower", "player", "member",
    "doctor", "physician", "author", "teacher", "driver", "tenant", "sender", "recipient", "holder", "cardholder",
}  # fmt: skip


def personal(name: str, texts: Sequence[str], distinct_share: float) -> str:
    """What sort of personal data a column looks like, or nothing.

    Args:
        name: the column's name.
        texts: a sample of its values.
        distinct_share: distinct values for each value, 0 to 1; names and addresses of people hardly repeat.
    """
    if not texts:
        return ""
    found = words(name)
    said = {*found, *(a + b for a, b in pairwise(found))}
    by_value: tuple[tuple[str, Callable[[str], object]], ...] = (
        ("e-mail", _EMAIL.fullmatch),
        ("IP address", _is_ip),
        ("IBAN", _is_iban),
        ("payment card", _is_card),
        ("phone", _PHONE_ALONE.fullmatch),
        ("social security number", _SOCIAL.fullmatch),
        ("address", _STREET.fullmatch),
    )
    for sort, test in by_value:
        if _share(texts, test):
            return sort
    if len(texts) < 3:
        return ""
    if said & _PHONE_WORDS and _share(texts, _is_phone):
        return "phone"
    if said & _ADDRESS_WORDS and distinct_share > 0.3 and _share(texts, _WITH_NUMBER.fullmatch):
        return "address"
    if _share(texts, _TITLED.fullmatch):
        return "person name"
    named = bool(said & _PERSON_WORDS) or ("name" in said and bool(said & _PEOPLE))
    if named and distinct_share > 0.1 and _share(texts, _NAME.fullmatch):
        return "person name"
    if found == ["name"] and distinct_share > 0.5 and _share(texts, _is_full_name):
        return "person name"
    return ""


def _share(texts: Sequence[str], test: Callable[[str], object]) -> bool:
    return sum(bool(test(text[:200])) for text in texts) >= SHARE * len(texts)


def _is_phone(text: str) -> bool:
    return bool(_PHONE.fullmatch(text)) and 7 <= sum(c.isdigit() for c in text) <= 15


def _is_full_name(text: str) -> bool:
    return bool(_NAME.fullmatch(text)) and 2 <= len(text.split()) <= 6


def _is_ip(text: str) -> bool:
    if text.count(".") != 3 and text.count(":") < 2:
        return False
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _is_iban(text: str) -> bool:
    compact = text.replace(" ", "").upper()
    if not _IBAN.fullmatch(compact):
        return False
    return int("".join(str(int(c, 36)) for c in compact[4:] + compact[:4])) % 97 == 1


def _is_card(text: str) -> bool:
    digits = re.sub(r"[ \-]", "", text)
    if not _CARD.fullmatch(digits):
        return False
    doubled = [sum(divmod(2 * int(d), 10)) if i % 2 else int(d) for i, d in enumerate(reversed(digits))]
    return sum(doubled) % 10 == 0
