"""A visitor without a browser, over HTTP."""

import json
from collections.abc import Iterator
from typing import Any

import httpx

Event = tuple[str, Any]


class Client:
    """A visitor of the served suite without a browser: one address, one session, one language."""

    def __init__(self, url: str, functions: dict[str, int], session: str, spoken: str) -> None:
        self.api = url + "gradio_api/"
        self.functions, self.session = functions, session
        self.http = httpx.Client(timeout=60, headers={"accept-language": spoken})

    def post(self, name: str, **values: Any) -> str:
        """Asks as `curl` would, and gives the id of the answer. Any value goes, NaN too."""
        answer = self.http.post(
            f"{self.api}call/v2/{name}",
            content=json.dumps(values),
            headers={"content-type": "application/json"},
        )
        answer.raise_for_status()
        return str(answer.json()["event_id"])

    def events(self, name: str, id: str) -> Iterator[Event]:
        """The answer's events, (kind, data), to the end."""
        with self.http.stream("GET", f"{self.api}call/{name}/{id}") as stream:
            yield from pairs(stream.iter_lines())

    def ask(self, name: str, **values: Any) -> Event:
        """The last event of an answer."""
        *_, last = self.events(name, self.post(name, **values))
        return last

    def refusal(self, name: str, **values: Any) -> str:
        """What a visitor is told who asked for something that cannot be."""
        kind, data = self.ask(name, **values)
        assert kind == "error", data
        return str(data["error"])

    def join(self, function: str, data: list[Any], **more: Any) -> str:
        """Asks as the page does, within this visitor's session."""
        body = {
            "data": data,
            "fn_index": self.functions[function],
            "session_hash": self.session,
            **more,
        }
        answer = self.http.post(f"{self.api}queue/join", json=body)
        answer.raise_for_status()
        return str(answer.json()["event_id"])

    def messages(self) -> Iterator[dict[str, Any]]:
        """All messages to the session, until nothing is open any more."""
        with self.http.stream(
            "GET", f"{self.api}queue/data", params={"session_hash": self.session}
        ) as stream:
            for line in stream.iter_lines():
                if line.startswith("data:"):
                    yield json.loads(line[5:])

    def outcome(self, function: str, data: list[Any], **more: Any) -> dict[str, Any]:
        """Asks as the page does, and gives the output with which it ends."""
        id = self.join(function, data, **more)
        return next(
            message["output"]
            for message in self.messages()
            if message["msg"] == "process_completed" and message["event_id"] == id
        )

    def upload(self, name: str, content: bytes) -> dict[str, Any]:
        """Sends a file, and gives what stands for it in a request."""
        answer = self.http.post(f"{self.api}upload", files={"files": (name, content)})
        answer.raise_for_status()
        return {"path": answer.json()[0], "meta": {"_type": "gradio.FileData"}}

    def fetch(self, file: dict[str, Any]) -> bytes:
        """A file of an answer."""
        answer = self.http.get(file["url"])
        answer.raise_for_status()
        return answer.content


def pairs(lines: Iterator[str]) -> Iterator[Event]:
    kind = ""
    for line in lines:
        if line.startswith("event:"):
            kind = line[6:].strip()
        elif line.startswith("data:") and kind != "heartbeat":
            yield kind, json.loads(line[5:])
