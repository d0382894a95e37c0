"""What people do and what goes wrong in a schedule, one method each; `FAULTS` says how often."""

from __future__ import annotations

from collections.abc import Callable

from server.domain import groups, ids
from server.domain.envelope import Kind
from server.domain.identity import Identity
from server.kit.refusal import Refused
from tests.simulation.device import Change, Device
from tests.simulation.network import Call, Routes
from tests.simulation.node import LIMITS, Node
from tests.simulation.oracle import Oracle, Witness
from tests.simulation.store import Store
from tests.simulation.world import World

PEOPLE = ("alice", "bob", "carol")
DIRECT = ids.direct_id("alice", "bob")
FIRST = "00000000-0000-7000-8000-000000000001"
GROUP = ids.group_id("alice", FIRST)
DEVICES_MAX = 6


FAULTS = {
    "cut": 20,
    "device_crash": 8,
    "device_start": 14,
    "node_crash": 4,
    "node_start": 10,
    "freeze": 14,
    "give_up": 20,
    "lose_frames": 4,
    "wipe": 1,
    "sweep": 14,
    "block": 5,
    "compare": 2,
    "link": 6,
    "destroy": 2,
    "month": 3,
}


class Happenings:
    """Everything but the passing of time."""

    world: World
    oracle: Oracle
    store: Store
    routes: Routes
    nodes: list[Node]
    devices: list[Device]
    changes: list[Change]
    conversations: tuple[str, ...] = (GROUP, DIRECT)
    reads_on_newest: bool = False
    """People read on the device that came last, while the others have what it never got, unread."""
    calls: Callable[[], list[Call]]

    def person(self) -> None:
        """Somebody does something."""
        chance = self.world.chance
        ready = [device for device in self.devices if device.up and device.linked]
        if not ready:
            return
        device = chance.choice(ready)
        conversation_id = chance.choice(self.conversations)
        if self.reads_on_newest and chance.random() < 0.4:
            self.read_on_newest(device.account_id, conversation_id)
            return
        if conversation_id == DIRECT and device.account_id == "carol":
            conversation_id = ids.self_id(device.account_id)
        roll = chance.random()
        if roll < 0.45:
            device.text(conversation_id, expires_in_s=chance.choice((0, 0, 0, 0, 3)))
        elif roll < 0.70:
            if not self.reads_on_newest:
                device.look(conversation_id)
        elif roll < 0.75:
            self.delete(device, conversation_id)
        elif roll < 0.87:
            self.change(device)
        else:
            self.ask_change()

    def read_on_newest(self, account: str, conversation_id: str) -> None:
        """Somebody reads on the latest device, and then goes on with another one, which connects anew."""
        *others, newest = [device for device in self.devices if device.account_id == account and device.up and device.linked]
        newest.look(conversation_id)
        calls = [call for call in self.calls() if call.device in others and not call.cut]
        if calls and self.world.chance.random() < 0.3:
            self.lose(self.world.chance.choice(calls))

    def lose(self, call: Call) -> None:
        """A connection breaks."""
        self.world.say(call.device.name, f"loses its connection to {call.node.name}")
        call.lose()

    def delete(self, device: Device, conversation_id: str) -> None:
        """An own envelope is deleted for everyone."""
        own = [
            seq
            for seq, entry in self.oracle.ever[conversation_id].items()
            if entry.header.sender_id == device.account_id and entry.header.kind == Kind.TEXT
        ]
        if own:
            device.delete(conversation_id, self.world.chance.choice(own))

    def change(self, device: Device) -> None:
        """Somebody wants to change the group."""
        chance = self.world.chance
        other = chance.choice(PEOPLE)
        changes = len(self.changes)
        if changes > 12 or not self.oracle.head(GROUP):
            return
        command: groups.Command = chance.choice((groups.Add((other,)), groups.Add((other,)), groups.Remove((other,))))
        if chance.random() < 0.15:
            command = groups.Leave()
            if device.account_id == "alice":
                return  # somebody has to stay who may add
        self.changes.append(device.change(GROUP, command))

    def ask_change(self) -> None:
        """A change that has no answer is asked for, at some node."""
        waiting = [change for change in self.changes if not change.done]
        nodes = [node for node in self.nodes if node.up and not node.frozen]
        if waiting and nodes:
            change, node = self.world.chance.choice(waiting), self.world.chance.choice(nodes)
            self.world.say(node.name, f"is asked for the change {change.envelope_id[-4:]}")
            node.loop.start(node.change(change), "change")

    def fault(self) -> None:
        """Something goes wrong, or the surroundings change."""
        chance = self.world.chance
        getattr(self, "fault_" + chance.choices(tuple(FAULTS), tuple(FAULTS.values()))[0])()

    def fault_cut(self) -> None:
        calls = [call for call in self.calls() if not call.cut]
        if calls:
            self.lose(self.world.chance.choice(calls))

    def fault_device_crash(self) -> None:
        up = [device for device in self.devices if device.up]
        if up:
            self.world.chance.choice(up).crash()

    def fault_device_start(self) -> None:
        for device in self.devices:
            if device.linked and not device.up:
                self.world.say(device.name, "starts")
                device.start()
                return

    def fault_node_crash(self) -> None:
        node = self.world.chance.choice(self.nodes)
        if node.up:
            self.routes.lost = True
            node.crash()

    def fault_node_start(self) -> None:
        for node in self.nodes:
            if not node.up:
                self.world.say(node.name, "starts")
                node.start()
                return

    def fault_freeze(self) -> None:
        node = self.world.chance.choice(self.nodes)
        if node.up:
            node.frozen = not node.frozen
            self.world.say(node.name, "freezes" if node.frozen else "thaws")

    def fault_give_up(self) -> None:
        waiting = [one for one in self.world.operations if one.durable and not one.loop.dead]
        if waiting:
            self.world.give_up(self.world.chance.choice(waiting))

    def fault_lose_frames(self) -> None:
        if self.routes.frames:
            self.world.say("network", f"loses {len(self.routes.frames)} frames between nodes")
            self.routes.lose()

    def fault_wipe(self) -> None:
        self.world.say("network", "forgets all routes")
        self.routes.wipe()

    def fault_sweep(self) -> None:
        nodes = [node for node in self.nodes if node.up and not node.frozen]
        conversation_id = self.world.chance.choice((*self.conversations, *self.store.logs))
        if nodes and conversation_id in self.store.logs:
            node = self.world.chance.choice(nodes)
            self.world.say(node.name, f"sweeps {conversation_id}")
            node.loop.start(node.quietly(node.sweeper.visit(conversation_id)), "sweep")

    def fault_block(self) -> None:
        pair = self.world.chance.choice((("alice", "bob"), ("bob", "alice")))
        self.store.blocks ^= {pair}
        self.world.say(pair[0], f"{'blocks' if pair in self.store.blocks else 'unblocks'} {pair[1]}")

    def fault_compare(self) -> None:
        self.compare(self.world.chance.choice(self.nodes))

    def fault_link(self) -> None:
        if len(self.devices) >= DEVICES_MAX:
            return
        nodes = [node for node in self.nodes if node.up and not node.frozen]
        if nodes:
            account = self.world.chance.choice(PEOPLE)
            name = f"{account}-linked-{self.world.number()}"
            self.world.say(name, "is being linked")
            node = self.world.chance.choice(nodes)
            node.loop.start(node.quietly(self.link(node, Identity(account, name))), "link")

    async def link(self, node: Node, identity: Identity) -> None:
        """A device joins as `SigningIn` does it: it is listed, its start is stored, then it comes. What is older may stay away."""
        witness = Witness(identity.device_id, identity.account_id, linking=True)
        self.list_device(witness)
        try:
            await node.changes.start_device(*identity)
        except Refused:
            del self.store.devices[witness.account][witness.name], self.oracle.devices[witness.name]
            raise
        witness.linking = False
        for key in self.oracle.members:
            witness.start.setdefault(key, self.oracle.left(key, witness.account))
        self.devices.append(Device(self.world, self.oracle, identity, self.nodes))

    def list_device(self, witness: Witness) -> None:
        """It is one of the account's devices."""
        self.store.devices.setdefault(witness.account, {})[witness.name] = self.world.now_ms
        self.oracle.listed(witness)

    def fault_destroy(self) -> None:
        several = [
            d for d in self.devices if d.linked and sum(o.linked and o.account_id == d.account_id for o in self.devices) > 1
        ]
        if several:
            device = self.world.chance.choice(several)
            self.world.say(device.name, "is lost, and unlinked")
            device.destroy()
            self.store.devices[device.account_id].pop(device.name, None)

    def fault_month(self) -> None:
        """So much time passes that bodies, headers and idle devices age."""
        self.world.say("world", "a month passes")
        self.world.now_ms += 1000 * self.world.chance.choice((LIMITS.retention_s, LIMITS.header_retention_s)) + 1000
        for device in self.devices:
            call = device.call
            if call is not None and not call.cut and call.node.up and not call.node.frozen and call.target is not None:
                self.store.touch(device.name, self.world.now_ms)

    def compare(self, node: Node) -> None:
        """The comparison of a node's streams with the log, which comes now and then."""
        if node.up and not node.frozen:
            for stream in node.hub.all():
                if stream.closing is None:
                    self.world.say(node.name, f"compares what {stream.identity.device_id} has")
                    node.loop.start(node.chat.look(stream), "comparison")
