"""The people side of a client: contacts, and who is blocked."""

from __future__ import annotations

from tidewire.account import Account, Profile
from tidewire.v1 import contact_pb2


class Contacts(Account):
    """Whom the account knows, and of whom it wants nothing."""

    async def contacts(self) -> dict[str, str]:
        """The contacts: account id → how the owner calls it; "": as it calls itself."""
        response = await self.call(self._transport.contacts.ListContacts, contact_pb2.ListContactsRequest())
        return {contact.account_id: contact.name for contact in response.contacts}

    async def add_contact(self, account_id: str, name: str = "") -> None:
        """Know somebody, or call a contact otherwise. Whoever is not known is a stranger to privacy and calls.

        Raises:
            Refused: NOT_FOUND.
        """
        contact = contact_pb2.Contact(account_id=account_id, name=name)
        await self.call(self._transport.contacts.PutContact, contact_pb2.PutContactRequest(contact=contact))

    async def remove_contact(self, account_id: str) -> None:
        """Know somebody no more."""
        await self.call(self._transport.contacts.RemoveContact, contact_pb2.RemoveContactRequest(account_id=account_id))

    async def block(self, account_id: str, blocked: bool = True) -> None:
        """Block somebody, or take it back."""
        if blocked:
            await self.call(self._transport.contacts.Block, contact_pb2.BlockRequest(account_id=account_id))
        else:
            await self.call(self._transport.contacts.Unblock, contact_pb2.UnblockRequest(account_id=account_id))

    async def blocked(self) -> dict[str, Profile]:
        """Whom the account blocks, by account id."""
        response = await self.call(self._transport.contacts.ListBlocked, contact_pb2.ListBlockedRequest())
        return await self.people(*response.account_ids)
