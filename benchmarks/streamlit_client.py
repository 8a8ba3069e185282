"""A browser's side of a Streamlit session, without a browser: what it sends, and what of the answers it keeps.

It speaks the websocket protocol of the installed Streamlit with its own message classes, asks for refreshing fragments
as a browser does, and remembers which widgets and messages stand on the page.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

WIDGETS = ("button", "number_input", "multiselect", "radio", "text_input", "selectbox")
PATIENCE_S = 120.0
Value = float | str | list[str] | bool


@dataclass(slots=True, eq=False)
class Session:
    """One tab. said: texts of messages and Markdown since `forget`; widgets: id and fragment by label."""

    url: str
    page: str
    query: str = ""
    said: list[str] = field(default_factory=list)
    widgets: dict[str, tuple[str, str, str]] = field(default_factory=dict)
    values: dict[str, WidgetState] = field(default_factory=dict)
    page_hash: str = ""
    finished: int = 0
    running: bool = False
    failed: str = ""
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    refreshing: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    socket: ClientConnection | None = None
    listening: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Connect, and wait for the first run to end."""
        address = self.url.replace("http://", "ws://") + "/_stcore/stream"
        self.socket = await connect(address, subprotocols=["streamlit"], max_size=None, open_timeout=PATIENCE_S)  # type: ignore[list-item]
        self.listening = asyncio.create_task(self._listen())
        await self.rerun()

    async def close(self) -> None:
        for task in (*self.refreshing.values(), self.listening):
            if task is not None:
                task.cancel()
        if self.socket is not None:
            await self.socket.close()

    async def rerun(self) -> None:
        """A run of the whole page, to its end."""
        before = self.finished
        await self._send("", None)
        await self.until(lambda: self.finished > before)

    async def press(self, label: str, values: Mapping[str, Value] | None = None) -> None:
        """Fill widgets in and press a button, all named by their labels' beginnings; returns when it is sent."""
        for name, value in (values or {}).items():
            kind, identity, _ = self._widget(name)
            state = WidgetState(id=identity)
            if kind == "number_input" and isinstance(value, int | float):
                state.double_value = float(value)
            elif kind == "multiselect" and isinstance(value, list):
                state.string_array_value.data.extend(value)
            else:
                state.string_value = str(value)
            self.values[identity] = state
        _, identity, fragment = self._widget(label)
        await self._send(fragment, identity)

    async def until(self, true: Callable[[], bool]) -> None:
        """Wait for what the page becomes. TimeoutError after PATIENCE_S, RuntimeError where the connection ends."""
        async with asyncio.timeout(PATIENCE_S), self.changed:
            await self.changed.wait_for(lambda: true() or bool(self.failed))
        if self.failed:
            raise RuntimeError(self.failed)

    @property
    def ready(self) -> bool:
        """True where no run of the whole page is under way."""
        return not self.running

    def shows(self, part: str) -> bool:
        return any(part in text for text in self.said)

    def has(self, label: str) -> bool:
        return any(name.startswith(label) for name in self.widgets)

    def _widget(self, label: str) -> tuple[str, str, str]:
        for name, found in self.widgets.items():
            if name.startswith(label):
                return found
        raise LookupError(f"no widget called {label!r} among {sorted(self.widgets)}")

    async def _send(self, fragment: str, pressed: str | None, auto: bool = False) -> None:
        message = BackMsg()
        client = message.rerun_script
        client.query_string, client.page_script_hash, client.fragment_id = self.query, self.page_hash, fragment
        client.is_auto_rerun = auto
        client.context_info.url = f"{self.url}/{self.page}"
        client.context_info.color_scheme = "light"
        if not self.page_hash:
            client.page_name = self.page
        client.widget_states.widgets.extend(self.values.values())
        if pressed is not None:
            client.widget_states.widgets.append(WidgetState(id=pressed, trigger_value=True))
        if self.socket is None:
            raise RuntimeError("the session is not open")
        await self.socket.send(message.SerializeToString())

    async def _listen(self) -> None:
        if self.socket is None:
            raise RuntimeError("the session is not open")
        try:
            async for raw in self.socket:
                message = ForwardMsg()
                message.ParseFromString(raw if isinstance(raw, bytes) else raw.encode())
                async with self.changed:
                    self._take(message)
                    self.changed.notify_all()
        except ConnectionClosed as error:
            async with self.changed:
                self.failed = f"the connection ended: {error}"
                self.changed.notify_all()

    def _take(self, message: ForwardMsg) -> None:
        match message.WhichOneof("type"):
            case "new_session":
                if not message.metadata.run.fragment_ids:
                    self.running = True
                    self.said.clear()
                    self.widgets.clear()
                    for task in self.refreshing.values():
                        task.cancel()
                    self.refreshing.clear()
            case "navigation":
                self.page_hash = message.navigation.page_script_hash
            case "page_info_changed":
                self.query = message.page_info_changed.query_string
            case "auto_rerun":
                self._refresh(message.auto_rerun.fragment_id, message.auto_rerun.interval)
            case "script_finished" if message.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY:
                self.finished += 1
                self.running = False
            case "delta":
                self._element(message.delta)

    def _element(self, delta: Any) -> None:
        if delta.WhichOneof("type") != "new_element":
            return
        kind = delta.new_element.WhichOneof("type")
        if kind is None:
            return
        shown = getattr(delta.new_element, kind)
        if kind in WIDGETS:
            self.widgets[shown.label] = (kind, shown.id, delta.fragment_id)
        elif kind in ("alert", "markdown"):
            self.said.append(shown.body)
        elif kind == "exception":
            self.failed = shown.message

    def _refresh(self, fragment: str, interval: float) -> None:
        if fragment not in self.refreshing:
            self.refreshing[fragment] = asyncio.create_task(self._again(fragment, interval))

    async def _again(self, fragment: str, interval: float) -> None:
        while True:
            await asyncio.sleep(interval)
            await self._send(fragment, None, auto=True)
