"""Travellers: the people whom a customer books for, typed once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date

import phonenumbers
from email_validator import EmailNotValidError, validate_email
from readback.booking.v1.travellers_pb2 import Traveller

from mesh.clock import Clock
from mesh.errors import FieldViolation, InvalidRequest
from mesh.ids import uuid7
from services.booking.errors import TooManyTravellers, TravellerNotFound
from services.booking.model.passengers import date_of
from services.booking.model.records import SavedTraveller
from services.booking.store.store import Transaction

MOST = 50
"""Most travellers of one customer."""
OLDEST_YEARS = 120
REQUIRED = ("title", "given_name", "family_name", "birth_date", "gender", "email", "phone_number")
CHANGEABLE = (*REQUIRED, "account_holder")


def normalised(traveller: Traveller, today: date) -> Traveller:
    """Return a traveller with the phone number in the form of E.164 and the e-mail address in its usual form.

    Raises:
        InvalidRequest: fields are missing, or can't be right; all of them are named.
    """
    result, problems = (
        Traveller(),
        dict.fromkeys((n for n in REQUIRED if not _is_set(traveller, n)), "is required"),
    )
    result.CopyFrom(traveller)
    result.DiscardUnknownFields()
    for name in ("given_name", "family_name"):
        setattr(result, name, " ".join(getattr(traveller, name).split()))
    for name, check in _CHECKS.items():
        if name not in problems:
            try:
                check(result, today)
            except ValueError as error:
                problems[name] = str(error)
    if problems:
        raise InvalidRequest([FieldViolation(f"traveller.{name}", text) for name, text in problems.items()])
    return result


def _is_set(traveller: Traveller, name: str) -> bool:
    return traveller.HasField("birth_date") if name == "birth_date" else bool(getattr(traveller, name))


def _check_birth_date(traveller: Traveller, today: date) -> None:
    try:
        born = date_of(traveller.birth_date)
    except ValueError:
        raise ValueError("is not a day of the calendar") from None
    if not today.year - OLDEST_YEARS <= born.year or born > today:
        raise ValueError(f"must be within the last {OLDEST_YEARS} years")


def _check_email(traveller: Traveller, _: date) -> None:
    try:
        # Without a look-up of the domain, which would tell its name server about the traveller.
        traveller.email = validate_email(traveller.email, check_deliverability=False).normalized
    except EmailNotValidError:
        raise ValueError("is not an e-mail address") from None


def _check_phone_number(traveller: Traveller, _: date) -> None:
    try:
        number = phonenumbers.parse(traveller.phone_number)
    except phonenumbers.NumberParseException:
        raise ValueError("must begin with + and the country code, for example +91 98765 43210") from None
    if not phonenumbers.is_valid_number(number):
        raise ValueError("is not a telephone number of that country")
    traveller.phone_number = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


_CHECKS: dict[str, Callable[[Traveller, date], None]] = {
    "birth_date": _check_birth_date,
    "email": _check_email,
    "phone_number": _check_phone_number,
}


class Travellers:
    """Saves, changes and finds travellers. Every method runs in a transaction of the caller."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def create(self, tx: Transaction, customer_id: str, traveller: Traveller) -> Traveller:
        """Save a traveller under a new id.

        Raises:
            InvalidRequest: fields are missing, or can't be right.
            TooManyTravellers: the customer has `MOST`.
        """
        created = normalised(traveller, self._clock.now().date())
        if len(await tx.travellers(customer_id, limit=MOST)) == MOST:
            raise TooManyTravellers(MOST)
        created.traveller_id = uuid7()
        created.create_time.FromDatetime(self._clock.now())
        created.ClearField("etag")
        await tx.add_traveller(SavedTraveller(created.traveller_id, customer_id, created))
        return created

    async def update(
        self,
        tx: Transaction,
        customer_id: str,
        update: Traveller,
        names: set[str],
        check: Callable[[Traveller], None],
    ) -> Traveller:
        """Set fields of a traveller. `check` raises an error if the stored traveller may not be changed.

        Raises:
            TravellerNotFound: the customer has no such traveller.
            InvalidRequest: a value can't be right.
        """
        stored = await self.get(tx, customer_id, update.traveller_id)
        changed = Traveller()
        changed.CopyFrom(stored)
        if "birth_date" in names:
            changed.birth_date.CopyFrom(update.birth_date)
        for name in names - {"birth_date"}:
            setattr(changed, name, getattr(update, name))
        changed = normalised(changed, self._clock.now().date())
        if changed != stored:
            check(stored)
            await tx.put_traveller(SavedTraveller(stored.traveller_id, customer_id, changed))
        return changed

    async def get(self, tx: Transaction, customer_id: str, traveller_id: str) -> Traveller:
        """Return a customer's traveller. Raises TravellerNotFound if there is none."""
        saved = await tx.traveller(customer_id, traveller_id.lower())
        if saved is None:
            raise TravellerNotFound
        return saved.traveller

    async def chosen(self, tx: Transaction, customer_id: str, ids: Sequence[str]) -> list[Traveller]:
        """Return travellers in the order of their ids. Raises TravellerNotFound if one is missing."""
        return [await self.get(tx, customer_id, traveller_id) for traveller_id in ids]
