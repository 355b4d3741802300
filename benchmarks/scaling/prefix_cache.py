"""What a simulated replica's cache holds: whole beginnings, where the engine has blocks."""

from collections import OrderedDict
from itertools import count

from benchmarks.scaling.workload import Request


class PrefixCache:
    """Tokens of beginnings and of what finished requests left, in one budget."""

    def __init__(self, tokens: int) -> None:
        self.free = tokens
        self._users: dict[int, int] = {}
        self._computed: set[int] = set()
        self._idle: OrderedDict[int | str, int] = OrderedDict()
        """Tokens of what nobody uses, least recently used first."""
        self._leavings = count()

    def is_computed(self, prefix: int) -> bool:
        return prefix in self._computed

    def is_in_flight(self, prefix: int) -> bool:
        return prefix in self._users and prefix not in self._computed

    def take(self, request: Request) -> bool:
        """Room for its beginning, the rest of its prompt and its answer. False if there is none."""
        prefix = request.prefix
        is_there = prefix is not None and (prefix in self._users or prefix in self._computed)
        needed = request.own_tokens + request.answer_tokens
        needed += 0 if is_there else request.prefix_tokens
        if prefix is not None and prefix in self._idle:
            self._idle.move_to_end(prefix)  # it is the last to make room
        while needed > self.free and self._idle and next(iter(self._idle)) != prefix:
            name, tokens = self._idle.popitem(last=False)
            self.free += tokens
            if isinstance(name, int):
                self._computed.discard(name)
        if needed > self.free:
            return False
        self.free -= needed
        if prefix is not None:
            self._idle.pop(prefix, None)
            self._users[prefix] = self._users.get(prefix, 0) + 1
        return True

    def computed(self, prefix: int) -> None:
        self._computed.add(prefix)

    def remember(self, request: Request) -> None:
        """As if it had been answered long ago."""
        if self.take(request):
            if request.prefix is not None:
                self.computed(request.prefix)
            self.leave(request)

    def leave(self, request: Request) -> None:
        """Its tokens stay until their room is needed."""
        self._idle[f"left {next(self._leavings)}"] = request.own_tokens + request.answer_tokens
        prefix = request.prefix
        if prefix is None:
            return
        self._users[prefix] -= 1
        if not self._users[prefix]:
            del self._users[prefix]
            self._idle[prefix] = request.prefix_tokens
