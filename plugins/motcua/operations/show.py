"""Shows work in progress: one living line on a terminal, plain lines elsewhere."""

import shutil
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

PLAIN_EVERY = 5.0
"""Seconds between two plain lines of one stage."""
REDRAWN_EVERY = 0.2


class Show:
    """The stage that runs, its detail and the time since the start."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._living = sys.stdout.isatty()
        self._details: dict[str, str] = {}
        self._said = ("", 0.0)
        self._lock = threading.Lock()

    def elapsed(self) -> str:
        """Minutes and seconds since the start."""
        seconds = int(time.monotonic() - self._started)
        return f"{seconds // 60}:{seconds % 60:02d}"

    def detail(self, stage: str, text: str) -> None:
        """Say how far a stage is."""
        with self._lock:
            if stage in self._details:
                self._details[stage] = text
            if not self._living:
                self._plain()

    def line(self, text: str = "") -> None:
        """Print a line that stays."""
        with self._lock:
            self._wipe()
            print(text, flush=True)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Show a stage while the block runs, and its duration at the end. Stages may overlap."""
        began = time.monotonic()
        with self._lock:
            self._details[name] = ""
            if not self._living:
                print(f"[{self.elapsed()}] {name} ...", flush=True)
        try:
            yield
        except BaseException:
            self._end(name, "stopped", began)
            raise
        self._end(name, "done", began)

    @contextmanager
    def living(self) -> Iterator[None]:
        """Redraw the line all the while, on a terminal."""
        over = threading.Event()

        def redraw() -> None:
            while not over.wait(REDRAWN_EVERY):
                with self._lock:
                    self._wipe()
                    if self._details:
                        sys.stdout.write(self._text()[: _columns()])
                        sys.stdout.flush()

        painter = threading.Thread(target=redraw, daemon=True)
        if self._living:
            painter.start()
        try:
            yield
        finally:
            over.set()

    def _end(self, name: str, state: str, began: float) -> None:
        with self._lock:
            detail = self._details.pop(name, "")
            self._wipe()
            tail = f" ({detail})" if detail else ""
            took = time.monotonic() - began
            print(f"[{self.elapsed()}] {name}: {state} in {took:.0f} s{tail}", flush=True)

    def _plain(self) -> None:
        text, now = self._text(), time.monotonic()
        before, at = self._said
        if text.partition(" ")[2] != before and now - at >= PLAIN_EVERY:
            self._said = (text.partition(" ")[2], now)
            print(text, flush=True)

    def _text(self) -> str:
        stages = [f"{name}: {text}" if text else name for name, text in self._details.items()]
        return f"[{self.elapsed()}] {' | '.join(stages)}"

    def _wipe(self) -> None:
        if self._living:
            sys.stdout.write("\r\033[K")


def _columns() -> int:
    return shutil.get_terminal_size().columns - 1
